#!/bin/sh
# lab.sh PYTEST_ARGUMENT...: set up, measure on the lab, say where the reports are.
# Prints beforehand how long each stage will take; what will be measured is planned by pytest, after the set-up.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

row() { printf '  %-44s %6s s\n' "$1" "$2"; }

packages=$(missing_packages | wc -l)
packages_s=0 venv_s=0
[ "$packages" = 0 ] || packages_s=$((40 + 5 * packages))
venv_is_current || venv_s=60
echo "time ledger (estimates)"
row "packages: $packages missing" $packages_s
row "Python environment" $venv_s
scripts/setup.sh

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
plan=$folder/workflow.json
status=0
$VENV/bin/python -m pytest -q "$@" --collect-only --workflow-out "$plan" >"$folder/log" 2>&1 || status=$?
if [ $status != 0 ] || ! [ -f "$plan" ]; then
    cat "$folder/log"
    exit $status
fi
counts=$($VENV/bin/python -c '
import json, sys
plan = json.load(open(sys.argv[1]))
cases = {(cycle["iteration"], cycle["case_key"]) for cycle in plan["test_sequence"] if cycle["ebpf_case"]}
print(len(cases), len(plan["test_sequence"]), round(plan["metadata"]["estimated_duration"]))
' "$plan")
read -r cases visits visits_s <<COUNTS
$counts
COUNTS
row "lab up, preflight" 5
row "cases: $cases, visits: $visits" "$visits_s"
row "reports, lab down" 5
row "total" $((packages_s + venv_s + visits_s + 10))
echo

before=$(readlink results/latest || true)
status=0
$VENV/bin/python -m pytest "$@" || status=$?
if [ "$(readlink results/latest || true)" != "$before" ]; then
    latest=$(readlink -f results/latest)
    echo
    echo "reports: $latest"
    find "$latest" -maxdepth 4 \( -name '*.csv' -o -name '*.md' -o -name '*.html' \) ! -path '*/performance-test-results/*' |
        sort | sed 's/^/  /'
fi
exit $status
