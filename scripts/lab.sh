#!/bin/sh
# lab.sh BED CASES PERF_TESTS_PER_VISIT UNITS DURATION_S PYTEST_ARGUMENT...: set up, measure on the bed (lab or lab-vm),
# say where the reports are.
# Prints beforehand how long each stage will take; CASES is ? when the selection is not one of ours.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

BEDS=$1 cases=$2 perf_tests=$3 units=$4 duration_s=$5
shift 5

packages=$(missing_packages | wc -l)
packages_s=0 venv_s=0
[ "$packages" = 0 ] || packages_s=$((40 + 5 * packages))
venv_is_current || venv_s=60
# Guests boot, and answer slower: so does every perf test between them. The first time they are made, too.
up_s=5 half_seconds=1
if [ "$BEDS" = lab-vm ]; then
    up_s=25 half_seconds=3
    [ -d $GUESTS ] || up_s=35
fi
# Of a case: per unit a visit without the tool and one with it; besides their traffic, each perf test takes about half
# a second to set up, a tool about three to attach and stop.
case_s=$((units * (2 * perf_tests * (2 * ${duration_s%.*} + half_seconds) / 2 + 3)))
total_s=$((packages_s + venv_s + up_s + 5))

row() { printf '  %-44s %6s s\n' "$1" "$2"; }
echo "time ledger (estimates)"
row "packages: $packages missing" $packages_s
row "Python environment" $venv_s
row "$BEDS up, discovery, preflight" $up_s
if [ "$cases" = "?" ]; then
    row "each case: $units units of 2 visits, $perf_tests perf tests" $case_s
else
    row "$cases cases: $units units of 2 visits, $perf_tests perf tests" $((cases * case_s))
    total_s=$((total_s + cases * case_s))
fi
row "reports, $BEDS down" 5
[ "$cases" = "?" ] || row "total" $total_s
echo

scripts/setup.sh "$BEDS"
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
