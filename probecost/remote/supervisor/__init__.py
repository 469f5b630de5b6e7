"""The supervisor on a node: it owns everything that a run starts there.

It needs only the standard library of Python 3.6 or newer, and nothing is installed: ``probecost.remote.bundle`` packs
these modules into one file that is sent over the SSH channel and run by ``sudo python3``. It has two processes:

- the *watchdog* (the first one) holds the lease and outlives everything. When the supervisor ends, dies, hangs or is
  not renewed for ``LEASE_S``, it ends every process of the run, removes the run's placed files, and exits;
- the *supervisor* (its child) serves the controller's requests. When the watchdog dies, it does that clearing itself.

The supervisor also sends a sign of life every ``ALIVE_S``: a controller that misses it takes the node for lost.

Both are child subreapers, so no process of the run can leave their tree, not even sudo's and daemonised ones; if the
kernel has cgroups, a separate one for the run is a second record of its processes.
"""

LEASE_S = 8.0
ALIVE_S = 2.0
GRACE_S = 4.0
