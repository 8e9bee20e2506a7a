# What the scripts share: messages, missing packages, quiet builds. Sourced, never run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build_dir="$root/build"
mkdir -p "$build_dir"

build_packages=(
  g++ cmake ninja-build ccache pkg-config
  libabsl-dev librocksdb-dev libsimdjson-dev liblz4-dev libzstd-dev libxxhash-dev
  libsodium-dev libcli11-dev libspdlog-dev rapidjson-dev zlib1g-dev tzdata
)
test_packages=(
  libgtest-dev libgmock-dev libbenchmark-dev libsqlite3-dev python3 python3-jsonschema python3-venv
  strace curl binutils
)
check_packages=(clang-14 libclang-rt-14-dev lld-14 clang-format-14 python3-venv)

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Prints the packages of its arguments that are not installed.
missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      say "$package"
  done
}

# Installs what is missing. Runs apt only when something is.
install_packages() {
  local missing as_root=() log="$build_dir/apt.log"
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    command -v cmake ninja pkg-config c++ >/dev/null ||
      fail "this is not Debian; install what these Debian packages hold, then run it again: $*"
    return 0
  fi
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "missing packages; as root: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo --preserve-env=DEBIAN_FRONTEND)
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local apt=("${as_root[@]}" apt-get -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=120)
  {
    "${apt[@]}" update &&
      "${apt[@]}" install -y --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1 </dev/null || {
    tail -n 15 "$log" >&2
    fail "apt-get failed; all of its output is in ${log#"$root"/}"
  }
}

# The rivals of tests and benchmarks, ClickHouse in process and DuckDB, in a Python of their own:
# 1 GB on disk.
rivals_python="$build_dir/venv/bin/python"
rivals=(chdb-core==26.9.0 duckdb==2.0.1)
install_rivals() {
  [[ -x $rivals_python ]] && "$rivals_python" -c 'import chdb, duckdb' 2>/dev/null && return 0
  install_python venv "${rivals[@]}"
}

# A lint that leaves the system's headers alone takes half the time of the one that Debian has.
linter="$build_dir/lint/bin/clang-tidy"
linter_version=22.1.8
install_linter() {
  [[ -x $linter ]] && [[ $("$linter" --version) == *" $linter_version"* ]] && return 0
  install_python lint "clang-tidy==$linter_version"
}

# install_python FOLDER PACKAGE…: from PyPI, into a Python of their own below build/.
install_python() {
  local folder=$1 log="$build_dir/$1.log"
  shift
  say "installing $* into build/$folder"
  {
    python3 -m venv "$build_dir/$folder" &&
      "$build_dir/$folder/bin/python" -m pip install --quiet --retries 5 "$@"
  } >"$log" 2>&1 || fail "pip failed; all of its output is in ${log#"$root"/}"
}

# Turns ninja's lines into one line that counts on a terminal, a line a fifth elsewhere.
show_progress() {
  local line shown=0 name=$1
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    local done=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]}
    if [[ -t 1 ]]; then
      printf '\rbuilding %s: %d of %d ' "$name" "$done" "$all"
    elif ((done * 5 / all > shown)); then
      shown=$((done * 5 / all))
      printf 'building %s: %d of %d\n' "$name" "$done" "$all"
    fi
  done
  if [[ -t 1 ]]; then printf '\r\033[K'; fi
}

# build_preset PRESET [TARGET…]: configures and builds quietly; everything that was said is in
# build/PRESET.log, of which the first error is shown when it fails.
build_preset() {
  local preset=$1 log="$build_dir/$1.log"
  shift
  local targets=()
  (($#)) && targets=(--target "$@")
  (cd "$root" && cmake --preset "$preset") >"$log" 2>&1 || {
    grep -m1 -A15 'CMake Error' "$log" >&2 || tail -n 15 "$log" >&2
    fail "cmake failed; all of its output is in ${log#"$root"/}"
  }
  local code=0
  (cd "$root" && cmake --build --preset "$preset" --parallel "$(nproc)" "${targets[@]}" 2>&1) |
    tee -a "$log" | show_progress "$preset" || code=1
  if ((code)); then
    grep -m1 -A25 '^FAILED:' "$log" >&2 || tail -n 25 "$log" >&2
    fail "the build failed; all of its output is in ${log#"$root"/}"
  fi
}
