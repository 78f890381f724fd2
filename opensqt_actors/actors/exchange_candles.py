"""The candles that the volume-spike monitor needs through one account: fetched at the start, then as they close."""

from __future__ import annotations

from collections.abc import Iterable

from opensqt_actors.actors import ports
from opensqt_actors.actors.risk_messages import WatchCandles
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.runtime.effects import Effect


class CandleWatch:
    """Which symbols are watched, traded or not, and what of them is still to be asked for."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._watch = WatchCandles((), "1m", 0)
        self._history: set[str] = set()
        self._streams: set[str] = set()

    def wants(self, symbol: str, interval: str = "") -> bool:
        """Whether a symbol is watched, in candles of this interval."""
        return symbol in self._watch.symbols and interval in ("", self._watch.interval)

    def begin(self, message: WatchCandles, traded: Iterable[str]) -> list[Effect]:
        """Watch these from now on."""
        self._watch = message
        self._history = set(message.symbols)
        self._streams = set(message.symbols) - set(traded)
        return self.ask()

    def missed(self) -> None:
        """The price stream was away: candles may have closed meanwhile."""
        self._history = set(self._watch.symbols)

    def ask(self) -> list[Effect]:
        """Ask for what is still lacking; what fails is asked for again."""
        watch = self._watch
        history = [ports.FetchCandles(symbol, watch.interval, watch.window) for symbol in sorted(self._history)]
        streams = [ports.PrepareSymbol(symbol) for symbol in sorted(self._streams)]
        self._history, self._streams = set(), set()
        return [*history, *streams]

    def prepared(self, instrument: Instrument) -> list[Effect]:
        """The venue knows a symbol that nobody trades here."""
        return [ports.Subscribe(instrument)] if self.wants(instrument.symbol) else []

    def refused(self, message: ports.SymbolRefused) -> list[Effect]:
        """It does not, or not now."""
        if not self.wants(message.symbol):
            return []
        if not message.final:
            self._streams.add(message.symbol)
            return []
        sentence = f"risk.monitor: {message.symbol} is not watched: {message.reason}"
        return [ports.Announce("risk.not_watched", self._account, message.symbol, sentence, "error")]

    def failed(self, message: ports.CandlesFailed) -> None:
        """Its past could not be had."""
        self._history.add(message.symbol)
