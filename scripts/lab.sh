#!/bin/sh
# lab.sh BED PYTEST_ARGUMENT...: set up, measure on the bed (lab or lab-vm), say where the reports are.
# Prints beforehand how long the set-up will take; pytest says so of what is measured, when it has planned that.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

BEDS=$1
shift

row() { printf '  %-44s %6s s\n' "$1" "$2"; }

packages=$(missing_packages | wc -l)
packages_s=0 venv_s=0
[ "$packages" = 0 ] || packages_s=$((40 + 5 * packages))
venv_is_current || venv_s=60
# Guests boot; the first time they are made, too.
up_s=5
if [ "$BEDS" = lab-vm ]; then
    up_s=25
    [ -d $GUESTS ] || up_s=35
fi
echo "time ledger of the set-up (estimates)"
row "packages: $packages missing" $packages_s
row "Python environment" $venv_s
row "$BEDS up, discovery" $up_s
scripts/setup.sh "$BEDS"
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
