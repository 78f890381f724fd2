"""`opensqt config ...`: what a configuration file may say, and what has changed in the one that is in use."""

from __future__ import annotations

import sys

import typer

from opensqt_actors.cli.operations import WAIT_TIMEOUT, OperationKey, Wait, outcome
from opensqt_actors.cli.options import Json, Socket, Timeout, connect, say

APPLY_TIMEOUT = 60.0  # seconds; the venue is asked about every change

app = typer.Typer(no_args_is_help=True, help="What a configuration file may say, and what has changed in it.")


@app.command("schema")
def show_schema() -> None:
    """Print the JSON Schema of the configuration file, for editors: units, bounds, and what changes live."""
    from opensqt_actors.config.schema import schema_text

    sys.stdout.write(schema_text())


@app.command("apply")
def apply_config(
    context: typer.Context,
    wait: Wait = False,
    key: OperationKey = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Let the supervisor read its file again and apply changed grid settings to the symbols that trade, one by one.

    A file with a mistake, or with a change that needs a restart, changes nothing: one sentence says what it is.
    """
    with connect(context, socket, timeout, default=WAIT_TIMEOUT if wait else APPLY_TIMEOUT) as client:
        answer = client.call("ApplyConfig", client.pb.ApplyConfigRequest(operation_key=key))
        for note in answer.notes:
            print(note, file=sys.stderr)
        known = wait and answer.operation_key
        sentence = outcome(client, answer.operation_key) if known else answer.sentence
    say(context, json, sentence, operation=answer.operation_key, notes=list(answer.notes))
