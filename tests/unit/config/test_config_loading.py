from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors import resources
from opensqt_actors.config.document import parse
from opensqt_actors.config.errors import MAX_SHOWN, ConfigError
from opensqt_actors.config.loading import check, load
from opensqt_actors.config.section import nanoseconds
from opensqt_actors.config.settings import Settings
from opensqt_actors.domain.settings import GridMode

CANARY = "Canary7f3a9b2c"
ACCOUNT = """\
accounts:
  main: {venue: binanceusdm, simulated: {port: 9443, ca: ca.pem}, api_key: sim-key, secret: sim-secret}
"""
GRID = ACCOUNT + "defaults: {interval_percent: 0.4}\nsymbols:\n"


def settings(text: str) -> Settings:
    return check(parse(text, Path("c.yaml")))


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "configuration c.yaml is empty"),
        ("- a", "configuration c.yaml must be a mapping: lines of `key: value`"),
        ("symbols: []", "c.yaml line 1: accounts: is missing"),
        ("accounts: {}", "c.yaml line 1: accounts: must not be empty"),
        ("accounts: {main: text}", "c.yaml line 1: accounts.main: must be a mapping (lines of `key: value`), not text"),
        (ACCOUNT + "sybmols: []", "c.yaml line 3: sybmols: is not a setting; did you mean `symbols`?"),
        (ACCOUNT + "zzz: 1", "c.yaml line 3: zzz: is not a setting"),
        (
            GRID + "- {symbol: BTCUSDT, ammount: 3}",
            "c.yaml line 5: symbols[0].ammount: is not a setting; did you mean `amount`?",
        ),
        (
            GRID + "- BTCUSDT\n- {symbol: ETHUSDT,\n   mode: lng}",
            "c.yaml line 7: symbols[1].mode: must be one of long, short, neutral, not 'lng'; did you mean `long`?",
        ),
        (
            GRID + "- {symbol: BTCUSDT, amount: -3}",
            "c.yaml line 5: symbols[0].amount: must be above 0 and at most 1000000000000, not -3 (BTCUSDT)",
        ),
        (
            GRID + "- {symbol: BTCUSDT, amount: ten}",
            "c.yaml line 5: symbols[0].amount: must be a number, not 'ten'",
        ),
        (
            GRID + "- BTCUSDT\n- BTCUSDT",
            "c.yaml line 6: symbols[1].symbol: BTCUSDT is already symbols[0]; a symbol trades once per account",
        ),
        (
            GRID + "- btcusdt",
            (
                "c.yaml line 5: symbols[0].symbol: 'btcusdt' is not a market's name; "
                "write it as the venue does, in capitals: BTCUSDT"
            ),
        ),
        (
            GRID + "- {symbol: BTCUSDT, account: mian}",
            "c.yaml line 5: symbols[0].account: 'mian' is not among accounts (main)",
        ),
        (
            GRID + "- {symbol: BTCUSDT, interval: 1, interval_percent: 2}",
            "c.yaml line 5: symbols[0].interval: and interval_percent are both given; keep one of them (BTCUSDT)",
        ),
        (
            ACCOUNT + "symbols: [BTCUSDT]",
            (
                "c.yaml line 3: symbols[0].interval_percent: is missing: "
                "give interval_percent (like 0.4) or interval (in quote currency) (BTCUSDT)"
            ),
        ),
        (
            ACCOUNT + "defaults: {interval: 4, skew: 3}\nsymbols: [BTCUSDT, ETHUSDT]",
            "c.yaml line 3: defaults.skew: must be from 0 to 1, not 3",
        ),
        (
            ACCOUNT + "symbols: [{symbol: BTCUSDT, interval: 4, buy_window: 0}]",
            "c.yaml line 3: symbols[0].buy_window: must be a whole number from 1 to 200, not 0 (BTCUSDT)",
        ),
        (
            ACCOUNT + "telemetry: {metrics_port: yes}",
            "c.yaml line 3: telemetry.metrics_port: must be a number, not true",
        ),
        (
            ACCOUNT + "telemetry: {metrics_port: 70000}",
            "c.yaml line 3: telemetry.metrics_port: must be at most 65535, not 70000",
        ),
        (
            ACCOUNT + "supervision: {intensity: 1.5}",
            "c.yaml line 3: supervision.intensity: must be a whole number, not 1.5",
        ),
        (
            ACCOUNT + "shutdown: {cancel_exits: maybe}",
            "c.yaml line 3: shutdown.cancel_exits: must be true or false, not 'maybe'",
        ),
        (
            ACCOUNT + "execution: {pending_timeout: 0}",
            "c.yaml line 3: execution.pending_timeout: must be above 0, not 0",
        ),
        (ACCOUNT + "shutdown: 3", "c.yaml line 3: shutdown: must be a mapping (lines of `key: value`), not a number"),
        (
            ACCOUNT + "risk: {monitor: BTCUSDT}",
            "c.yaml line 3: risk.monitor: must be a list (lines that begin with `- `), not text",
        ),
        (
            ACCOUNT + "risk: {monitor: [BTCUSDT], recovery_threshold: 3}",
            "c.yaml line 3: risk: recovery_threshold is 3, but only 1 symbols are monitored",
        ),
        (
            "accounts:\n  Main: {venue: binanceusdm, simulated: {port: 1, ca: x}, api_key: sim-k, secret: sim-s}",
            (
                "c.yaml line 2: accounts.Main: 'Main' is not an account's name: "
                "small letters, digits, - and _, at most 32, a letter first"
            ),
        ),
    ],
)
def test_a_wrong_setting_is_answered_with_one_sentence_that_names_its_line_and_place(text: str, sentence: str) -> None:
    assert complaint(text) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [1,2", "c.yaml line 2, column 1: not valid YAML: did not find expected ',' or ']'"),
        ("a: b: c", "c.yaml line 1, column 5: not valid YAML: mapping values are not allowed in this context"),
        ("a: 1\nb: 2\na: 3", "c.yaml line 3, column 1: not valid YAML: this key is here twice"),
        (
            "a:\n\t- b",
            (
                "c.yaml line 2, column 1: not valid YAML: "
                "a tab, @, ` or % cannot stand here; indent with spaces, put values in quotes"
            ),
        ),
        (
            f"a: !{CANARY} 3",
            "c.yaml line 1, column 4: not valid YAML: tags (words that begin with !) are not used here",
        ),
        (
            f"a: *{CANARY}",
            (
                "c.yaml line 1, column 4: not valid YAML: "
                "a word that begins with * refers to nothing; put the value in quotes"
            ),
        ),
        ("a: \x01", "c.yaml: not valid YAML: it holds a character that YAML does not allow"),
    ],
)
def test_malformed_yaml_is_answered_with_line_and_column(text: str, sentence: str) -> None:
    assert complaint(text) == sentence


def test_every_problem_is_told_at_once_up_to_a_bound() -> None:
    wrong = "".join(f"- {{symbol: S{i}USDT, amount: -1}}\n" for i in range(MAX_SHOWN + 5))
    told = complaint(GRID + wrong).splitlines()
    assert len(told) == MAX_SHOWN + 1
    assert told[-1] == "... and 5 more"


def test_a_problem_of_the_defaults_is_told_once_however_many_symbols_inherit_it() -> None:
    told = complaint(ACCOUNT + "defaults: {interval: 4, amount: 0}\nsymbols: [BTCUSDT, ETHUSDT, SOLUSDT]")
    assert told == "c.yaml line 3: defaults.amount: must be above 0 and at most 1000000000000, not 0"


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read: No such file or directory"):
        load(tmp_path / "none.yaml")


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match=r"is not UTF-8 text \(byte 3\)"):
        load(path)


def test_fractions_are_read_exactly() -> None:
    spec = settings(GRID + "- {symbol: BTCUSDT, amount: 12345678901234.12345678901e-4, anchor: 0.1}").specs()[0]
    assert spec.grid.amount == Decimal("1234567890.123412345678901")
    assert spec.grid.anchor == Decimal("0.1")


@given(st.decimals(min_value=Decimal("0.0001"), max_value=Decimal(50), places=4))
def test_any_percent_arrives_as_it_was_written(percent: Decimal) -> None:
    spec = settings(f"{ACCOUNT}symbols: [{{symbol: BTCUSDT, interval_percent: {percent:f}}}]").specs()[0]
    assert spec.grid.interval_percent == percent


def test_a_symbol_wins_over_the_defaults_and_its_interval_replaces_theirs_of_either_kind() -> None:
    text = ACCOUNT + (
        "defaults: {mode: SHORT, interval_percent: 0.4, amount: 20}\n"
        "symbols: [BTCUSDT, {symbol: ETHUSDT, interval: 5, mode: neutral, adopt: true}]"
    )
    first, second = settings(text).specs()
    assert (first.grid.mode, first.grid.interval_percent, first.grid.amount) == (
        GridMode.SHORT,
        Decimal("0.4"),
        Decimal(20),
    )
    assert (second.grid.interval, second.grid.interval_percent) == (Decimal(5), None)
    assert (second.grid.mode, second.grid.amount, second.adopt) == (GridMode.NEUTRAL, Decimal(20), True)


def test_with_two_accounts_a_symbol_must_say_which() -> None:
    two = ACCOUNT + "  other: {venue: binanceusdm, simulated: {port: 1, ca: x}, api_key: sim-k, secret: sim-s}\n"
    assert complaint(two + "symbols: [{symbol: BTCUSDT, interval: 1}]") == (
        "c.yaml line 4: symbols[0]: BTCUSDT needs `account`, one of main, other"
    )
    spec = settings(two + "symbols: [{symbol: BTCUSDT, interval: 1, account: other}]").specs()[0]
    assert spec.account == "other"


def test_relative_paths_start_from_the_files_own_folder(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(ACCOUNT + "state_dir: ../state\ntelemetry: {log_file: log/x.log}\n")
    found = load(path)
    assert found.state_dir == tmp_path.parent / "state"
    assert found.telemetry.log_file == tmp_path / "log" / "x.log"
    account = found.accounts["main"].simulated
    assert account is not None
    assert account.ca == tmp_path / "ca.pem"
    assert found.socket == tmp_path.parent / "state" / "run" / "supervisor.sock"
    assert found.database_url.get_secret_value() == f"sqlite:///{tmp_path.parent}/state/opensqt.db"


def test_the_demo_is_thirty_six_valid_grids_in_three_modes() -> None:
    specs = load(resources.config("demo.yaml")).specs()
    assert len(specs) == 36
    modes = [spec.grid.mode for spec in specs]
    assert modes.count(GridMode.LONG) > modes.count(GridMode.SHORT) >= 4
    assert modes.count(GridMode.NEUTRAL) >= 4
    assert all(Decimal(20) <= spec.grid.amount <= Decimal(60) for spec in specs)
    assert all(Decimal("0.2") <= (spec.grid.interval_percent or 0) <= Decimal("0.6") for spec in specs)


def test_the_example_is_valid_once_its_keys_are_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINANCE_API_KEY", "k" * 64)
    monkeypatch.setenv("BINANCE_API_SECRET", CANARY)
    found = load(resources.config("example.yaml"))
    assert [spec.symbol for spec in found.specs()] == ["BTCUSDT"]
    assert found.accounts["main"].simulated is None


def test_seconds_become_whole_nanoseconds() -> None:
    assert nanoseconds(0.5) == 500_000_000
