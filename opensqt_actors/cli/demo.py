"""`opensqt demo`: the simulated venue and a supervisor on this host, watched until they are told to stop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    run_for: Annotated[
        float | None,
        typer.Option("--run-for", min=0.1, max=604_800, help="End by itself after so many seconds of trading."),
    ] = None,
    symbols: Annotated[int, typer.Option(min=1, max=1_000, help="Number of markets, without --replay.")] = 36,
    shards: Annotated[int, typer.Option(min=0, max=64, help="Processes that trade; 0: the supervisor's own.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the made-up markets.")] = 1,
    replay: Annotated[
        list[Path] | None, typer.Option(help="Candles or trades to play instead; may be given several times.")
    ] = None,
    speed: Annotated[float | None, typer.Option(min=0.001, help="Market seconds per real second.")] = None,
    state: Annotated[
        Path | None, typer.Option(help="Where state is kept; else ./state/demo, or with --run-for a fresh folder.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End a demo that was left running.")] = False,
) -> None:
    """Trade on the simulated venue, show the live table, and check the books at the end.

    The last line on standard output is one JSON object with the run's figures. Ctrl-C ends everything in order.
    """
    from opensqt_actors.cli.demo_folder import Options
    from opensqt_actors.cli.demo_run import run_demo, stop_demo

    if stop:
        stop_demo(state)
        return
    recordings = tuple(str(path.resolve()) for path in replay or ())
    code = run_demo(Options(symbols, seed, recordings, speed, shards), state, run_for)
    raise typer.Exit(code)
