#!/bin/sh
# uninstall.sh: undo what setup.sh and the lab did to the machine. The results stay, and so do your configurations.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

if [ -x $VENV/bin/python ] && [ -d /run/probecost-lab ]; then
    for bed in lab lab-vm; do
        $VENV/bin/python -m probecost.lab down $bed
    done
fi

if [ -s $STATE/installed ]; then
    packages=$(tr '\n' ' ' <$STATE/installed)
    # shellcheck disable=SC2086  # package names are words
    others=$(LC_ALL=C apt-get -s purge $packages 2>/dev/null | sed -n 's/^\(Purg\|Remv\) \([^ ]*\).*/\2/p' |
        sort -u | grep -vxF "$(sed 's/:.*//' $STATE/installed)" || true)
    if [ -n "$others" ]; then
        echo "not removing the packages that setup installed, because others need them now:" $others >&2
        echo "the packages: $packages" >&2
    else
        # shellcheck disable=SC2086
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 purge $packages
        rm -f $STATE/installed
    fi
fi

if [ -e $SOURCES ]; then
    as_root rm -f $SOURCES
    as_root apt-get -q -o DPkg::Lock::Timeout=120 update
fi

rm -rf $VENV $STATE $GUESTS config/lab config/lab-vm ./*.egg-info
echo "uninstalled; results/ and the other folders of config/ are still there"
