"""One shard as a process of its own.

`--config FILE --number N`: of a supervisor on this host, watched by it.
`--config FILE`: the process of a supervisor that loads everything once and forks its shards (`app/fork_server.py`).
`--config FILE --join [URL]`: a host among several that share one registry; it trades what it can lease. The URL is
that of the database, `database.url` of the file when it is left out. Accounts and keys come from the host's own file.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from opensqt_actors.app import fork_server
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.domain.errors import OpenSqtError

OK, ERROR, CONFIGURATION = 0, 1, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the configuration, run, and return the exit code: 0 ok, 1 error, 4 configuration error."""
    parser = argparse.ArgumentParser(prog="python -m opensqt_actors.shard", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="configuration file (YAML)")
    parser.add_argument("--number", type=int, help="number of the shard, from 0; else shards are forked")
    parser.add_argument(
        "--join", nargs="?", const="", metavar="URL", help="share the registry in this database with other hosts"
    )
    options = parser.parse_args(arguments)
    if options.join is not None:
        if options.number is not None:
            parser.error("--number is for shards of one supervisor, --join for hosts without one; give one of them")
        return _ended(partial(_join, options.config, options.join))
    begun: float | None = None
    if options.number is None:
        if not fork_server.asked_by_a_supervisor():
            parser.error("--number or --join is missing; without them standard input must be a socket to a supervisor")
        options.number = _forked(options.config)
        if options.number is None:
            return OK
        begun = time.monotonic()
    return _ended(partial(_run, options.config, options.number, begun), f"shard-{options.number}: ")


def _ended(run: Callable[[], int], who: str = "") -> int:
    """The exit code; what cannot work is one sentence."""
    try:
        return run()
    except ConfigError as error:
        sys.stderr.write(f"{who}{error}\n")
        return CONFIGURATION
    except OpenSqtError as error:
        sys.stderr.write(f"{who}{error}\n")
        return ERROR


def _join(path: Path, url: str) -> int:
    """Run as a host among others until it is stopped."""
    from opensqt_actors.config.loading import load, on_database

    settings = on_database(load(path), url) if url else load(path)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import uvloop

    from opensqt_actors.app.host_system import HostSystem
    from opensqt_actors.telemetry import logs

    log = logs.configure(settings.telemetry, settings.secrets())
    try:
        return uvloop.run(HostSystem(settings, log, path.resolve()).run())
    finally:
        log.close()


def _forked(config: Path) -> int | None:
    """Load everything and fork shards from now on. Returns in each its number, and None when no more are wanted."""
    with suppress(OpenSqtError):  # it is told when it matters: the file may have changed by then
        _load_everything(config)
    return fork_server.serve()


def _load_everything(config: Path) -> None:
    """Whatever takes time and can be done before anybody knows which shard this is. It opens and keeps nothing."""
    import uvloop  # noqa: F401

    import opensqt_actors.app.shard_system
    import opensqt_actors.telemetry.logs  # noqa: F401
    from opensqt_actors.config.loading import load
    from opensqt_actors.storage import Database
    from opensqt_actors.venues.ccxt import lazy
    from opensqt_actors.venues.ccxt.binanceusdm import EXCHANGES

    lazy.load(*EXCHANGES)
    lazy.complete()
    Database(load(config).database_url.get_secret_value()).close()  # SQLAlchemy imports the driver
    gc.collect()
    gc.freeze()


def _run(path: Path, number: int, begun: float | None) -> int:
    from opensqt_actors.config.loading import load

    settings = load(path)
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # its own words about closed streams say nothing that ours do not
    import uvloop

    from opensqt_actors.app.shard_system import ShardSystem
    from opensqt_actors.app.startup import Startup
    from opensqt_actors.telemetry import logs

    telemetry = settings.telemetry
    if telemetry.log_file is not None:
        own = telemetry.log_file.with_stem(f"{telemetry.log_file.stem}-shard-{number}")
        telemetry = telemetry.model_copy(update={"log_file": own})
    log = logs.configure(telemetry, settings.secrets())
    try:
        startup = Startup(begun)
        startup.reached("imports")
        return uvloop.run(ShardSystem(settings, number, startup).run())
    finally:
        log.close()


if __name__ == "__main__":
    sys.exit(main())
