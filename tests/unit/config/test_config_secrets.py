from __future__ import annotations

from pathlib import Path

import pytest

from opensqt_actors.config.document import parse
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.loading import check
from opensqt_actors.config.settings import Settings

CANARY = "Canary7f3a9b2c"


def account(api_key: str, secret: str = "env:OPENSQT_TEST_SECRET", more: str = "") -> str:
    return f"accounts:\n  main: {{venue: binanceusdm, api_key: '{api_key}', secret: '{secret}'{more}}}\n"


def settings(text: str, base: Path = Path()) -> Settings:
    return check(parse(text, base / "c.yaml"))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENSQT_TEST_KEY", f"{CANARY}key")
    monkeypatch.setenv("OPENSQT_TEST_SECRET", f"{CANARY}secret")
    monkeypatch.setenv("OPENSQT_TEST_EMPTY", "")
    monkeypatch.delenv("OPENSQT_TEST_NOPE", raising=False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            account("env:OPENSQT_TEST_NOPE"),
            "accounts.main.api_key: environment variable OPENSQT_TEST_NOPE is not set; set it before starting",
        ),
        (
            account("env:OPENSQT_TEST_EMPTY"),
            "accounts.main.api_key: environment variable OPENSQT_TEST_EMPTY is empty; set it before starting",
        ),
        (account("file:/nope"), "accounts.main.api_key: file /nope cannot be read: No such file or directory"),
        (
            account(f"{CANARY}literal"),
            (
                "accounts.main.api_key: must not stand in the file: write `env:NAME` for an environment variable "
                "or `file:PATH` for a file that only you can read"
            ),
        ),
        (
            account("env:" + CANARY * 5),
            (
                "accounts.main.api_key: after `env:` comes the name of an environment variable: "
                "letters, digits and _, at most 48"
            ),
        ),
        (
            account("sim-key", "sim-secret"),
            "accounts.main: api_key is one of the simulated venue; give `simulated`, or the key of the real venue",
        ),
        (
            account("env:OPENSQT_TEST_KEY", "sim-secret", ", simulated: {port: 1, ca: x}"),
            "accounts.main: api_key of a simulated venue must begin with `sim-`; keep real keys out of it",
        ),
        (
            account("env:OPENSQT_TEST_KEY", more=f", api_secret: {CANARY}"),
            "accounts.main.api_secret: is not a setting; did you mean `secret`?",
        ),
        (
            account("env:OPENSQT_TEST_KEY", more=f", {CANARY * 3}: 1"),
            "accounts.main.(a key of 42 characters): is not a setting",
        ),
    ],
)
def test_a_wrong_credential_is_named_and_never_shown(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(text)
    assert str(caught.value) == f"c.yaml line 2: {sentence}"


@pytest.mark.parametrize(
    "text",
    [
        f"accounts: {CANARY}",
        f"accounts: {{main: {CANARY}}}",
        f"accounts: {{main: [{CANARY}]}}",
        f"accounts: {{main: {{venue: binanceusdm, api_key: [{CANARY}], secret: {{{CANARY}: 1}}}}}}",
        account(f"env:{CANARY} x"),
        account("env:OPENSQT_TEST_KEY") + f"database: {CANARY}",
        account("env:OPENSQT_TEST_KEY") + f"database: {{url: [{CANARY}]}}",
        account("env:OPENSQT_TEST_KEY") + f"database: {{url: 'postgresql://u:{CANARY}@h/x', user: x}}",
        account("env:OPENSQT_TEST_KEY", more=", budget: 3"),
        account(f"*{CANARY}").replace("'", ""),
        account(f"!{CANARY} x").replace("'", ""),
        f"{account('env:OPENSQT_TEST_KEY')}? [{CANARY}]\n: 3",
    ],
)
def test_f38_no_complaint_ever_repeats_a_secret(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(text)
    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_read_secrets_are_in_no_representation_of_the_settings() -> None:
    found = settings(account("env:OPENSQT_TEST_KEY") + f"database: {{url: 'postgresql://u:{CANARY}pw@h/x'}}")
    assert found.accounts["main"].api_key.get_secret_value() == f"{CANARY}key"
    for shown in (repr(found), str(found), found.model_dump_json(), str(found.model_dump()), repr(found.database_url)):
        assert CANARY not in shown


def test_everything_that_must_be_redacted_is_known() -> None:
    found = settings(account("env:OPENSQT_TEST_KEY") + f"database: {{url: 'postgresql://u:{CANARY}pw@h/x'}}")
    assert set(found.secrets()) == {f"{CANARY}key", f"{CANARY}secret", f"{CANARY}pw"}


def test_a_private_file_is_read_and_trimmed(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"  {CANARY}file\n")
    path.chmod(0o600)
    found = settings(account("file:key"), tmp_path)
    assert found.accounts["main"].api_key.get_secret_value() == f"{CANARY}file"


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660])
def test_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "key"
    path.write_text(CANARY)
    path.chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {path}") as caught:
        settings(account("file:key"), tmp_path)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(("data", "sentence"), [(b"", "is empty"), (b"\xff", "not UTF-8"), (b"x" * 20_000, "larger")])
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, data: bytes, sentence: str) -> None:
    path = tmp_path / "key"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=sentence):
        settings(account("file:key"), tmp_path)
