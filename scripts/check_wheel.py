"""Build the sdist, from it the wheel, install that elsewhere: is everything there outside the repository?"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A link in the package, and the folder it leads to.
RESOURCES = {"opensqt_actors/_resources/alembic/": "alembic/", "opensqt_actors/_resources/config/": "config/"}
NEEDED = (
    "opensqt_actors/py.typed",
    "opensqt_actors/wire/v1/orchestrator_pb2.py",
    "opensqt_actors/wire/v1/orchestrator_pb2.pyi",
    "opensqt_actors/_resources/alembic/env.py",
    "opensqt_actors/_resources/alembic/script.py.mako",
    "opensqt_actors/_resources/config/demo.yaml",
)
PROBE = """
import opensqt_actors, opensqt_actors.cli.main, opensqt_actors.supervisor, opensqt_actors.simvenue.__main__
from opensqt_actors import resources
assert list((resources.migrations() / "versions").glob("*.py")), "no migrations"
print(opensqt_actors.__file__, resources.migrations(), resources.config("demo.yaml"), sep="\\n")
"""


def main() -> int:
    """Exit code 1, with one line for each thing that is missing."""
    with tempfile.TemporaryDirectory() as temporary:
        source, dist, target = (Path(temporary) / name for name in ("source", "dist", "target"))
        files = copy_sources(source)
        run("-m", "build", "--no-isolation", "--outdir", str(dist), str(source))
        wheel = next(dist.glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            missing = sorted(expected(files) - set(archive.namelist()))
        for name in missing:
            print(f"{wheel.name} lacks {name}", file=sys.stderr)
        if missing:
            return 1
        run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(wheel))
        places = run("-W", "error", "-c", PROBE, cwd=Path(temporary), path=target).split()
        for place in places:
            if not Path(place).resolve().is_relative_to(target.resolve()):
                print(f"the installed wheel uses {place}, which is not its own", file=sys.stderr)
                return 1
        print(f"{wheel.name}: {len(expected(files))} files as they should be")
    return 0


def copy_sources(source: Path) -> list[str]:
    """Copy what git knows or would take, so that nothing left over from an earlier build gets in. Returns the names."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    names = [name for name in listed.stdout.split("\0") if name and os.path.lexists(ROOT / name)]
    for name in names:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    return names


def expected(files: list[str]) -> set[str]:
    """Names that the wheel must hold."""
    package = {name for name in files if name.startswith("opensqt_actors/") and name.endswith((".py", ".pyi"))}
    resources = {
        inside + name.removeprefix(folder)
        for inside, folder in RESOURCES.items()
        for name in files
        if name.startswith(folder) and name.endswith((".py", ".mako", ".yaml"))
    }
    return package | resources | set(NEEDED)


def run(*arguments: str, cwd: Path = ROOT, path: Path | None = None) -> str:
    """Run this Python; its stdout. What it says on failure goes to stderr, and the check ends with its exit code."""
    environment = os.environ | ({"PYTHONPATH": str(path)} if path else {})
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-4000:], file=sys.stderr)
        sys.exit(1)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
