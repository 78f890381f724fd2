from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from opensqt_actors import __version__, resources
from opensqt_actors.actors.leases import LeaseTerms
from opensqt_actors.cli import config, operations, risk, shards, symbols
from opensqt_actors.cli.main import app, run
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.storage import ASSIGN, Database, Registry
from opensqt_actors.storage.leases import LeaseTable

GOOD = """\
accounts:
  main: {venue: binanceusdm, simulated: {port: 9443, ca: ca.pem}, api_key: sim-key, secret: sim-secret}
symbols: [{symbol: BTCUSDT, interval_percent: 0.4}]
"""
CANARY = "Canary7f3a9b2c"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["statsu"], "no such command 'statsu'"),
        (["status", "--jsn"], "no such option: --jsn"),
        (["explain"], "missing argument 'SYMBOL'"),
        (["status", "--timeout", "soon"], "invalid value for '--timeout'"),
        (["symbols", "add", "BTCUSDT", "--mode", "lng"], "invalid value for '--mode'"),
        (
            ["events", "--severity", "loud"],
            "--severity must be one of debug, info, warning, error, critical, not 'loud'",
        ),
    ],
)
def test_a_mistyped_command_is_one_sentence_and_exit_code_1(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 1
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(sentence)


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"opensqt {__version__}\n"


@pytest.mark.parametrize("words", [["--help"], ["status", "--help"], ["symbols", "add", "--help"], ["demo", "--help"]])
def test_every_command_explains_itself(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    assert "Usage: opensqt" in capsys.readouterr().out


def test_a_good_configuration_is_shown_with_what_its_grids_would_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD)
    assert run(["check", str(path)]) == 0
    out = capsys.readouterr().out
    assert "the configuration is good" in out
    assert out.splitlines()[-1].split() == ["main", "BTCUSDT", "long", "30", "0.4", "%", "10", "10", "600", "50"]
    assert run(["check", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    assert document["symbols"][0]["settings"]["interval_percent"] == "0.4"


def test_the_demos_configuration_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(resources.config("demo.yaml")), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["symbols"]) == 36


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("accounts: [", "not valid YAML: did not find expected node content"),
        (GOOD + "sybmols: []", "line 4: sybmols: is not a setting; did you mean `symbols`?"),
        (GOOD.replace("sim-key", "env:OPENSQT_TEST_NOPE"), "environment variable OPENSQT_TEST_NOPE is not set"),
        (GOOD.replace("sim-key", CANARY), "accounts.main.api_key: must not stand in the file"),
        (GOOD.replace("0.4", "0"), "symbols[0].interval_percent: must be above 0 and at most 50, not 0 (BTCUSDT)"),
    ],
)
def test_a_bad_configuration_is_exit_code_4_and_its_sentence(
    text: str, sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    assert run(["check", str(path)]) == 4
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert sentence in err
    assert run(["check", str(path), "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["error"]["code"] == "config_error"
    assert CANARY not in str(document) + err


def test_a_missing_configuration_is_exit_code_4(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tmp_path / "none.yaml")]) == 4
    assert "cannot be read: No such file or directory" in capsys.readouterr().err


def test_the_page_describes_every_command() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text()
    names = [
        f"opensqt {command.name or command.callback.__name__}"
        for command in app.registered_commands
        if command.callback
    ]
    names += [f"opensqt symbols {command.name}" for command in symbols.app.registered_commands]
    names += [f"opensqt shards {command.name}" for command in shards.app.registered_commands]
    names += [f"opensqt operations {command.name}" for command in operations.app.registered_commands]
    names += [f"opensqt risk {command.name}" for command in risk.app.registered_commands]
    names += [f"opensqt config {command.name}" for command in config.app.registered_commands]
    assert [name for name in names if f"`{name}" not in page] == []
    assert len(names) == 27


def test_asking_for_the_status_imports_nothing_heavy() -> None:
    script = (
        "import sys; from opensqt_actors.cli.main import run; import opensqt_actors.api.mapping;"
        "import opensqt_actors.cli.render; run(['status', '--socket', '/nowhere']);"
        "print([name for name in ('ccxt', 'sqlalchemy', 'aiohttp', 'thespian', 'loguru') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_reader_that_has_had_enough_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(GOOD)
    script = "import sys; from opensqt_actors.cli.main import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", script, "check", str(path), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(20) == 0
        assert process.stderr.read() == b""


def test_hosts_and_leases_are_listed_from_the_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/o.db"
    database = Database(url)
    database.migrate()
    for name in ("BTCUSDT", "ETHUSDT"):
        Registry(database).save(SymbolSpec("main", name, ASSIGN))
    LeaseTable(database, "host-a/1f", LeaseTerms()).claim(["main"], 1)
    database.close()
    assert run(["shards", "list", "--database", url, "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert 0 < first.pop("seconds_left") <= 5
    assert first == {
        "account": "main", "symbol": "BTCUSDT", "host": "host-a", "owner": "host-a/1f", "epoch": 1, "state": "held",
    }  # fmt: skip
    assert (second["host"], second["state"], second["seconds_left"]) == (None, "free", None)
    assert run(["shards", "list", "--database", url]) == 0
    assert "host-a" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--database", f"postgresql://u:{CANARY}@db/o"], "--database: leave the password out of the command line"),
        (["--database", "sqlite:////nowhere/o.db"], "SQLite file /nowhere/o.db does not exist"),
        (["--database", "x", "--config", "y"], "give one of --config and --database"),
    ],
)
def test_a_lease_table_that_cannot_be_read_is_one_sentence(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["shards", "list", *words]) != 0
    out, err = capsys.readouterr()
    assert err.startswith(sentence)
    assert CANARY not in out + err
