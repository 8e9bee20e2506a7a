# How tests are run: by the scripts and by CI alike. Sourced after common.sh.
# shellcheck shell=bash

# Only the sanitizers' builds read the options below. Crash tests fork; the packages that we link
# are not built for the thread sanitizer, so what they do to their own memory is not judged.
export UBSAN_OPTIONS=print_stacktrace=1
export TSAN_OPTIONS="die_after_fork=0:ignore_noninstrumented_modules=1"
TSAN_OPTIONS+=":suppressions=$root/tests/tsan.supp"

# run_tests PRESET [CTEST OPTIONS…]: ctest's own summary is the last that is printed when all is
# well. A test that did not run is a failure.
run_tests() {
  local report="$build_dir/$1/tests.xml" dir="$build_dir/$1"
  shift
  rm -f "$report"
  ctest --test-dir "$dir" --parallel "$(nproc)" --output-on-failure --no-tests=error \
    --output-junit "$report" "$@" || fail "tests failed"
  local idle
  idle=$(grep -cE '<testcase .*status="(notrun|disabled|skipped)"' "$report" || true)
  ((idle == 0)) || fail "$idle tests did not run: see ${report#"$root"/}"
}
