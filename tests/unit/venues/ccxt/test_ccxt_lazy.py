"""Only the wanted exchanges are imported, and nobody can tell the difference. Each case in a fresh interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAMS = {
    "the_wanted_ones_are_real_and_the_others_are_not_loaded": """
        from opensqt_actors.venues.ccxt.lazy import load
        import sys
        pro = load("binance", "binanceusdm")
        assert issubclass(pro.binanceusdm, pro.binance)
        assert "ccxt.pro.kraken" not in sys.modules and "ccxt.kraken" not in sys.modules
        assert sum(name.startswith("ccxt") for name in sys.modules) < 60
        assert pro.InsufficientFunds.__mro__[1].__name__ == "ExchangeError"
    """,
    "an_exchange_that_is_touched_later_is_the_real_one": """
        from opensqt_actors.venues.ccxt.lazy import load
        pro = load("binance", "binanceusdm")
        import ccxt
        assert pro.kraken({"timeout_on_exit": 0}).id == "kraken"
        assert ccxt.kraken.__module__ == "ccxt.kraken"
        from ccxt.pro import bybit
        assert bybit.__module__ == "ccxt.pro.bybit"
    """,
    "what_nobody_needs_at_a_start_is_put_in_place_later": """
        from opensqt_actors.venues.ccxt.lazy import complete, load
        import sys
        pro = load("binance", "binanceusdm")
        assert "requests" not in sys.modules and not hasattr(pro.binanceusdm, "fapiPrivateGetBalance")
        complete()
        complete()
        assert callable(pro.binanceusdm.fapiPrivateGetBalance)
        import requests
        base = sys.modules["ccxt.base.exchange"]
        assert base.Session is requests.Session and base.HTTPError is requests.exceptions.HTTPError
        assert base.requestsConnectionError is requests.exceptions.ConnectionError
        from ccxt.abstract.binance import ImplicitAPI
        assert "fapiPrivateGetBalance" in vars(ImplicitAPI)
    """,
    "a_name_that_never_was_is_an_attribute_error": """
        from opensqt_actors.venues.ccxt.lazy import load
        pro = load("binance", "binanceusdm")
        try:
            pro.nosuchexchange
        except AttributeError as error:
            assert "nosuchexchange" in str(error)
        else:
            raise SystemExit("no error")
    """,
    "a_process_that_has_imported_ccxt_already_keeps_its_own": """
        import ccxt.pro
        from opensqt_actors.venues.ccxt.lazy import load
        assert load("binance", "binanceusdm") is ccxt.pro
    """,
}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_lazy_import(program: str) -> None:
    code = "\n".join(line[8:] for line in program.splitlines())
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr


def test_ccxt_still_has_the_parts_that_the_adapter_touches() -> None:
    from opensqt_actors.venues.ccxt.lazy import load

    pro = load("binance", "binanceusdm")
    exchange = pro.binanceusdm({"timeout_on_exit": 0})
    for name in ("client", "sign", "get_ws_url", "get_private_ws_url", "close"):
        assert callable(getattr(exchange, name))
    assert exchange.get_private_ws_url("linear", "KEY").endswith("listenKey=KEY")
    assert exchange.get_ws_url("linear", "public").startswith("wss://fstream.binance.com/public")
    assert {"exact", "linear"} <= exchange.exceptions.keys()
    assert exchange.options["timeDifference"] == 0
    from ccxt.async_support.base.ws.client import Client

    for name in ("future", "reject", "connect", "send", "close", "handle_text_or_binary_message"):
        assert callable(getattr(Client, name))
    for name in ("connection", "lastPong", "isConnected", "futures"):
        assert hasattr(Client, name)
