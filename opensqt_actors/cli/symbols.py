"""`opensqt symbols ...`: list, add, remove, pause and resume markets while the others trade."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.cli.operations import WAIT_TIMEOUT, OperationKey, Wait, outcome
from opensqt_actors.cli.options import Account, Json, Socket, SymbolName, Timeout, as_json, confirm, connect, say
from opensqt_actors.domain.settings import GridMode, RemoveMode, SymbolState, Trail

ADD_TIMEOUT = 60.0  # seconds; the venue has to confirm the symbol

app = typer.Typer(no_args_is_help=True, help="List, add, remove, pause and resume markets while the others trade.")


@app.command("list")
def list_symbols(
    context: typer.Context,
    account: Account = "",
    state: Annotated[list[SymbolState] | None, typer.Option(help="Only these states.")] = None,
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Show the markets, one line each."""
    with connect(context, socket, timeout) as client:
        from opensqt_actors.api.mapping import row_from
        from opensqt_actors.api.values import STATES

        request = client.pb.ListSymbolsRequest(account=account, states=[STATES.to(one) for one in state or ()])
        rows = tuple(row_from(row) for row in client.call("ListSymbols", request).symbols)
    if as_json(context, json):
        from opensqt_actors.cli.json_output import dump, symbol_row

        print(dump([symbol_row(row) for row in rows]))
        return
    from opensqt_actors.cli import render

    several = len({row.account for row in rows}) > 1
    render.show(render.SymbolsTable(rows, time.time_ns(), accounts=several))


@app.command("add")
def add_symbol(
    context: typer.Context,
    symbol: SymbolName,
    mode: Annotated[GridMode | None, typer.Option(help="Which side opens.", case_sensitive=False)] = None,
    amount: Annotated[str | None, typer.Option(metavar="NUMBER", help="Quote currency per level.")] = None,
    interval_percent: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Distance of two levels, percent of the price: 0.4")
    ] = None,
    interval: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Distance of two levels, quote currency.")
    ] = None,
    buy_window: Annotated[int | None, typer.Option(min=0, max=200, help="Opening levels below the market.")] = None,
    sell_window: Annotated[int | None, typer.Option(min=0, max=200, help="Opening levels above the market.")] = None,
    skew: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="How far a full inventory shifts the grid, as a fraction.")
    ] = None,
    atr_scale: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Multiple of the average true range; 0 is off.")
    ] = None,
    max_multiple: Annotated[
        int | None,
        typer.Option(min=1, max=1_000, help="Largest multiple of the interval that --atr-scale may ask for."),
    ] = None,
    volatility_sizing: Annotated[
        bool | None, typer.Option("--volatility-sizing/--no-volatility-sizing", help="Smaller amounts when it is wild.")
    ] = None,
    max_position: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Largest position at cost, quote currency.")
    ] = None,
    max_open_orders: Annotated[int | None, typer.Option(min=1, max=1_000, help="Most resting orders.")] = None,
    anchor: Annotated[str | None, typer.Option(metavar="PRICE", help="Origin of the grid's levels.")] = None,
    min_price: Annotated[str | None, typer.Option(metavar="PRICE", help="Open nothing below.")] = None,
    max_price: Annotated[str | None, typer.Option(metavar="PRICE", help="Open nothing above.")] = None,
    trail: Annotated[
        Trail | None, typer.Option(case_sensitive=False, help="Where the centre of the grid may follow the price.")
    ] = None,
    adopt: Annotated[bool, typer.Option("--adopt", help="Take over a position that is there already.")] = False,
    strategy: Annotated[str, typer.Option(help="Name of the strategy.")] = "",
    key: OperationKey = "",
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Add a market. What is not given has the value of `defaults` in the supervisor's configuration."""
    if interval is not None and interval_percent is not None:
        raise Failure(Exit.ERROR, "invalid", "give --interval or --interval-percent, not both")
    with connect(context, socket, timeout, default=ADD_TIMEOUT) as client:
        from opensqt_actors.api.values import MODES, TRAILS
        from opensqt_actors.wire.v1 import common_pb2, registry_pb2

        def decimal(text: str | None) -> common_pb2.Decimal | None:
            return None if text is None else common_pb2.Decimal(value=text.strip())

        grid = registry_pb2.GridSettings(
            mode=MODES.to(mode) if mode is not None else None,
            amount=decimal(amount),
            interval=decimal(interval),
            interval_percent=decimal(interval_percent),
            buy_window=buy_window,
            sell_window=sell_window,
            skew=decimal(skew),
            atr_scale=decimal(atr_scale),
            max_multiple=max_multiple,
            volatility_sizing=volatility_sizing,
            max_position=decimal(max_position),
            max_open_orders=max_open_orders,
            anchor=decimal(anchor),
            min_price=decimal(min_price),
            max_price=decimal(max_price),
            trail=TRAILS.to(trail) if trail is not None else None,
        )
        spec = registry_pb2.SymbolSpec(
            account=account, symbol=symbol, strategy=strategy, grid=grid, adopt_position=adopt
        )
        answer = client.call("AddSymbol", client.pb.AddSymbolRequest(spec=spec, operation_key=key))
    say(context, json, answer.sentence, symbol=symbol, operation=answer.operation_key)


@app.command("remove")
def remove_symbol(
    context: typer.Context,
    symbol: SymbolName,
    mode: Annotated[
        RemoveMode,
        typer.Option(
            case_sensitive=False,
            help="graceful: no openings, exits stay until flat; flatten: close now; leave: the position stays, yours.",
        ),
    ] = RemoveMode.GRACEFUL,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before closing a position.")] = False,
    wait: Wait = False,
    key: OperationKey = "",
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Remove a market; what becomes of its position is the mode's business."""
    if mode is RemoveMode.FLATTEN and not yes:
        confirm(
            f"close the position of {symbol} at the market, now?",
            "flatten closes a position at the market; confirm it with --yes",
        )
    with connect(context, socket, timeout, default=WAIT_TIMEOUT if wait else None) as client:
        from opensqt_actors.api.values import REMOVALS

        request = client.pb.RemoveSymbolRequest(
            account=account, symbol=symbol, mode=REMOVALS.to(mode), operation_key=key
        )
        answer = client.call("RemoveSymbol", request)
        sentence = outcome(client, answer.operation_key) if wait else answer.sentence
    say(context, json, sentence, symbol=symbol, mode=mode.value, operation=answer.operation_key)


@app.command("flatten")
def flatten_symbol(
    context: typer.Context,
    symbol: SymbolName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    wait: Wait = False,
    key: OperationKey = "",
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Pause a market, cancel its orders and close its position at the market; `resume` lets it trade again."""
    if not yes:
        confirm(
            f"cancel every order of {symbol} and close its position at the market, now?",
            "flatten closes a position at the market; confirm it with --yes",
        )
    with connect(context, socket, timeout, default=WAIT_TIMEOUT if wait else None) as client:
        request = client.pb.FlattenSymbolRequest(account=account, symbol=symbol, operation_key=key)
        answer = client.call("FlattenSymbol", request)
        sentence = outcome(client, answer.operation_key) if wait else answer.sentence
    say(context, json, sentence, symbol=symbol, operation=answer.operation_key)


@app.command("move")
def move_symbol(
    context: typer.Context,
    symbol: SymbolName,
    to: Annotated[str, typer.Option("--to", metavar="SHARD", help="Name of the shard: shard-1.")],
    key: OperationKey = "",
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Let another shard trade a market; its orders stay on the venue."""
    with connect(context, socket, timeout) as client:
        request = client.pb.MoveSymbolRequest(account=account, symbol=symbol, shard_id=to, operation_key=key)
        answer = client.call("MoveSymbol", request)
    say(context, json, answer.sentence, symbol=symbol, shard=to, operation=answer.operation_key)


@app.command("pause")
def pause_symbol(
    context: typer.Context,
    symbol: SymbolName,
    key: OperationKey = "",
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Stop opening; resting opening orders are cancelled, exits stay. Survives a restart."""
    with connect(context, socket, timeout) as client:
        request = client.pb.PauseSymbolRequest(account=account, symbol=symbol, operation_key=key)
        answer = client.call("PauseSymbol", request)
    say(context, json, answer.sentence, symbol=symbol, operation=answer.operation_key)


@app.command("resume")
def resume_symbol(
    context: typer.Context,
    symbol: SymbolName,
    key: OperationKey = "",
    account: Account = "",
    socket: Socket = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """End a pause, a refusal or a quarantine."""
    with connect(context, socket, timeout) as client:
        request = client.pb.ResumeSymbolRequest(account=account, symbol=symbol, operation_key=key)
        answer = client.call("ResumeSymbol", request)
    say(context, json, answer.sentence, symbol=symbol, operation=answer.operation_key)
