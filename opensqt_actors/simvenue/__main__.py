"""`python -m opensqt_actors.simvenue`: run the simulated venue as a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from loguru import logger

from opensqt_actors.simvenue.server.app import PortInUse, serve
from opensqt_actors.simvenue.server.config import SettingsError, VenueSettings, read, settings_from

DEFAULT_PORT = 9443
DEFAULT_ADMIN_PORT = 9480


def _fail(sentence: str) -> None:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def run(
    directory: Annotated[Path, typer.Option("--dir", help="Folder for certificates and simvenue.json.")],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="TLS port; 0: any free one.")] = DEFAULT_PORT,
    admin_port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Admin port; 0: any free one.")
    ] = DEFAULT_ADMIN_PORT,
    config: Annotated[Path | None, typer.Option(help="Settings in YAML; options given here win.")] = None,
    symbols: Annotated[int | None, typer.Option(min=0, max=1_000, help="Number of synthetic markets.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    profile: Annotated[str | None, typer.Option(help="demo, calm or wild.")] = None,
    speed: Annotated[float | None, typer.Option(help="Market seconds per real second.")] = None,
    replay: Annotated[list[Path] | None, typer.Option(help="Recording to replay; may be given several times.")] = None,
    scripted: Annotated[bool, typer.Option("--scripted", help="Prices move by the admin port only.")] = False,
    limits: Annotated[str | None, typer.Option(help="standard or market-maker.")] = None,
    log_level: Annotated[str, typer.Option(help="Least level of the log on standard error.")] = "WARNING",
) -> None:
    """A simulated futures venue that speaks Binance USD-M over TLS on loopback."""
    logger.remove()
    try:
        logger.add(sys.stderr, level=log_level.upper())
    except ValueError:
        _fail(f"Option --log-level: {log_level} is not a level; use DEBUG, INFO, WARNING or ERROR.")
    try:
        settings = _settings(
            {} if config is None else read(config),
            {"seed": seed, "profile": profile, "speed": speed, "limits": limits},
            {"synthetic": symbols, "replay": replay, "scripted": scripted or None},
        )
        uvloop.run(serve(settings, directory, port, admin_port))
    except (SettingsError, PortInUse) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"The venue cannot use {directory}: {error.strerror}.")


def _settings(document: dict[str, Any], top: dict[str, Any], markets: dict[str, Any]) -> VenueSettings:
    """The file's settings with the given options over them."""
    document.update({name: value for name, value in top.items() if value is not None})
    given = {name: value for name, value in markets.items() if value is not None and value != []}
    if given:
        if given.get("replay") and "synthetic" not in given:
            # Who names recordings wants those markets, not made-up ones besides.
            given["synthetic"] = 0
        section = document.get("markets") or {}
        document["markets"] = {**section, **given} if isinstance(section, dict) else section
    return settings_from(document)


if __name__ == "__main__":
    typer.run(run)
