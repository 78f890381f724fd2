"""What `opensqt check` learns from a venue that is there, and that it changes nothing by asking."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from opensqt_actors.app.market_rules import AtHand, look_up
from opensqt_actors.cli.main import run
from opensqt_actors.config.loading import load

pytestmark = pytest.mark.integration


@pytest.fixture
def config(simulator: Any, tmp_path: Path) -> Any:
    def written(symbols: str) -> Path:
        path = tmp_path / "c.yaml"
        path.write_text(
            "accounts: {main: {venue: binanceusdm, api_key: sim-key-199, secret: sim-secret-199, "
            f"simulated: {{port: {simulator.port}, ca: {simulator.ca}}}}}}}\n"
            f"risk: {{preflight: {{max_leverage: 20}}}}\nsymbols: [{symbols}]\n"
        )
        return path

    return written


async def test_a_venue_that_is_there_tells_rules_fees_price_leverage_and_balance(config: Any, simulator: Any) -> None:
    settings = load(config("{symbol: BTCUSDT, interval_percent: 0.4}, {symbol: BTCUSD, interval_percent: 0.4}"))
    known = await look_up(settings, settings.specs(), AtHand(), patience=10, offline=False)
    assert known.away == {}
    assert known.refused["main", "BTCUSD"].endswith("did you mean BTCUSDT?")
    facts = known.facts["main", "BTCUSDT"]
    assert (facts.instrument.tick, facts.fees.maker, facts.leverage) == (Decimal("0.1"), Decimal("0.0002"), 20)
    assert facts.account is not None
    assert facts.account.available == 10_000
    markets = (await simulator.admin("GET", "/markets"))["markets"]
    bid = next(Decimal(market["bid"]) for market in markets if market["symbol"] == "BTCUSDT")
    assert abs(facts.instrument.price(facts.price) - bid) <= bid / 100


def test_a_balance_that_is_too_small_is_refused_where_it_is_known(
    config: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config("{symbol: BTCUSDT, interval_percent: 0.4, amount: 20000}")
    assert run(["check", str(path)]) == 4
    sentence = capsys.readouterr().err
    assert sentence.startswith("symbols[0] (BTCUSDT): balance: free margin is 10000")
    assert "20 levels of 20000 at leverage 20 still need 20000.00" in sentence


def test_the_ladder_of_a_running_venue_is_shown_with_the_balance(
    config: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(config("{symbol: BTCUSDT, interval_percent: 0.4}"))]) == 0
    out = capsys.readouterr().out
    assert "rules: the venue" in out
    assert "margin: 30.00 USDT at leverage 20; 10,000.00 are free" in out
