"""`opensqt config ...`: what a configuration file may say."""

from __future__ import annotations

import sys

import typer

app = typer.Typer(no_args_is_help=True, help="What a configuration file may say.")


@app.command("schema")
def show_schema() -> None:
    """Print the JSON Schema of the configuration file, for editors: units, bounds, and what changes live."""
    from opensqt_actors.config.schema import schema_text

    sys.stdout.write(schema_text())


@app.callback()
def group() -> None:
    """A group although it has one command: `opensqt config schema`."""
