"""What the bed ``lab-vm`` has besides two hosts: a virtual switch in each host, and a guest on it.

``image`` makes the guests' kernel and root file system from Debian's packages and this machine's programs, once;
``switch`` and ``guest`` say how a host sets up Open vSwitch and starts QEMU; ``names`` has every name and number in
them; ``built`` is the record of what was made, for who wants to compare it with what is found over SSH.
"""
