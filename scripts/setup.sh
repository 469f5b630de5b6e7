#!/bin/sh
# setup.sh [--venv-only | BED...]: install what is missing for the beds (lab, lab-vm; without any: lab) and for
# tests (tests), and nothing else. Needs root (or sudo) only for missing packages.
#
# Packages come from the distribution. netperf is in Debian's non-free (Ubuntu's multiverse) component: if that is not
# switched on, a sources file of our own switches it on; uninstall.sh takes it away again. No service is started, and
# none of a package that this script installed is enabled at boot.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

POLICY=/usr/sbin/policy-rc.d
SAVED_POLICY=/usr/sbin/policy-rc.d.probecost-saved
APT_OPTIONS="-o DPkg::Lock::Timeout=120"

apt_get() {
    # shellcheck disable=SC2086  # the options are words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q $APT_OPTIONS "$@"
}

# While packages are installed, no service may be started, stopped or restarted by them.
forbid_services() {
    restore_services
    if [ -e $POLICY ]; then
        as_root mv $POLICY $SAVED_POLICY
    fi
    trap restore_services EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    printf '#!/bin/sh\n# probecost setup: services are left alone\nexit 101\n' | as_root tee $POLICY >/dev/null
    as_root chmod 755 $POLICY
}

restore_services() {
    if [ -e $POLICY ] && grep -q '^# probecost setup' $POLICY; then
        as_root rm -f $POLICY
    fi
    if [ -e $SAVED_POLICY ]; then
        as_root mv $SAVED_POLICY $POLICY
    fi
}

# Switch on the component that has netperf, from the mirror that the machine uses already.
add_sources() {
    # shellcheck source=/dev/null
    . /etc/os-release
    case "${ID:-} ${ID_LIKE:-}" in
        *ubuntu*) component=multiverse ;;
        *debian*) component=non-free ;;
        *) die "no package has netperf: install netperf by hand, then run this again" ;;
    esac
    # "http://deb.debian.org/debian/ bookworm" of the first plain release
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk '$3 == "main" && $2 !~ /[-\/]/ { print $1, $2; exit }')
    [ -n "$mirror" ] || die "cannot tell which mirror this machine uses: install netperf by hand, then run this again"
    echo "switching on the $component component, which has netperf: $SOURCES"
    {
        echo "# Written by probecost's setup, for netperf; removed by its uninstall."
        echo "Types: deb"
        echo "URIs: ${mirror% *}"
        echo "Suites: ${mirror#* }"
        echo "Components: $component"
        for keyring in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/ubuntu-archive-keyring.gpg; do
            case "$keyring" in
                */"${ID:-}"-*) if [ -e "$keyring" ]; then echo "Signed-By: $keyring"; fi ;;
            esac
        done
    } | as_root tee $SOURCES >/dev/null
}

can_install() {
    [ -n "$(apt-cache madison "$1" 2>/dev/null)" ]
}

installed_packages() {
    dpkg-query -W -f '${db:Status-Abbrev} ${binary:Package}\n' | sed -n 's/^ii *//p' | sort
}

# A service that came with a package of ours must not start with the next boot either.
disable_new_services() {
    for pair in openssh-server:ssh netperf:netperf iperf3:iperf3 openvswitch-switch:openvswitch-switch; do
        if grep -qx "${pair%:*}" "$1"; then
            if command -v systemctl >/dev/null; then
                as_root systemctl disable "${pair#*:}" >/dev/null 2>&1 || true
            fi
            if [ -e "/etc/init.d/${pair#*:}" ] && command -v update-rc.d >/dev/null; then
                as_root update-rc.d "${pair#*:}" disable >/dev/null 2>&1 || true
            fi
        fi
    done
    if grep -qx openssh-server "$1" && command -v systemctl >/dev/null; then
        as_root systemctl disable ssh.socket >/dev/null 2>&1 || true
    fi
}

install_packages() {
    packages=$(missing_packages | tr '\n' ' ')
    python_missing=$(find_python >/dev/null || echo yes)
    if [ -z "$packages" ] && [ -z "$python_missing" ]; then
        return
    fi
    command -v apt-get >/dev/null ||
        die "missing: $packages${python_missing:+, a Python from 3.11 on with venv}; install them (no apt-get here)"
    as_root true
    echo "installing packages: $packages${python_missing:+and Python with venv}"
    apt_get update
    case " $packages" in
        *" netperf "*)
            if ! can_install netperf; then
                add_sources
                apt_get update
                can_install netperf || die "no package netperf even with $SOURCES"
            fi
            ;;
    esac
    if [ -n "$python_missing" ]; then
        packages="$packages $(python_packages)"
    fi
    mkdir -p $STATE
    installed_packages >$STATE/before
    forbid_services
    # shellcheck disable=SC2086  # package names are words
    apt_get install -y --no-install-recommends $packages
    installed_packages | comm -13 $STATE/before - >$STATE/new
    disable_new_services $STATE/new
    restore_services
    trap - EXIT INT TERM HUP
    sort -u $STATE/new $STATE/installed -o $STATE/installed 2>/dev/null || cp $STATE/new $STATE/installed
    rm -f $STATE/before $STATE/new
}

# Packages that provide a Python from 3.11 on with venv: the default one if it is new enough.
python_packages() {
    default=$(apt-cache depends python3 2>/dev/null | sed -n 's/^ *Depends: python3\.\([0-9]*\)$/\1/p' | head -n 1)
    if [ "${default:-0}" -ge 11 ]; then
        echo "python3 python3-venv"
        return
    fi
    for version in 3.13 3.12 3.11; do
        if can_install "python$version-venv"; then
            echo "python$version python$version-venv"
            return
        fi
    done
}

# The guests of lab-vm download their kernel package when they are made: apt must know it.
know_kernel() {
    case " $BEDS " in *" lab-vm "*) ;; *) return ;; esac
    for kernel in $GUESTS/kernels-*/*/vmlinuz; do
        if [ -e "$kernel" ]; then return; fi
    done
    apt_get update
}

make_venv() {
    if venv_is_current; then
        return
    fi
    python=$(find_python) ||
        die "no Python from 3.11 on with venv${PYTHON:+ at $PYTHON}: install one, or name it (make PYTHON=/path/to/python3)"
    echo "making $VENV with $python"
    rm -f $STAMP
    if ! [ -x $VENV/bin/python ] || ! $VENV/bin/python -m pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear $VENV
    fi
    $VENV/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
    $VENV/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
    venv_fingerprint >$STAMP
}

if [ "$*" = --venv-only ]; then
    make_venv
    exit
fi
BEDS=${*:-lab}
for bed in $BEDS; do
    case "$bed" in
        lab | lab-vm | tests) ;;
        *) die "usage: setup.sh [--venv-only | BED...], beds are lab and lab-vm; tests is for what tests need besides" ;;
    esac
done
install_packages
know_kernel
make_venv
