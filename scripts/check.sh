#!/usr/bin/env bash
# What `make check` runs: all steps, or those named. Every step runs; the exit code is 1 if one of them failed.
set -uo pipefail
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"

# Everything is compared with a state that others may already rely on: AGAINST when given, the point where this work left
# origin/main, or the state before the newest change of proto/.
compatible() {
  local against=${AGAINST:-}
  if [[ -z $against ]] && against=$(git merge-base HEAD origin/main 2>/dev/null) && [[ $against == "$(git rev-parse HEAD)" ]]; then
    against=
  fi
  if [[ -z $against ]] && [[ -n $(git status --porcelain -- proto) ]]; then
    against=HEAD
  fi
  if [[ -z $against ]]; then
    against=$(git log -1 --format=%H -- proto 2>/dev/null)^
  fi
  if ! against=$(git rev-parse --verify --quiet "$against^{commit}") || ! git cat-file -e "$against:buf.yaml" 2>/dev/null; then
    echo "no earlier protocol to compare with"
    return 0
  fi
  if git log --format=%B "$against..HEAD" -- proto | grep -q '^BREAKING CHANGE:'; then
    echo "a commit since ${against:0:10} says BREAKING CHANGE: not compared"
    return 0
  fi
  buf breaking --against ".git#ref=$against"
}

step() {
  case $1 in
    format) ruff format --check . ;;
    ruff) ruff check . ;;
    types) mypy ;;
    imports) lint-imports | sed -n '/^Contracts$/,$p' ;;
    proto) buf lint && buf format --diff --exit-code proto && compatible && python scripts/generate_wire.py --check ;;
    schema) opensqt config schema | diff -u config/schema.json - ;;
    links) python scripts/check_links.py ;;
    failures) python scripts/failure_table.py --check ;;
    wheel) python scripts/check_wheel.py ;;
    *) echo "unknown step $1: format ruff types imports proto schema links failures wheel" && return 2 ;;
  esac
}

failed=()
for name in "${@:-format ruff types imports proto schema links failures wheel}"; do
  # one word each, also for the default list
  for one in $name; do
    printf '== %s\n' "$one"
    step "$one" || failed+=("$one")
  done
done
if ((${#failed[@]})); then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
echo "check: all good"
