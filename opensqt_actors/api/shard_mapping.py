"""Commands to a shard's process and facts from it on the wire, both ways; what is not known here is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from opensqt_actors.actors import exchange, operator, symbol
from opensqt_actors.actors.ports import Announce, Reply, SymbolPrepared, SymbolRefused
from opensqt_actors.actors.shard_link import Hello, Measured, Screens
from opensqt_actors.actors.shard_messages import (
    AddSymbolActor,
    ReleaseSymbol,
    ShardRestarted,
    ShardStopped,
    ShareBudget,
    StartShard,
    StopShard,
    SymbolLeft,
    SymbolQuarantined,
    SymbolReleased,
    ToSymbol,
)
from opensqt_actors.actors.views import AccountRow, Durations, HoldingsView, ReconcileView, SymbolView
from opensqt_actors.api.event_mapping import SEVERITIES, SEVERITY_NAMES, detail_text, kind_of
from opensqt_actors.api.mapping import (
    account_from,
    account_to,
    row_from,
    row_to,
    settings_from,
    settings_to,
    symbol_from,
    symbol_to,
)
from opensqt_actors.api.reconcile_mapping import reconciled_from, reconciled_to
from opensqt_actors.api.shard_risk_mapping import (
    risk_command_from,
    risk_command_to,
    risk_fact_from,
    risk_fact_to,
    saved_from,
    saved_to,
)
from opensqt_actors.api.values import (
    REMOVALS,
    STATES,
    decimal_from,
    decimal_to,
    optional_from,
    optional_to,
)
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import AccountState, Candle, Fees
from opensqt_actors.domain.settings import GridSettings, SymbolSpec
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.wire.v1 import registry_pb2, shard_pb2

# --- commands --------------------------------------------------------------------------------------------------------


def command_to(command: Any) -> shard_pb2.AttachRequest:
    """A message to the ShardActor."""
    match command:
        case StartShard(saved, shares):
            start = shard_pb2.ShardStart(
                shares=[_share_to(*share) for share in shares], saved=[saved_to(row) for row in saved]
            )
            return shard_pb2.AttachRequest(start=start)
        case AddSymbolActor(spec, saved):
            add = spec_to(spec)
            add.saved.extend(saved_to(row) for row in saved)
            return shard_pb2.AttachRequest(add=add)
        case ReleaseSymbol(account, name):
            return shard_pb2.AttachRequest(release=_name_to(account, name))
        case ToSymbol(account, name, symbol.Pause()):
            return shard_pb2.AttachRequest(pause=_name_to(account, name))
        case ToSymbol(account, name, symbol.Resume()):
            return shard_pb2.AttachRequest(resume=_name_to(account, name))
        case ToSymbol(account, name, symbol.Remove(mode)):
            remove = shard_pb2.ShardRemove(account=account, symbol=name, mode=REMOVALS.to(mode))
            return shard_pb2.AttachRequest(remove=remove)
        case ToSymbol(account, name, symbol.Describe(request)):
            return shard_pb2.AttachRequest(describe=_question_to(request, account, name))
        case ToSymbol(account, name, symbol.ReconcileNow(request, accept)):
            question = shard_pb2.ShardReconcile(request=request, account=account, symbol=name, accept=accept)
            return shard_pb2.AttachRequest(reconcile=question)
        case ToSymbol(account, name, symbol.Flatten()):
            return shard_pb2.AttachRequest(flatten=_name_to(account, name))
        case exchange.CheckHoldings(request, account, symbols, instance, whole):
            holdings = shard_pb2.ShardHoldingsQuestion(
                request=request, account=account, symbols=symbols, instance=instance, whole=whole
            )
            return shard_pb2.AttachRequest(holdings=holdings)
        case exchange.CheckSymbol(request, path):
            account, _, name = path.partition("/")
            return shard_pb2.AttachRequest(check=_question_to(request, account, name))
        case ShareBudget(account, thousandths):
            return shard_pb2.AttachRequest(share=_share_to(account, thousandths))
        case StopShard(openings, exits):
            return shard_pb2.AttachRequest(stop=shard_pb2.ShardStop(cancel_openings=openings, cancel_exits=exits))
        case _:
            return risk_command_to(command)


def command_from(message: shard_pb2.AttachRequest, asker: ActorId) -> Any:
    """The message as it was before `command_to`. asker: who gets the answer to a check."""
    match message.WhichOneof("command"):
        case "start":
            shares = tuple((share.account, share.thousandths) for share in message.start.shares)
            return StartShard(tuple(saved_from(row) for row in message.start.saved), shares)
        case "add":
            return AddSymbolActor(spec_from(message.add), tuple(saved_from(row) for row in message.add.saved))
        case "release":
            return ReleaseSymbol(message.release.account, message.release.symbol)
        case "pause":
            return ToSymbol(message.pause.account, message.pause.symbol, symbol.Pause())
        case "resume":
            return ToSymbol(message.resume.account, message.resume.symbol, symbol.Resume())
        case "remove":
            mode = REMOVALS.read(message.remove.mode, "mode")
            return ToSymbol(message.remove.account, message.remove.symbol, symbol.Remove(mode))
        case "flatten":
            return ToSymbol(message.flatten.account, message.flatten.symbol, symbol.Flatten())
        case "holdings":
            about = message.holdings
            return exchange.CheckHoldings(
                about.request, about.account, tuple(about.symbols), about.instance, whole=about.whole
            )
        case "describe":
            question = message.describe
            return ToSymbol(question.account, question.symbol, symbol.Describe(question.request))
        case "reconcile":
            asked = message.reconcile
            return ToSymbol(asked.account, asked.symbol, symbol.ReconcileNow(asked.request, asked.accept))
        case "check":
            question = message.check
            return exchange.CheckSymbol(question.request, f"{question.account}/{question.symbol}", asker)
        case "share":
            return ShareBudget(message.share.account, message.share.thousandths)
        case "stop":
            return StopShard(message.stop.cancel_openings, message.stop.cancel_exits)
        case _:
            return risk_command_from(message)


def spec_to(spec: SymbolSpec) -> shard_pb2.ShardSymbol:
    """A registry row."""
    return shard_pb2.ShardSymbol(
        spec=registry_pb2.SymbolSpec(
            account=spec.account,
            symbol=spec.symbol,
            strategy=spec.strategy,
            grid=settings_to(spec.grid),
            adopt_position=spec.adopt,
        ),
        number=spec.number,
        state=STATES.to(spec.state),
        remove_mode=None if spec.remove_mode is None else REMOVALS.to(spec.remove_mode),
        epoch=spec.epoch,
    )


def spec_from(message: shard_pb2.ShardSymbol) -> SymbolSpec:
    """A registry row as it was before `spec_to`; where it is placed is the supervisor's business."""
    spec = message.spec
    return SymbolSpec(
        account=spec.account,
        symbol=spec.symbol,
        number=message.number,
        grid=settings_from(spec.grid, GridSettings()),
        strategy=spec.strategy,
        state=STATES.read(message.state, "state"),
        remove_mode=REMOVALS.read(message.remove_mode, "remove_mode") if message.remove_mode else None,
        adopt=spec.adopt_position,
        epoch=message.epoch,
    )


def _name_to(account: str, name: str) -> shard_pb2.SymbolName:
    return shard_pb2.SymbolName(account=account, symbol=name)


def _question_to(request: int, account: str, name: str) -> shard_pb2.ShardQuestion:
    return shard_pb2.ShardQuestion(request=request, account=account, symbol=name)


def _share_to(account: str, thousandths: int) -> shard_pb2.BudgetShare:
    return shard_pb2.BudgetShare(account=account, thousandths=thousandths)


# --- facts -----------------------------------------------------------------------------------------------------------


def fact_to(fact: Any, number: int) -> shard_pb2.AttachResponse:
    """What a shard tells. number: the shard's."""
    response = shard_pb2.AttachResponse
    match fact:
        case Hello():
            hello = shard_pb2.ShardHello(
                shard=number,
                pid=fact.pid,
                version=fact.version,
                configuration=fact.configuration,
                started=fact.started,
                symbols=[spec_to(spec) for spec in fact.symbols],
            )
            return response(hello=hello)
        case Screens(rows, accounts, measured):
            screens = shard_pb2.ShardScreens(
                symbols=[row_to(row) for row in rows],
                accounts=[
                    shard_pb2.ShardAccount(status=account_to(row), thousandths=row.thousandths) for row in accounts
                ],
                resident=measured.resident,
                pending=measured.pending,
                durations=[
                    shard_pb2.ShardDurations(name=one.name, counts=one.counts, total=one.total)
                    for one in measured.durations
                ],
            )
            return response(screens=screens)
        case Announce():
            return response(event=_event_to(fact))
        case Reply(request, SymbolView() as view):
            return response(described=shard_pb2.ShardDescribed(request=request, view=symbol_to(view)))
        case Reply(request, ReconcileView() as view):
            reconciled = shard_pb2.ShardReconciled(
                request=request, account=view.account, symbol=view.symbol, view=reconciled_to(view)
            )
            return response(reconciled=reconciled)
        case Reply(request, HoldingsView() as view):
            return response(holdings=_holdings_to(request, view))
        case Reply(request, operator.Refusal(code, sentence)):
            return response(refused=shard_pb2.ShardRefused(request=request, code=code, sentence=sentence))
        case exchange.SymbolChecked(request, answer):
            return response(checked=_checked_to(request, answer))
        case SymbolLeft(account, name):
            return response(left=_name_to(account, name))
        case SymbolReleased(account, name):
            return response(released=_name_to(account, name))
        case SymbolQuarantined(account, name, sentence):
            return response(quarantined=_sentence_to(account, name, sentence))
        case symbol.SymbolUnable(account, name, sentence):
            return response(unable=_sentence_to(account, name, sentence))
        case ShardRestarted(actor, reason):
            return response(restarted=shard_pb2.ActorRestarted(actor=actor, reason=reason))
        case ShardStopped():
            return response(stopped=shard_pb2.ShardStopped())
        case Reply(request, operator.Done(sentence)):
            return response(done=shard_pb2.ShardDone(request=request, sentence=sentence))
        case _:
            return risk_fact_to(fact)


def fact_from(message: shard_pb2.AttachResponse) -> Any:
    """The fact as it was before `fact_to`."""
    match message.WhichOneof("fact"):
        case "hello":
            hello = message.hello
            symbols = tuple(spec_from(spec) for spec in hello.symbols)
            return Hello(hello.pid, hello.version, hello.configuration, hello.started, symbols)
        case "screens":
            screens = message.screens
            rows = tuple(row_from(row) for row in screens.symbols)
            durations = tuple(Durations(one.name, tuple(one.counts), one.total) for one in screens.durations)
            measured = Measured(screens.resident, screens.pending, durations)
            return Screens(rows, tuple(_account_from(row) for row in screens.accounts), measured)
        case "event":
            event = message.event
            level = SEVERITY_NAMES.get(event.severity, "info")
            return Announce(event.code, event.account, event.symbol, event.sentence, level, dict(event.details))
        case "described":
            return Reply(message.described.request, symbol_from(message.described.view))
        case "reconciled":
            answer = message.reconciled
            return Reply(answer.request, reconciled_from(answer.view, answer.account, answer.symbol))
        case "holdings":
            return _holdings_from(message.holdings)
        case "refused":
            refused = message.refused
            return Reply(refused.request, operator.Refusal(refused.code, refused.sentence))
        case "checked":
            return _checked_from(message.checked)
        case "left":
            return SymbolLeft(message.left.account, message.left.symbol)
        case "released":
            return SymbolReleased(message.released.account, message.released.symbol)
        case "quarantined":
            told = message.quarantined
            return SymbolQuarantined(told.account, told.symbol, told.sentence)
        case "unable":
            told = message.unable
            return symbol.SymbolUnable(told.account, told.symbol, told.sentence)
        case "restarted":
            return ShardRestarted(ActorId(message.restarted.actor), message.restarted.reason)
        case "stopped":
            return ShardStopped()
        case "done":
            return Reply(message.done.request, operator.Done(message.done.sentence))
        case _:
            return risk_fact_from(message)


def _holdings_to(request: int, view: HoldingsView) -> shard_pb2.ShardHoldings:
    return shard_pb2.ShardHoldings(
        request=request,
        account=view.account,
        positions=[shard_pb2.HeldPosition(symbol=name, quantity=decimal_to(held)) for name, held in view.positions],
        orders=[shard_pb2.RestingOrders(symbol=name, count=count) for name, count in view.orders],
    )


def _holdings_from(message: shard_pb2.ShardHoldings) -> Reply:
    positions = tuple((held.symbol, decimal_from(held.quantity, "quantity")) for held in message.positions)
    orders = tuple((resting.symbol, resting.count) for resting in message.orders)
    return Reply(message.request, HoldingsView(message.account, positions, orders))


def _account_from(message: shard_pb2.ShardAccount) -> AccountRow:
    row = account_from(message.status)
    return AccountRow(
        row.account, row.orders_stream, row.prices_stream, row.live_orders, row.waiting, row.paused_until, row.ticks,
        row.ticks_skipped, message.thousandths,
    )  # fmt: skip


def _event_to(announce: Announce) -> shard_pb2.ShardEvent:
    return shard_pb2.ShardEvent(
        code=announce.kind,
        kind=kind_of(announce.kind),
        severity=SEVERITIES.get(announce.level, SEVERITIES["info"]),
        account=announce.account,
        symbol=announce.symbol,
        sentence=announce.sentence,
        details={str(key): detail_text(value) for key, value in (announce.data or {}).items()},
    )


def _sentence_to(account: str, name: str, sentence: str) -> shard_pb2.SymbolSentence:
    return shard_pb2.SymbolSentence(account=account, symbol=name, sentence=sentence)


def _checked_to(request: int, answer: SymbolPrepared | SymbolRefused) -> shard_pb2.ShardChecked:
    if isinstance(answer, SymbolRefused):
        refused = shard_pb2.MarketRefused(symbol=answer.symbol, reason=answer.reason, final=answer.final)
        return shard_pb2.ShardChecked(request=request, refused=refused)
    market = answer.instrument
    close = answer.history[-1].close if answer.history else None
    facts = shard_pb2.MarketFacts(
        symbol=market.symbol,
        base=market.base,
        quote=market.quote,
        tick=decimal_to(market.tick),
        step=decimal_to(market.step),
        contract_size=decimal_to(market.contract_size),
        min_quantity=market.min_quantity,
        max_quantity=market.max_quantity,
        min_notional=decimal_to(market.min_notional),
        min_price=market.min_price,
        max_price=market.max_price,
        maker=decimal_to(answer.fees.maker),
        taker=decimal_to(answer.fees.taker),
        leverage=answer.leverage,
        close=optional_to(None if close is None else Decimal(str(close))),
    )
    return shard_pb2.ShardChecked(request=request, facts=facts)


def _checked_from(message: shard_pb2.ShardChecked) -> exchange.SymbolChecked:
    """Enough to check settings against: of the history only its newest close, of the account that it answered."""
    if message.WhichOneof("answer") == "refused":
        refused = message.refused
        return exchange.SymbolChecked(message.request, SymbolRefused(refused.symbol, refused.reason, refused.final))
    facts = message.facts
    instrument = Instrument(
        symbol=facts.symbol,
        base=facts.base,
        quote=facts.quote,
        tick=decimal_from(facts.tick, "tick"),
        step=decimal_from(facts.step, "step"),
        contract_size=decimal_from(facts.contract_size, "contract_size"),
        min_quantity=facts.min_quantity,
        max_quantity=facts.max_quantity,
        min_notional=decimal_from(facts.min_notional, "min_notional"),
        min_price=facts.min_price,
        max_price=facts.max_price,
    )
    close = optional_from(facts, "close")
    at = float(close) if close is not None else 0.0
    history = (Candle(facts.symbol, 0, at, at, at, at, 0.0, closed=True),) if close is not None else ()
    fees = Fees(decimal_from(facts.maker, "maker"), decimal_from(facts.taker, "taker"))
    account = AccountState(Decimal(0), Decimal(0), hedged=False, can_trade=True)
    return exchange.SymbolChecked(message.request, SymbolPrepared(instrument, fees, account, facts.leverage, history))
