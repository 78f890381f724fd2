"""`opensqt`: the operator's commands. Each imports what it needs when it runs, so that all of them start fast."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from opensqt_actors.cli import config as config_commands
from opensqt_actors.cli import operations, risk, shards, symbols
from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.cli.options import Account, Given, Json, Socket, SymbolName, Timeout, as_json, connect, say
from opensqt_actors.cli.reconcile import reconcile

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Trailing grids on perpetual futures: run them, watch them, change them while they trade.",
    epilog="Exit codes: 0 ok, 1 error, 2 not found, 3 not running, 4 configuration error, 5 time-out.",
)
app.add_typer(symbols.app, name="symbols")
app.add_typer(config_commands.app, name="config")
app.add_typer(shards.app, name="shards")
app.add_typer(risk.app, name="risk")
app.add_typer(operations.app, name="operations")
app.command()(reconcile)


def _version(wanted: bool) -> None:
    if wanted:
        from opensqt_actors import __version__

        print(f"opensqt {__version__}")
        raise typer.Exit


@app.callback()
def before(
    context: typer.Context,
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """What holds for every command."""
    context.obj = Given(socket, json, timeout)


@app.command()
def status(
    context: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep showing it, also over restarts.")] = False,
    interval: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds between two looks with --watch.")] = 1.0,
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Show how everything is: totals, streams, one line for each symbol."""
    wants_json = as_json(context, json)
    if watch:
        from opensqt_actors.cli.watch import watch as keep_watching

        keep_watching(lambda: connect(context, socket, timeout), interval, as_json=wants_json)
        return
    with connect(context, socket, timeout) as client:
        answer = client.status()
    from opensqt_actors.api.mapping import status_from

    view = status_from(answer)
    if wants_json:
        from opensqt_actors.cli import json_output

        print(json_output.dump(json_output.status(view)))
        return
    from opensqt_actors.cli import render

    render.show(render.status(view, time.time_ns()))


@app.command()
def explain(
    context: typer.Context,
    symbol: SymbolName,
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Show every level of a grid: its state, its order, or the reason why it has none."""
    with connect(context, socket, timeout) as client:
        answer = client.call("DescribeSymbol", client.pb.DescribeSymbolRequest(account=account, symbol=symbol))
    from opensqt_actors.api.mapping import symbol_from

    view = symbol_from(answer)
    if as_json(context, json):
        from opensqt_actors.cli import json_output

        print(json_output.dump(json_output.symbol(view)))
        return
    from opensqt_actors.cli import render

    render.show(render.explain(view, time.time_ns()))


@app.command()
def events(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens from now on.")] = False,
    latest: Annotated[int, typer.Option(min=0, max=1_000, help="So many past events first.")] = 50,
    symbol: Annotated[list[str] | None, typer.Option(help="Only these markets.")] = None,
    severity: Annotated[str, typer.Option(help="debug, info, warning, error or critical, and above.")] = "debug",
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Show what has happened, and with --follow what happens."""
    from opensqt_actors.api.event_mapping import SEVERITIES, SEVERITY_NAMES
    from opensqt_actors.cli import json_output

    if severity not in SEVERITIES:
        raise Failure(Exit.ERROR, "invalid", f"--severity must be one of {', '.join(SEVERITIES)}, not {severity!r}")
    wants_json = as_json(context, json)
    with connect(context, socket, timeout) as client:
        request = client.pb.SubscribeEventsRequest(
            account=account,
            symbols=symbol or (),
            minimum_severity=SEVERITIES[severity],
            latest=latest,
            past_only=not follow,
        )
        try:
            for answer in client.events(request, None if follow else client.timeout):
                line = json_output.event(answer.event, SEVERITY_NAMES)
                print(json_output.dump(line) if wants_json else _event_line(line), flush=True)
        except KeyboardInterrupt:
            return


def _event_line(event: dict[str, str]) -> str:
    about = " ".join(part for part in (event["account"], event["symbol"]) if part)
    return f"{event['time']}  {event['severity']:<8}  {about}{'  ' if about else ''}{event['sentence']}"


@app.command()
def shutdown(
    context: typer.Context,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the supervisor is gone.")] = False,
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Stop trading in order: openings are cancelled, exits go by policy, the journal is flushed, the process ends."""
    with connect(context, socket, timeout, default=30.0) as client:
        sentence = client.call("Shutdown", client.pb.ShutdownRequest()).sentence
        if wait:
            _until_gone(client.path, client.timeout)
            sentence = "the supervisor has stopped"
    say(context, json, sentence)


def _until_gone(path: Path, timeout: float) -> None:
    """Wait for the socket to be taken away, which is among the last things that a supervisor does."""
    deadline = time.monotonic() + timeout
    while path.exists():
        if time.monotonic() > deadline:
            raise Failure(Exit.TIMEOUT, "timeout", f"the supervisor is still there after {timeout:g} s")
        time.sleep(0.05)


def _add_large() -> None:
    from opensqt_actors.cli.check import check
    from opensqt_actors.cli.demo import demo

    app.command()(check)
    app.command()(demo)


_add_large()


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        ended = typer.main.get_command(app).main(args=words, prog_name="opensqt", standalone_mode=False)
        sys.stdout.flush()
    except Failure as failure:
        _tell(failure, words)
        return failure.exit_code
    except TyperException as error:
        message = error.format_message()
        if type(error).__name__ != "NoArgsIsHelpError":
            message = f"{message[:1].lower()}{message[1:]} (try --help)"
            _tell(Failure(Exit.ERROR, "usage", message), words)
        return Exit.ERROR
    except BrokenPipeError:
        return _unread()
    except SystemExit as ended_early:
        # typer's own answer to a closed pipe
        if isinstance(ended_early.__context__, BrokenPipeError):
            return _unread()
        raise
    return ended if isinstance(ended, int) else Exit.OK


def _unread() -> int:
    """Whoever read our output has had enough of it: that is no error. What is still buffered goes nowhere."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return Exit.OK


def _tell(failure: Failure, words: Sequence[str]) -> None:
    if "--json" in words:
        from opensqt_actors.cli.json_output import dump

        print(dump({"ok": False, "error": {"code": failure.code, "sentence": failure.sentence}}))
    print(failure.sentence, file=sys.stderr)


def main() -> int:
    """The console script."""
    return int(run())


if __name__ == "__main__":
    sys.exit(main())
