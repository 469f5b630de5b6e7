# Shared by the scripts of this folder: sourced, not run. The current folder is the project's.

STATE=.cache/setup
SOURCES=/etc/apt/sources.list.d/probecost-nonfree.sources
VENV=.venv
STAMP=$VENV/probecost-stamp
GUESTS=.cache/lab-vm

die() {
    echo "error: $*" >&2
    exit 1
}

# Run a command as root, asking for a password if sudo wants one.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "this needs root: run it as root, or install sudo"
    fi
}

# The package of a program, for each program that the beds named in BEDS or a measurement on them need. "tests" is no
# bed: it stands for what tests need besides, a browser and login shells that are not POSIX.
programs() {
    case " ${BEDS:-lab} " in
        *" tests "*) cat <<'LIST' ;;
chromium chromium
fish fish
tcsh tcsh
LIST
    esac
    cat <<'LIST'
bpftrace bpftrace
ethtool ethtool
ip iproute2
iperf3 iperf3
netperf netperf
python3 python3
ssh openssh-client
sshd openssh-server
sudo sudo
LIST
    case " ${BEDS:-lab} " in
        *" lab-vm "*) cat <<'LIST' ;;
busybox busybox-static
ovs-vsctl openvswitch-common
ovs-vswitchd openvswitch-switch
qemu-system-x86_64 qemu-system-x86
LIST
    esac
}

# Packages whose program is nowhere in the PATH that lab hosts have.
missing_packages() {
    programs | while read -r program package; do
        (PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin && command -v "$program" >/dev/null) ||
            echo "$package"
    done | sort -u
}

# A Python that is new enough and can make a virtual environment; $PYTHON is asked first, and alone if it is set.
find_python() {
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# What the virtual environment was made from.
venv_fingerprint() {
    cat requirements.lock pyproject.toml | sha256sum | cut -d ' ' -f 1
}

venv_is_current() {
    [ -x $VENV/bin/python ] && [ "$(cat $STAMP 2>/dev/null)" = "$(venv_fingerprint)" ]
}
