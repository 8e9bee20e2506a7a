#!/usr/bin/env bash
# clang-tidy over lib/ and server/. A file that passed is not read again until it, a header of ours
# or the list of checks changes. Needs build/dev to be configured.
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib/common.sh"

install_linter
cache="$build_dir/tidy-cache"
mkdir -p "$cache"
cd "$root"

headers=$({
  find include lib server \( -name '*.h' -o -name .clang-tidy \) -print0 | sort -z | xargs -0 cat
  cat .clang-tidy
  say "$linter_version"
} | sha256sum)

check_file() {
  local key output
  key=$({ printf '%s' "$headers"; cat "$1"; } | sha256sum | cut -d ' ' -f 1)
  [[ -e $cache/$key ]] && return 0
  if output=$("$linter" --quiet -p "$build_dir/dev" "$1" 2>/dev/null); then
    touch "$cache/$key"
  else
    printf '%s\n' "$output"
    return 1
  fi
}
export -f check_file
export headers cache build_dir linter

find lib server -name '*.cc' -print0 | sort -z |
  xargs -0 -n 1 -P "$(nproc)" bash -c 'check_file "$0"' || fail "clang-tidy found defects"
say "clang-tidy: $(find lib server -name '*.cc' | wc -l) files are clean"
