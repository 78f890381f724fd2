"""Run seeded simulations of the whole fleet on every core; the last line on stdout is one JSON object about them all.

Exit code 1 when an invariant was violated: the seed and how to replay it are printed first. A seed gives the same run
everywhere. Interrupted: the line says what was done, exit code 130. `--trace` prints the last steps of a run before
what was found, for one seed at a time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shlex
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "simulation"))

from fleet.faults import KINDS
from fleet.seeds import Outcome, run
from fleet.world import World

from opensqt_actors.runtime.kernel import StepRecord

REPORT_EVERY = 10.0


def main() -> int:
    """Run the seeds that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--trace", type=int, default=0, metavar="N", help="print the last N steps of each run")
    options = parser.parse_args()
    if options.seeds < 1 or options.jobs < 1:
        parser.error("--seeds and --jobs must be at least 1")
    seeds = range(options.first, options.first + options.seeds)
    begin = reported = time.monotonic()
    faults = Counter(dict.fromkeys(sorted(KINDS), 0))
    done = violated = steps = crashes = fills = 0
    interrupted = False
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for outcome in _traced(seeds, options.trace) if options.trace else _outcomes(seeds, options.jobs):
            done += 1
            steps += outcome.steps
            crashes += outcome.crashes
            fills += outcome.fills
            faults.update(outcome.faults)
            if outcome.violations:
                violated += 1
                _complain(outcome)
            if time.monotonic() - reported > REPORT_EVERY:
                reported = time.monotonic()
                took = reported - begin
                print(f"{done} of {len(seeds)} seeds in {took:.0f} s, {violated} with violations", file=sys.stderr)
    except KeyboardInterrupt:
        interrupted = True
        print(f"interrupted after {done} of {len(seeds)} seeds, which ended in any order", file=sys.stderr)
    summary = {
        "seeds": done,
        "first": options.first,
        "violations": violated,
        "steps": steps,
        "faults": dict(faults),
        "crashes": crashes,
        "fills": fills,
        "seconds": round(time.monotonic() - begin, 1),
    }
    print(orjson.dumps(summary).decode())
    return 1 if violated else 130 if interrupted else 0


def _outcomes(seeds: range, jobs: int) -> Iterator[Outcome]:
    """In any order, as they end."""
    if jobs == 1 or len(seeds) == 1:
        yield from map(run, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, _deaf) as pool:
        yield from pool.imap_unordered(run, seeds, chunksize=max(1, min(5, len(seeds) // (4 * jobs))))


def _deaf() -> None:
    """Ctrl-C goes to all processes of a terminal; the first of them ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _traced(seeds: range, length: int) -> Iterator[Outcome]:
    for seed in seeds:
        records: deque[str] = deque(maxlen=length)

        def look(world: World, records: deque[str] = records) -> None:
            def note(record: StepRecord) -> None:
                at = (record.now - world.began) / 1e9
                effects = "".join(f"\n      -> {effect}" for effect in record.effects)
                records.append(f"{at:10.3f} {record.actor.id}: {record.message}{record.failure or ''}{effects}")

            world.on_step = note

        outcome = run(seed, look)
        print(*records, sep="\n")
        yield outcome


def _complain(outcome: Outcome) -> None:
    print(f"seed {outcome.seed} violates:")
    for sentence in outcome.violations:
        print(f"  {sentence}")
    again = shlex.join(["make", "sim", "SEEDS=1", f"FIRST={outcome.seed}"])
    print(f"replay it exactly: {again} (the last steps before: add SIM_ARGS='--trace 200')", flush=True)


if __name__ == "__main__":
    sys.exit(main())
