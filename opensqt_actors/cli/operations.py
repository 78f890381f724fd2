"""`opensqt operations ...`: commands that take several steps, what they are at, and what came of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.cli.options import Json, Socket, Timeout, as_json, connect

if TYPE_CHECKING:
    from opensqt_actors.cli.client import Client

LOOK = 0.25  # seconds between two looks at an operation that is waited for
WAIT_TIMEOUT = 600.0

OperationKey = Annotated[
    str,
    typer.Option("--key", help="Names this command: with the same key it is done once, however often it is asked for."),
]
Wait = Annotated[bool, typer.Option("--wait", help="Return when it has ended; exit code 1 if it failed.")]

app = typer.Typer(no_args_is_help=True, help="Commands that take several steps: what runs, and what came of them.")


@app.command("list")
def list_operations(
    context: typer.Context,
    running: Annotated[bool, typer.Option("--running", help="Only those that are at work.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="So many of the newest.")] = 20,
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Show operations, the newest first: what they are at and since when, or what came of them."""
    with connect(context, socket, timeout) as client:
        answer = client.call("ListOperations", client.pb.ListOperationsRequest(running_only=running, limit=limit))
    from opensqt_actors.cli.operations_table import operation, operations_table

    lines = [operation(one) for one in answer.operations]
    if as_json(context, json):
        from opensqt_actors.cli.json_output import dump

        print(dump(lines))
        return
    from opensqt_actors.cli.render import show

    show(operations_table(lines, time.time_ns()))


@app.command("show")
def show_operation(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The key that the command said, or was given.")],
    wait: Wait = False,
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Show one operation with its steps."""
    with connect(context, socket, timeout, default=WAIT_TIMEOUT if wait else None) as client:
        answer = ended(client, key) if wait else client.call("GetOperation", client.pb.GetOperationRequest(key=key))
    from opensqt_actors.cli.operations_table import operation, operation_lines, shown

    if as_json(context, json):
        from opensqt_actors.cli.json_output import dump

        print(dump(shown(answer)))
    else:
        print("\n".join(operation_lines(answer, time.time_ns())))
    if wait and operation(answer.operation)["state"] == "failed":
        raise typer.Exit(Exit.ERROR)


def ended(client: Client, key: str) -> Any:
    """The answer about an operation once it has ended; Failure "timeout" when the client's time is over."""
    deadline = time.monotonic() + client.timeout
    while True:
        answer = client.call("GetOperation", client.pb.GetOperationRequest(key=key))
        if answer.operation.state != client.pb.OPERATION_STATE_RUNNING:
            return answer
        if time.monotonic() > deadline:
            sentence = f"operation {key} is still at {answer.operation.step!r} after {client.timeout:g} s; it goes on"
            raise Failure(Exit.TIMEOUT, "timeout", sentence)
        time.sleep(LOOK)


def outcome(client: Client, key: str) -> str:
    """The sentence of an operation once it has ended; Failure when it did not do what was asked."""
    operation = ended(client, key).operation
    if operation.state != client.pb.OPERATION_STATE_DONE:
        raise Failure(Exit.ERROR, "failed", operation.sentence)
    return str(operation.sentence)
