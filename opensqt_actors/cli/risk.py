"""`opensqt risk ...`: what the risk rules say, breakers opened and closed by hand, the emergency exit."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from opensqt_actors.cli.operations import WAIT_TIMEOUT, OperationKey, Wait, outcome
from opensqt_actors.cli.options import Account, Json, Socket, Timeout, as_json, confirm, connect, say

app = typer.Typer(
    no_args_is_help=True, help="See what the risk rules say; open and close breakers; the emergency exit."
)

OptionalSymbol = Annotated[
    str, typer.Argument(metavar="[SYMBOL]", help="The market as the venue writes it; none: the global breaker.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is part of what everybody is shown.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("status")
def risk_status(
    context: typer.Context,
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Show the breakers, emergency exits, the volume-spike monitor, and what the accounts use of the total limit."""
    with connect(context, socket, timeout) as client:
        answer = client.call("GetRisk", client.pb.GetRiskRequest())
    from opensqt_actors.api.risk_mapping import risk_from

    view = risk_from(answer)
    if as_json(context, json):
        from opensqt_actors.cli.json_output import dump, risk

        print(dump(risk(view)))
        return
    from opensqt_actors.cli.render import show
    from opensqt_actors.cli.risk_table import risk_table

    show(risk_table(view, time.time_ns()))


@app.command("trip")
def trip(
    context: typer.Context,
    symbol: OptionalSymbol = "",
    reason: Reason = "",
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Open a circuit breaker: opening orders are cancelled, exits stay. It stays open until it is reset."""
    with connect(context, socket, timeout) as client:
        request = client.pb.TripBreakerRequest(account=account, symbol=symbol, reason=reason)
        sentence = client.call("TripBreaker", request).sentence
    say(context, json, sentence, symbol=symbol)


@app.command("reset")
def reset(
    context: typer.Context,
    symbol: OptionalSymbol = "",
    reason: Reason = "",
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Close a circuit breaker, whatever opened it; everything is measured anew."""
    with connect(context, socket, timeout) as client:
        request = client.pb.ResetBreakerRequest(account=account, symbol=symbol, reason=reason)
        sentence = client.call("ResetBreaker", request).sentence
    say(context, json, sentence, symbol=symbol)


@app.command("emergency-exit")
def emergency_exit(
    context: typer.Context,
    reason: Reason = "",
    yes: Yes = False,
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Cancel every order of an account and close its positions at the market; nothing opens until it is cleared."""
    if not yes:
        confirm(
            f"Cancel every order{f' of {account}' if account else ''} and close all positions at the market?",
            "an emergency exit closes all positions at the market; confirm it with --yes",
        )
    with connect(context, socket, timeout) as client:
        request = client.pb.EmergencyExitRequest(account=account, reason=reason)
        sentence = client.call("EmergencyExit", request).sentence
    say(context, json, sentence)


@app.command("verify-flat")
def verify_flat(
    context: typer.Context,
    symbol: Annotated[
        str, typer.Argument(metavar="[SYMBOL]", help="The market as the venue writes it; none: the whole account.")
    ] = "",
    wait: Wait = False,
    key: OperationKey = "",
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Ask the venue until a market, or the account, holds nothing and rests nothing of ours; an alarm if it does not.

    After `symbols flatten`, `symbols remove --mode flatten` and an emergency exit this is done anyway.
    """
    with connect(context, socket, timeout, default=WAIT_TIMEOUT if wait else None) as client:
        request = client.pb.VerifyFlatRequest(account=account, symbol=symbol, operation_key=key)
        answer = client.call("VerifyFlat", request)
        sentence = outcome(client, answer.operation_key) if wait else answer.sentence
    say(context, json, sentence, symbol=symbol, operation=answer.operation_key)


@app.command("clear-emergency")
def clear_emergency(
    context: typer.Context,
    reason: Reason = "",
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """End an emergency exit: the account trades again, its equity now is the new reference."""
    with connect(context, socket, timeout) as client:
        request = client.pb.ClearEmergencyRequest(account=account, reason=reason)
        sentence = client.call("ClearEmergency", request).sentence
    say(context, json, sentence)
