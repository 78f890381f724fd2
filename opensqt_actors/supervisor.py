"""`python -m opensqt_actors.supervisor --config FILE`: runs the fleet until it is stopped."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from opensqt_actors.config.errors import ConfigError
from opensqt_actors.domain.errors import OpenSqtError

OK, ERROR, CONFIGURATION = 0, 1, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the configuration, run, and return the exit code: 0 ok, 1 error, 4 configuration error."""
    parser = argparse.ArgumentParser(prog="python -m opensqt_actors.supervisor", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="configuration file (YAML)")
    options = parser.parse_args(arguments)
    try:
        return _run(options.config)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return CONFIGURATION
    except OpenSqtError as error:
        sys.stderr.write(f"{error}\n")
        return ERROR


def _run(path: Path) -> int:
    # Nothing that importing makes is garbage: looking for some takes a twentieth of the start.
    gc.disable()
    try:
        return _prepared(path)
    finally:
        gc.enable()


def _prepared(path: Path) -> int:
    # It reads the system's certificates while it is imported, for which it does not need the interpreter.
    threading.Thread(target=importlib.import_module, args=("aiohttp",), daemon=True).start()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it would look for some in every distribution
    from opensqt_actors.config.loading import load

    settings = load(path)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its own words about closed streams say nothing that ours do not
    import uvloop

    from opensqt_actors.app.startup import Startup
    from opensqt_actors.app.system import System
    from opensqt_actors.telemetry import logs

    log = logs.configure(settings.telemetry, settings.secrets())
    try:
        gc.enable()
        startup = Startup()
        startup.reached("imports")
        return uvloop.run(System(settings, log, path.resolve(), startup).run())
    finally:
        log.close()


if __name__ == "__main__":
    sys.exit(main())
