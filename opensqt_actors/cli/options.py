"""Options that every command has, and what they come to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import Struct

from opensqt_actors.cli.client import Client
from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.config.paths import find_socket

DEFAULT_TIMEOUT = 10.0

Socket = Annotated[
    str | None, typer.Option("--socket", help="The supervisor's socket; else $OPENSQT_SOCKET, else the usual places.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Timeout = Annotated[float | None, typer.Option("--timeout", min=0.1, max=600, help="Seconds to wait for an answer.")]
Account = Annotated[str, typer.Option("--account", help="The venue account; needed when there are several.")]
SymbolName = Annotated[str, typer.Argument(metavar="SYMBOL", help="The market as the venue writes it: BTCUSDT.")]


class Given(Struct):
    """What was said before the command's name."""

    socket: str | None = None
    json: bool = False
    timeout: float | None = None


def given(context: typer.Context) -> Given:
    """The options before the command's name."""
    found = context.find_object(Given)
    return found if found is not None else Given()


def as_json(context: typer.Context, json: bool) -> bool:
    """Whether JSON was asked for, before or after the command's name."""
    return json or given(context).json


def connect(
    context: typer.Context, socket: str | None, timeout: float | None, *, default: float | None = None
) -> Client:
    """A connection to the supervisor that is meant."""
    before = given(context)
    path = find_socket(socket or before.socket, Path.cwd())
    return Client(path, timeout or before.timeout or default or DEFAULT_TIMEOUT)


def say(context: typer.Context, json: bool, sentence: str, **fields: Any) -> None:
    """One sentence on stdout, or as JSON with more fields."""
    if as_json(context, json):
        from opensqt_actors.cli.json_output import dump

        print(dump({"ok": True, "sentence": sentence, **fields}))
    else:
        print(sentence)


def confirm(question: str, without: str) -> None:
    """Ask a person. without: the sentence for a place where there is none, which says what to give instead."""
    if not sys.stdin.isatty():
        raise Failure(Exit.ERROR, "confirmation", without)
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Failure(Exit.ERROR, "confirmation", "nothing was changed")
