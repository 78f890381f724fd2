"""Generate opensqt_actors/wire/v1 from proto/opensqt/actors/v1; with --check only tell whether it is up to date.

protoc writes imports for the layout of the .proto files; they are rewritten to the package in which the code lives.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTO = "opensqt/actors/v1"
TARGET = ROOT / "opensqt_actors" / "wire" / "v1"
PACKAGE = "opensqt_actors.wire.v1"
HEAD = f'"""Generated from proto/{PROTO} by scripts/generate_wire.py. Never edited."""\n'


def main() -> int:
    """Exit code 0 when written or up to date, 1 when --check finds a difference or a generator fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed code, write nothing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as temporary:
        try:
            fresh = generate(Path(temporary))
        except subprocess.CalledProcessError as error:
            print(f"{error.cmd[0]} failed with exit code {error.returncode}", file=sys.stderr)
            return 1
    if check:
        return compare(fresh)
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    for name, text in fresh.items():
        (TARGET / name).write_text(text, encoding="utf-8")
    return 0


def generate(out: Path) -> dict[str, str]:
    """File name -> content of the whole generated package."""
    tools = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"}
    run = [sys.executable, "-m", "grpc_tools.protoc", "--proto_path=proto"]
    sources = sorted(str(path.relative_to(ROOT / "proto")) for path in (ROOT / "proto" / PROTO).glob("*.proto"))
    services = [name for name in sources if re.search(r"^service ", (ROOT / "proto" / name).read_text(), re.MULTILINE)]
    subprocess.run([tools / "buf", "generate", "--output", out], cwd=ROOT, env=environment, check=True)
    subprocess.run([*run, f"--grpc_python_out={out}", *services], cwd=ROOT, env=environment, check=True)
    subprocess.run([*run, f"--mypy_grpc_out=quiet:{out}", *services], cwd=ROOT, env=environment, check=True)
    fresh = {path.name: rewritten(path.read_text(encoding="utf-8")) for path in sorted((out / PROTO).iterdir())}
    return {"__init__.py": HEAD} | fresh


def rewritten(text: str) -> str:
    """Generated code with its imports and module names in the package; names on the wire stay what they are."""
    dotted = re.escape(PROTO.replace("/", "."))
    text = re.sub(rf"^(\s*from|import) {dotted}(?=[ .])", rf"\1 {PACKAGE}", text, flags=re.MULTILINE)
    return re.sub(rf"'{dotted}\.(\w+_pb2)'", rf"'{PACKAGE}.\1'", text)


def compare(fresh: dict[str, str]) -> int:
    """0 when the committed package equals `fresh`; otherwise 1, with the difference on stderr."""
    old = {path.name: path.read_text(encoding="utf-8") for path in TARGET.iterdir() if path.is_file()}
    for name in sorted(old.keys() | fresh.keys()):
        before, after = old.get(name, "").splitlines(True), fresh.get(name, "").splitlines(True)
        sys.stderr.writelines(difflib.unified_diff(before, after, f"committed/{name}", f"generated/{name}"))
    if old != fresh:
        print("opensqt_actors/wire/v1 is not what proto/ generates: run `make proto` and commit it", file=sys.stderr)
    return int(old != fresh)


if __name__ == "__main__":
    sys.exit(main())
