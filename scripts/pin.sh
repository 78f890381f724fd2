#!/usr/bin/env bash
# Write constraints.txt anew: the newest versions that fit pyproject.toml, installed together in an empty environment.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
"$python" -m venv "$temporary/venv"
pip=("$temporary/venv/bin/python" -m pip --disable-pip-version-check)
"${pip[@]}" install --quiet --upgrade pip setuptools
"${pip[@]}" install --quiet --no-build-isolation --editable '.[dev]'
{
  echo "# Exact versions of everything that is installed, for development, CI and images. Written by scripts/pin.sh."
  "${pip[@]}" freeze --all --exclude-editable | grep -vE '^(pip|opensqt-actors)[ =]' | LC_ALL=C sort --ignore-case
} >"$temporary/constraints.txt"
if grep -nE '://|^--|@ ' "$temporary/constraints.txt"; then
  echo "constraints.txt would hold an address" >&2
  exit 1
fi
cp "$temporary/constraints.txt" constraints.txt
