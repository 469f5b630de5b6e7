#!/bin/sh
# lab.sh CASES PERF_TESTS_PER_VISIT UNITS DURATION_S PYTEST_ARGUMENT...: set up, measure on the lab, say where the reports are.
# Prints beforehand how long each stage will take; CASES is ? when the selection is not one of ours.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

cases=$1 perf_tests=$2 units=$3 duration_s=$4
shift 4

packages=$(missing_packages | wc -l)
packages_s=0 venv_s=0
[ "$packages" = 0 ] || packages_s=$((40 + 5 * packages))
venv_is_current || venv_s=60
# Of a case: per unit a visit without the tool and one with it; besides their traffic, each perf test takes about half
# a second to set up, a tool about three to attach and stop.
case_s=$((units * (2 * perf_tests * (2 * ${duration_s%.*} + 1) / 2 + 3)))
total_s=$((packages_s + venv_s + 2 + 3 + 5))

row() { printf '  %-44s %6s s\n' "$1" "$2"; }
echo "time ledger (estimates)"
row "packages: $packages missing" $packages_s
row "Python environment" $venv_s
row "lab up, discovery, preflight" 5
if [ "$cases" = "?" ]; then
    row "each case: $units units of 2 visits, $perf_tests perf tests" $case_s
else
    row "$cases cases: $units units of 2 visits, $perf_tests perf tests" $((cases * case_s))
    total_s=$((total_s + cases * case_s))
fi
row "reports, lab down" 5
[ "$cases" = "?" ] || row "total" $total_s
echo

scripts/setup.sh
status=0
$VENV/bin/python -m pytest "$@" || status=$?
if [ -d results/latest ]; then
    latest=$(readlink -f results/latest)
    echo
    echo "reports: $latest"
    find "$latest" -maxdepth 4 \( -name '*.csv' -o -name '*.md' -o -name '*.html' \) ! -path '*/performance-test-results/*' |
        sort | sed 's/^/  /'
fi
exit $status
