#!/usr/bin/env bash
# Measures InsightFlow on this machine and prints a table of figures and bars; docs/performance.md
# explains them. Takes up to ten minutes; every result is kept in build/bench/results/.
#
#   scripts/bench.sh             the engine, a naive twin and SQLite
#   scripts/bench.sh --rivals    also ClickHouse in process (chDB from PyPI, 0.9 GB)
#   scripts/bench.sh --quick     small sizes, one run each: a look, not a figure to quote
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

rivals=
options=()
for argument in "$@"; do
  case $argument in
    --rivals) rivals=1 ;;
    --quick) options+=(--quick) ;;
    *) fail "unknown option $argument; there are --rivals and --quick" ;;
  esac
done

packages=("${build_packages[@]}" "${test_packages[@]}")
[[ -z $rivals ]] || packages+=(python3-venv)
install_packages "${packages[@]}"
build_preset bench insightflow_main insightflow_generate insightflow_bench_ingest \
  insightflow_bench_live insightflow_load

if [[ -n $rivals ]]; then
  install_chdb
  options+=(--chdb-python "$chdb_python")
fi

exec python3 "$root/benchmarks/run.py" --build "$build_dir/bench" "${options[@]}"
