"""The small parts of the ccxt adapter: secrets, owed events, queries page by page, the feed's receiver."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from pydantic import SecretStr

from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.venues.ccxt import binance_queries
from opensqt_actors.venues.ccxt.binance_queries import Queries
from opensqt_actors.venues.ccxt.errors import RestFailure, classify
from opensqt_actors.venues.ccxt.expected import Expected
from opensqt_actors.venues.ccxt.feed import Feed, NotAnswered, StreamLost
from opensqt_actors.venues.ccxt.kept_rates import KeptRates
from opensqt_actors.venues.ccxt.secrets import Credentials, Scrubber
from opensqt_actors.venues.ccxt.simulated import SimulatedSite, connector_for
from opensqt_actors.venues.ccxt.user_stream import UserStream
from opensqt_actors.venues.port import VenueError

MS = 1_000_000
DAY = 86_400_000
NOW_MS = 1_700_000_000_000
BTC = Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"))
CREDENTIALS = Credentials(SecretStr("canary-key"), SecretStr("canary-secret"))


def test_secrets_appear_in_no_text() -> None:
    scrubber = Scrubber(CREDENTIALS)
    scrubber.add("canary-listen-key")
    text = scrubber.clean("X-MBX-APIKEY canary-key\nwss://x?listenKey=canary-listen-key canary-secret")
    assert text == "X-MBX-APIKEY *** wss://x?listenKey=*** ***"
    assert "canary" not in repr(CREDENTIALS) + str(CREDENTIALS)


def test_a_long_text_is_cut_and_old_listen_keys_are_forgotten() -> None:
    scrubber = Scrubber(CREDENTIALS)
    for number in range(40):
        scrubber.add(f"listen-key-{number:02}")
    assert len(scrubber.clean("x" * 1_000)) == 300
    assert scrubber.clean("listen-key-00 listen-key-39") == "listen-key-00 ***"


@pytest.mark.parametrize("key", ["sim-demo-key", "real-key"])
async def test_a_key_of_the_wrong_world_gets_no_connector(key: str, tmp_path: Path) -> None:
    credentials = Credentials(SecretStr(key), SecretStr("x"))
    site = None if key.startswith("sim-") else SimulatedSite(1, tmp_path / "ca.pem")
    with pytest.raises(VenueError, match="api_key") as caught:
        connector_for(credentials, site)
    assert caught.value.final
    assert key not in str(caught.value)


async def test_a_missing_certificate_is_named(tmp_path: Path) -> None:
    credentials = Credentials(SecretStr("sim-x"), SecretStr("x"))
    with pytest.raises(VenueError, match=r"simulated\.ca: .*ca\.pem cannot be read"):
        connector_for(credentials, SimulatedSite(1, tmp_path / "ca.pem"))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_event_is_owed_once_the_venue_has_taken_the_request() -> None:
    clock = Clock()
    expected = Expected(10.0, clock)
    expected.asked(["a", "b", "c", "d"])
    clock.now = 1_000.0
    assert expected.overdue() is None
    expected.seen("a")
    expected.answered("a", taken=True)
    expected.answered("b", taken=False)
    expected.answered("c", taken=True)
    expected.answered("d", taken=True)
    clock.now = 1_010.0
    assert expected.overdue() is None
    clock.now = 1_010.1
    assert expected.overdue() == "c"
    expected.seen("c")
    assert expected.overdue() == "d"
    expected.forget()
    assert expected.overdue() is None


class Pages:
    """Stands where REST stands: answers from rows kept here, and remembers what was asked."""

    def __init__(self, rows: list[dict[str, Any]], page: int = 1000) -> None:
        self.rows, self.page = rows, page
        self.asked: list[dict[str, Any]] = []

    async def call(self, api: str, method: str, path: str, params: dict[str, Any] | None = None, **_: Any) -> Any:
        params = dict(params or {})
        self.asked.append(params)
        if "fromId" in params:
            found = [row for row in self.rows if row["id"] >= params["fromId"]]
        else:
            end = params.get("endTime", NOW_MS * 2)
            found = [row for row in self.rows if params["startTime"] <= row["time"] <= end]
        return found[: params["limit"]]

    def meaning(self, failure: RestFailure) -> Any:
        return classify(failure, lambda _: None, 0)


def trade(number: int, time_ms: int) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "id": number, "orderId": 1, "side": "BUY", "price": "1", "qty": "0.001",
        "commission": "0", "commissionAsset": "USDT", "maker": True, "time": time_ms,
    }  # fmt: skip


def queries(pages: Pages) -> Queries:
    async def no_clock() -> None:
        raise AssertionError("the clock was right")

    return Queries(pages, {"BTCUSDT": BTC}, no_clock, lambda: NOW_MS, KeptRates(None, SecretStr("sim-x")))  # type: ignore[arg-type]


async def test_trades_after_an_id_come_page_by_page() -> None:
    pages = Pages([trade(number, NOW_MS) for number in range(1, 2_501)])
    fills = await queries(pages).trades("BTCUSDT", 100, 0)
    assert [fill.trade_id for fill in fills] == list(range(101, 2_501))
    assert [params["fromId"] for params in pages.asked] == [101, 1_101, 2_101]


async def test_an_exactly_full_page_is_followed_by_one_that_is_empty() -> None:
    pages = Pages([trade(number, NOW_MS) for number in range(1, 1_001)])
    assert len(await queries(pages).trades("BTCUSDT", 0, (NOW_MS - DAY) * MS)) == 1_000
    assert len(pages.asked) == 2


async def test_trades_since_a_time_walk_week_by_week_and_then_by_id() -> None:
    rows = [trade(5, NOW_MS - 12 * DAY), trade(6, NOW_MS - 11 * DAY), trade(9, NOW_MS - DAY)]
    pages = Pages(rows)
    fills = await queries(pages).trades("BTCUSDT", 0, (NOW_MS - 20 * DAY) * MS)
    assert [fill.trade_id for fill in fills] == [5, 6, 9]
    assert all(params["endTime"] - params["startTime"] < 7 * DAY for params in pages.asked if "endTime" in params)
    assert pages.asked[-1]["fromId"] == 7


async def test_funding_pages_that_share_a_millisecond_count_each_payment_once() -> None:
    rows = [
        {"symbol": "BTCUSDT", "tranId": number, "income": "-0.1", "time": NOW_MS - 5_000 + number // 3}
        for number in range(2_400)
    ]
    pages = Pages(rows)
    payments = await queries(pages).funding(0)
    assert [payment.payment_id for payment in payments] == [str(number) for number in range(2_400)]


async def test_an_answer_in_an_unknown_shape_is_a_venue_error() -> None:
    with pytest.raises(VenueError, match="userTrades: the answer could not be read"):
        await queries(Pages([{"id": 7, "time": NOW_MS}])).trades("BTCUSDT", 1, 0)


def receiver(on_frame: Any) -> Feed:
    async def nothing() -> None:
        """Not connected."""

    return Feed(
        "test", None, None, Scrubber(CREDENTIALS),  # type: ignore[arg-type]
        url=nothing, on_frame=on_frame, session=nothing, on_up=lambda _: None, on_down=lambda _: None,
        answer_within=1.0,
    )  # fmt: skip


def test_a_frame_that_breaks_the_hook_or_is_no_json_is_counted_and_the_next_one_arrives() -> None:
    seen: list[Any] = []

    def hook(frame: dict[str, Any]) -> None:
        seen.append(frame["e"])

    feed = receiver(hook)
    for data in ('{"e": 1}', "{broken", b"\xff", '{"x": 1}', "[]", '{"e": 2}'):
        feed._receive(data)
    assert seen == [1, 2]
    assert (feed.frames, feed.bad_frames) == (6, 4)


async def test_an_answer_goes_to_who_asked_and_not_to_the_hook() -> None:
    seen: list[Any] = []
    feed = receiver(seen.append)

    class Client:
        async def send(self, text: str) -> None:
            request = orjson.loads(text)
            feed._receive('{"id": 999, "result": null}')
            feed._receive(orjson.dumps({"id": request["id"], "result": ["a"]}))

    feed._client = Client()
    assert await feed.ask("LIST_SUBSCRIPTIONS") == ["a"]
    assert seen == [{"id": 999, "result": None}]
    assert not feed._asked


async def test_a_refused_request_loses_the_stream_and_says_why() -> None:
    feed = receiver(lambda _: None)

    class Client:
        async def send(self, text: str) -> None:
            number = orjson.loads(text)["id"]
            feed._receive(orjson.dumps({"id": number, "error": {"code": 2, "msg": "Invalid request: invalid stream"}}))

    feed._client = Client()
    with pytest.raises(Exception, match="the venue refused the request: Invalid request: invalid stream"):
        await feed.ask("SUBSCRIBE", ["x"])


class Answering:
    """Stands where a feed stands for the user stream: says whether requests are answered, counts pings."""

    def __init__(self, subscribed: Any) -> None:
        self.subscribed = subscribed
        self.pings = 0
        self.ups = 0

    def up(self) -> None:
        self.ups += 1

    async def ask(self, method: str) -> Any:
        if isinstance(self.subscribed, Exception):
            raise self.subscribed
        return self.subscribed

    async def ping(self) -> None:
        self.pings += 1


class Keys:
    """Gives and renews one listen key."""

    async def call(self, api: str, method: str, path: str, params: Any = None) -> Any:
        return {"listenKey": "key-1"} if method == "POST" else {}


async def user_stream(feed: Answering) -> UserStream:
    stream = UserStream(
        Keys(),  # type: ignore[arg-type]
        Scrubber(CREDENTIALS),
        lambda key: f"wss://venue/ws?listenKey={key}",
        expected=Expected(1.0, Clock()),
        renew_every=60.0,
        prove_every=60.0,
    )
    stream.feed = feed  # type: ignore[assignment]
    assert await stream.url() == "wss://venue/ws?listenKey=key-1"
    return stream


async def up_or_lost(stream: UserStream, feed: Answering) -> BaseException | None:
    session = asyncio.ensure_future(stream.session())
    for _ in range(20):
        await asyncio.sleep(0)
        if session.done() or feed.ups:
            break
    if session.done():
        return session.exception()
    session.cancel()
    return None


async def test_an_order_stream_is_up_when_the_socket_names_its_key() -> None:
    for subscribed in (["key-1"], [], None, ["key-1@ORDER_TRADE_UPDATE"]):
        feed = Answering(subscribed)
        assert await up_or_lost(await user_stream(feed), feed) is None
        assert (feed.ups, feed.pings) == (1, 0)


async def test_a_socket_that_names_another_key_is_not_the_order_stream() -> None:
    feed = Answering(["key-2"])
    lost = await up_or_lost(await user_stream(feed), feed)
    assert isinstance(lost, StreamLost)
    assert feed.ups == 0


async def test_a_venue_that_never_lists_subscriptions_is_proved_by_a_pong() -> None:
    feed = Answering(NotAnswered("LIST_SUBSCRIPTIONS was not answered"))
    stream = await user_stream(feed)
    assert await up_or_lost(stream, feed) is None
    assert (feed.ups, feed.pings) == (1, 1)


async def test_a_venue_that_has_listed_them_once_must_do_it_again() -> None:
    feed = Answering(["key-1"])
    stream = await user_stream(feed)
    assert await up_or_lost(stream, feed) is None
    feed.subscribed, feed.ups = NotAnswered("silence"), 0
    assert isinstance(await up_or_lost(stream, feed), NotAnswered)
    assert (feed.ups, feed.pings) == (0, 0)


async def test_a_pong_proves_the_socket_of_a_venue_that_does_not_list_subscriptions() -> None:
    feed = receiver(lambda _: None)

    class Connection:
        async def ping(self) -> None:
            asyncio.get_running_loop().call_soon(setattr, client, "lastPong", 2)

    class Client:
        lastPong = 1  # noqa: N815 - as ccxt spells it
        connection = Connection()

    client = Client()
    feed._client = client
    await feed.ping()


@pytest.mark.parametrize(
    ("wrong", "after", "asked"), [(True, 0.5, 1), (True, 1.5, 2), (False, 1.5, 1), (False, 5.5, 2)]
)
async def test_f19_an_account_that_may_not_trade_is_asked_about_anew_a_second_later(
    monkeypatch: pytest.MonkeyPatch, wrong: bool, after: float, asked: int
) -> None:
    """Dozens of symbols share one answer; who has put the mode right and resumes is not refused on the old one."""
    rest = Answers(dualSidePosition=wrong)
    queries = Queries(rest, {}, None, lambda: NOW_MS, KeptRates(None, SecretStr("sim-x")))  # type: ignore[arg-type]
    clock = [100.0]
    monkeypatch.setattr(binance_queries, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    states = [await queries.account()]
    clock[0] += after
    states.append(await queries.account())
    assert [state.hedged for state in states] == [wrong, wrong]
    assert rest.asked.count("accountConfig") == asked


class Answers:
    """The two answers that describe an account."""

    def __init__(self, **config: Any) -> None:
        self.config = {"canTrade": True} | config
        self.asked: list[str] = []

    async def call(self, api: str, method: str, path: str, params: Any = None, **_: Any) -> Any:
        self.asked.append(path)
        if path == "accountConfig":
            return self.config
        return dict.fromkeys(("totalWalletBalance", "totalMarginBalance", "availableBalance"), "10") | {"assets": []}
