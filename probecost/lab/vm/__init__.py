"""The additions of the bed ``lab-vm``: a virtual switch in each host, and a guest on it.

``image`` makes the guests' kernel and root file system from Debian's packages and this machine's programs, once;
``switch`` and ``guest`` have a host's commands for Open vSwitch and QEMU; ``names`` has every name and number in them;
``built`` is the record of the result, for comparison with discovery over SSH.
"""
