#!/usr/bin/env bash
# Builds everything with tests and runs all of them. Ends with ctest's summary; fails when a test
# fails, and also when one is skipped, disabled or not run.
#
#   scripts/test.sh              all tests
#   scripts/test.sh -R dedupe    any option of ctest
set -euo pipefail
# shellcheck source=scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=scripts/lib/tests.sh
source "$root/scripts/lib/tests.sh"

install_packages "${build_packages[@]}" "${test_packages[@]}"
install_rivals
build_preset dev
run_tests dev "$@"
