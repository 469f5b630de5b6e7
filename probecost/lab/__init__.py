"""The lab: two hosts on one machine, with or without guests, for measurements without a test bed.

``host-server`` and ``host-client`` are each a network, mount, PID, UTS and IPC namespace with its own first process
(``hostinit``); ending that process ends the host and everything in it. A host has its own process list,
``/etc``, ``/run``, ``/tmp``, ``/home``, ``/root``, ``/var/log``, sshd, host key and users; it sees the machine's
programs, read-only. ``eth0`` is its management interface (a veth whose other end is on the machine, so that SSH
reaches it), ``eth1`` its test interface, a veth straight to the other host.

It differs from two real machines: **one kernel serves both hosts**. A tracepoint or a BPF program attached in one
host sees the packets of both: a probe on the receive path of a TCP stream fires for the data on the server's side and
for the acknowledgements on the client's, and it sees the management traffic too. The same CPUs pay for the tool, the
sender and the receiver. The overhead measured here is therefore larger than between two machines; comparisons of tools
hold. Time, memory, CPUs and kernel settings outside the network namespace are shared as well.

``lab-vm`` is the bed with virtual machines: the same two hosts, each with its own Open vSwitch in userspace
(``br-int`` with the internal port ``port-probe``, which has the host's test address, and behind a patch port ``br-ext``
with the uplink: ``eth1`` on the server, a bond of ``eth1`` and ``eth2`` on the client) and one QEMU guest on a tap of
``br-int``. Guests have their own kernel, but are emulated, slowly, by the same CPUs. See ``vm``.

Other programs call ``control``, a shell ``python -m probecost.lab up|down|status``. The result of
bringing the lab up is a folder with a ``minimal-input.yaml``, an OpenSSH client configuration, a key and a known_hosts
file; users of the lab need nothing else.
"""
