"""Break the trading rules on purpose, one small change at a time, and count the changes that a test notices (mutmut).

Prints a JSON line for each module and one for all, then the survivors, with their changes on --diff. Configuration:
[tool.mutmut] in pyproject.toml. What was found and why some may survive: docs/reference/mutation-testing.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code

ROOT = Path(__file__).resolve().parent.parent
PROFILE = {"HYPOTHESIS_PROFILE": "mutation"}  # in tests/conftest.py
NOTICED = frozenset({"killed", "timeout"})

Verdicts = dict[str, dict[str, str]]
"""Module -> mutant -> verdict."""


def main() -> int:
    """Exit code 0: at least `--least` percent of every module's mutants were noticed; 1: fewer; else mutmut's own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="names in opensqt_actors/domain (pnl risk); default: all configured")
    parser.add_argument("--survivors", action="store_true", help="try only those that survived the last time")
    parser.add_argument("--rest", action="store_true", help="of all modules, what was not tried since it last changed")
    parser.add_argument("--report", action="store_true", help="try nothing, tell the last verdicts")
    parser.add_argument("--diff", action="store_true", help="show what was changed in each survivor")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--least", type=float, default=90.0, help="percent")
    asked = parser.parse_args()
    os.chdir(ROOT)
    known = {path.stem: path for path in sorted(map(Path, config().only_mutate))}
    unknown = set(asked.modules) - known.keys()
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not among only_mutate in pyproject.toml: {', '.join(known)}")
    modules = {name: known[name] for name in asked.modules or known}
    names = [] if asked.rest else list(mutants(modules, survivors=asked.survivors))
    if asked.rest or (names and not asked.report):
        code = run(names, asked.workers)
        if code:
            return code
    return report(verdicts(modules), modules, least=asked.least, diff=asked.diff)


def mutants(modules: dict[str, Path], *, survivors: bool) -> Iterator[str]:
    """Names or patterns, as mutmut takes them."""
    if not survivors:
        yield from (".".join(path.with_suffix("").parts) + ".*" for path in modules.values())
        return
    for of_module in verdicts(modules).values():
        yield from (mutant for mutant, verdict in of_module.items() if verdict not in NOTICED)


def run(names: Sequence[str], workers: int) -> int:
    """Let mutmut try these, or all without a verdict. Its exit code says whether it could, not what it found.

    Which tests reach which function is found out anew: it would not notice that an old test reaches a new function.
    """
    (ROOT / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", str(workers), *names]
    # its progress is no part of the answer
    return subprocess.run(command, env=os.environ | PROFILE, stdout=sys.stderr, check=False).returncode


def verdicts(modules: dict[str, Path]) -> Verdicts:
    """What mutmut remembers of these modules."""
    found: Verdicts = {}
    for name, path in modules.items():
        data = SourceFileMutationData(path=path)
        data.load()
        found[name] = {mutant: status_by_exit_code[code] for mutant, code in data.exit_code_by_key.items()}
    return found


def report(found: Verdicts, modules: dict[str, Path], *, least: float, diff: bool) -> int:
    """Print scores and survivors. Exit code 1 when a module is below `least` percent."""
    scores = []
    for name, of_module in found.items():
        scores.append(score(of_module.values()))
        print(json.dumps({"module": name, **scores[-1]}))
    print(json.dumps({"module": "all", **score([verdict for one in found.values() for verdict in one.values()])}))
    for name, of_module in found.items():
        for mutant, verdict in of_module.items():
            if verdict in NOTICED:
                continue
            print(f"{verdict}: {mutant}")
            if diff:
                print(get_diff_for_mutant(mutant, path=modules[name]))
    return int(any(float(one["score"]) < least for one in scores))


def score(of: Iterable[str]) -> dict[str, float]:
    """Counts of verdicts; score: percent noticed, a mutant that never ends being noticed by its time-out."""
    counts = Counter(of)
    mutants = sum(counts.values())
    noticed = sum(counts[verdict] for verdict in NOTICED)
    return {
        "mutants": mutants,
        "killed": counts["killed"],
        "timeout": counts["timeout"],
        "survived": mutants - noticed,
        "score": round(100 * noticed / mutants, 1) if mutants else 0.0,
    }


if __name__ == "__main__":
    sys.exit(main())
