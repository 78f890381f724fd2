"""`opensqt reconcile`: compare a market with the venue now, and accept what the venue holds if that is meant."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.cli.options import Account, Json, Socket, SymbolName, Timeout, as_json, connect


def reconcile(
    context: typer.Context,
    symbol: SymbolName,
    accept: Annotated[
        bool, typer.Option("--accept", help="Bring the books to what the venue holds, however large the difference.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before accepting.")] = False,
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Compare orders, trades and position of a market with the venue's, now. Exit code 1 when they differ."""
    if accept and not yes:
        _confirm(symbol)
    with connect(context, socket, timeout) as client:
        from opensqt_actors.api.reconcile_mapping import reconciled_from

        request = client.pb.ReconcileSymbolRequest(account=account, symbol=symbol, accept=accept)
        view = reconciled_from(client.call("ReconcileSymbol", request), account, symbol)
    if as_json(context, json):
        from opensqt_actors.cli.json_output import dump, reconciled

        print(dump(reconciled(view)))
    else:
        print(view.sentence)
        print(
            f"orders of ours at the venue: {view.orders}, of others: {view.foreign_orders}; fills that were missed: "
            f"{view.missed_fills}, trades of others: {view.foreign_trades}"
        )
    if view.verdict != "same":
        raise typer.Exit(Exit.ERROR)


def _confirm(symbol: str) -> None:
    """Ask a person; where there is none, --yes is needed."""
    if not sys.stdin.isatty():
        sentence = "--accept changes what the books hold to what the venue holds; confirm it with --yes"
        raise Failure(Exit.ERROR, "confirmation", sentence)
    print(f"let the books of {symbol} hold what the venue holds? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Failure(Exit.ERROR, "confirmation", "nothing was changed")
