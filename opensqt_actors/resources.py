"""Where the files that are not code live: migrations and configurations. The same in a checkout and in a wheel."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent / "_resources"


def migrations() -> Path:
    """Folder with Alembic's env.py, script.py.mako and versions/. Raises FileNotFoundError in a broken installation."""
    return _existing(_HERE / "alembic")


def config(name: str) -> Path:
    """A configuration that comes with the program, by file name ("demo.yaml").

    Raises FileNotFoundError, with the names there are.
    """
    folder = _existing(_HERE / "config")
    known = sorted(path.name for path in folder.glob("*.yaml"))
    if name not in known:
        raise FileNotFoundError(f"there is no configuration {name!r} in the program, only {', '.join(known) or 'none'}")
    return folder / name


def _existing(path: Path) -> Path:
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is missing: the installation is broken, install opensqt-actors again")
    return path
