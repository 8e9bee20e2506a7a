#!/usr/bin/env bash
# Measures InsightFlow on this machine and prints a table of figures and bars; docs/performance.md
# explains them. Every result is kept in build/bench/results/.
#
#   scripts/bench.sh             ingest, HTTP and live numbers: the engine, a naive twin and SQLite
#   scripts/bench.sh --rivals    also ClickHouse in process (rivals come from PyPI, 1 GB)
#   scripts/bench.sh --queries   queries and disk, beside ClickHouse and DuckDB
#   scripts/bench.sh --growth    one store that grows: ingest, queries, opening
#
#   --events N   the size of --queries and --growth; 10000000 unless said
#   --disk-events N   of --queries: stores of this size are weighed; past 10000000 only when asked
#   --save       keep the figures in benchmarks/results/ too
#   --quick      small sizes, one run each: a look, not a figure to quote
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

part=ingest
with_rivals=
quick=
events=
options=()
while (($#)); do
  case $1 in
    --queries | --growth) part=${1#--} ;;
    --rivals) with_rivals=1 ;;
    --quick) quick=1 ;;
    --save) options+=(--save) ;;
    --events)
      [[ ${2-} =~ ^[1-9][0-9]*$ ]] || fail "--events takes a number"
      events=$2
      shift
      ;;
    --disk-events)
      options+=(--disk-events "${2-}")
      shift
      ;;
    *) fail "unknown option $1; the head of this script lists them" ;;
  esac
  shift
done

install_packages "${build_packages[@]}" "${test_packages[@]}"
case $part in
  ingest)
    [[ -z $events ]] || fail "--events goes with --queries or --growth"
    targets=(insightflow_main insightflow_generate insightflow_bench_ingest
      insightflow_bench_live insightflow_load)
    script=run.py
    [[ -z $quick ]] || options+=(--quick)
    ;;
  queries)
    targets=(insightflow_bench_queries insightflow_bench_rows)
    script=queries/run.py
    with_rivals=1
    ;;
  growth)
    targets=(insightflow_bench_growth)
    script=growth/run.py
    ;;
esac
if [[ $part != ingest ]]; then
  [[ -z $quick ]] || events=${events:-1000000}
  options+=(--events "${events:-10000000}")
fi
build_preset bench "${targets[@]}"
if [[ -n $with_rivals ]]; then
  install_rivals
  options+=(--rivals-python "$rivals_python")
fi

exec python3 "$root/benchmarks/$script" --build "$build_dir/bench" "${options[@]}"
