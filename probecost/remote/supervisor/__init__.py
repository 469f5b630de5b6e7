"""What runs on a node: the supervisor that owns everything a run starts there.

Standard library only, Python 3.6 or newer, and nothing is installed: ``probecost.remote.bundle`` packs these modules
into one file that is sent over the SSH channel and run by ``sudo python3``. Two processes:

- the *watchdog* (the first one) holds the lease and outlives everything. When the supervisor ends, dies, hangs or is
  not renewed for ``LEASE_S``, it ends every process of the run, removes what the run placed, and exits;
- the *supervisor* (its child) serves the controller's requests. When the watchdog dies, it does that clearing itself.

The other way round the supervisor says every ``ALIVE_S`` that it lives: who does not hear it takes the node for lost.

Both are child subreapers, so no process of the run can leave their tree, sudo's and daemonised ones included; a cgroup
of the run's own, where the kernel has one, says the same a second time.
"""

LEASE_S = 8.0
ALIVE_S = 2.0
GRACE_S = 4.0
