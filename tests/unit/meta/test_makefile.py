"""What `make run` starts for what was asked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# without what a make around these tests was asked for
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}


def started(*arguments: str) -> str:
    """The commands that make would run for `run`."""
    command = ["make", "--dry-run", "--assume-old=.venv/.installed", "run", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, check=True, capture_output=True, text=True)
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ((), "opensqt demo"),
        (("RUN_FOR=30", "SYMBOLS=12", "SEED=7"), "opensqt demo --symbols 12 --seed 7 --run-for 30"),
        (("REPLAY=a.csv.gz b.csv.gz",), "opensqt demo --replay a.csv.gz --replay b.csv.gz"),
    ],
)
def test_run_hands_its_variables_to_the_demo(arguments: tuple[str, ...], options: str) -> None:
    assert f"exec .venv/bin/{options};" in started(*arguments)


def test_help_lists_every_target_that_a_person_may_call() -> None:
    done = subprocess.run(["make", "help"], cwd=ROOT, env=ENVIRONMENT, check=True, capture_output=True, text=True)
    targets = {line.split()[1] for line in done.stdout.splitlines()}
    assert targets >= {"run", "test", "check", "bench", "sim", "mutate", "proto", "lint", "migrate", "clean", "help"}
