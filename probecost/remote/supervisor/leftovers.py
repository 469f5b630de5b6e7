"""Leftovers of dead sessions on this node: found by their own marks, and ended on request.

Processes are found in a cgroup of a dead session, or by its mark in their environment, with all their descendants;
never by a name. A session whose watchdog or supervisor lives has no leftovers, and the run that holds the lease is left
out. Results do not record their owner, and a tool that a dead run placed may be used by the next one: while any run
holds the lease, both are left alone.
"""

import os
import shutil
import signal
from typing import Any, Dict, List, NamedTuple, Optional, Set, Tuple

from . import GRACE_S, lease, processes
from .cgroups import Cgroup
from .ending import end as end_processes
from .owner import orphans
from .placed import Record

#: A process, its evidence (``cgroup``, ``environment``, or as a child) and the mark of its session.
Left = NamedTuple("Left", [("stat", processes.Stat), ("by", str), ("mark", str)])

#: ``holder``: the holder of the lease, or ``None``. ``processes``: pid, command, and as in ``Left``. ``cgroups``,
#: ``leases``: paths. ``records``: paths, with the files that still exist. ``results``: path, number and bytes of the
#: files; ``None`` if there are none.
Found = Dict[str, Any]


def find(workdir: str, results: str) -> Found:
    """Find all leftovers; nothing is changed."""
    leases, holder = lease.look(lease.places()), _holder()
    return {
        "holder": None if holder is None else {key: value for key, value in holder.items() if key != "token"},
        "processes": [
            {"pid": left.stat.pid, "command": processes.command_of(left.stat.pid), "by": left.by, "mark": left.mark}
            for left in _left(holder)
        ],
        "cgroups": [group.path for group in _orphans(holder)],
        "leases": [one.path for one in leases if one.holder is None],
        "records": [
            {"path": record.path, "files": [entry.path for entry in record.there(workdir)]}
            for record in (Record.orphans(workdir) if holder is None else [])
        ],
        "results": _results(results) if holder is None else None,
    }


def end(shown: Found, workdir: str, results: str, keep_results: bool, us: Dict[str, Any]) -> List[str]:
    """End and remove the leftovers ``shown``, from ``find``, that still exist; return the failures.

    ``us``: this process, as a holder of the lease. No run begins on this node meanwhile.
    """
    try:
        held: Optional[lease.Lease] = lease.Lease.take(us)
    except lease.Busy:
        held = None
    try:
        problems = _end(shown)
        if held is not None:
            problems += _remove_files(shown, workdir, None if keep_results else results)
        return problems
    finally:
        if held is not None:
            held.release()


def _end(shown: Found) -> List[str]:
    problems = _end_processes({one["mark"] for one in shown["processes"]})
    for group in _orphans(_holder()):
        if group.path in shown["cgroups"] and not group.remove_orphan():
            problems.append("cgroup %s cannot be removed: there are still processes in it" % group.path)
    for path in shown["leases"]:
        try:
            lease.remove_stale(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            problems.append("%s cannot be removed: %s" % (path, error.strerror))
    return problems


def _remove_files(shown: Found, workdir: str, results: Optional[str]) -> List[str]:
    problems: List[str] = []
    for record in Record.orphans(workdir):
        if record.path in [one["path"] for one in shown["records"]]:
            problems += record.remove(workdir)
    if shown["results"] and results is not None:
        problems += _remove_tree(results)
    return problems


def _holder() -> Optional[Dict[str, Any]]:
    return next((one.holder for one in lease.look(lease.places()) if one.holder is not None), None)


def _is_holders(mark: str, holder: Optional[Dict[str, Any]]) -> bool:
    """Whether a session belongs, or may belong, to the run that has the lease."""
    if holder is None:
        return False
    token = holder.get("token")
    return not isinstance(token, str) or mark.startswith(lease.group_of(token) + "-")


def _orphans(holder: Optional[Dict[str, Any]]) -> List[Cgroup]:
    return [group for group in Cgroup.orphans() if not _is_holders(group.mark, holder)]


def _left(holder: Optional[Dict[str, Any]]) -> List[Left]:
    """Every process of a dead session, marked ones before their descendants."""
    marks: Dict[int, Tuple[str, str]] = {}
    for group in _orphans(holder):
        marks.update({pid: ("cgroup", group.mark) for pid in group.pids()})
    for pid, owner in orphans().items():
        if pid not in marks and not _is_holders(owner.mark, holder):
            marks[pid] = ("environment", owner.mark)
    own = {stat.pid for stat in processes.ancestors(os.getpid())}
    found: Dict[int, Left] = {}
    for pid, (place, mark) in sorted(marks.items()):
        for stat in processes.trees([pid]):
            if stat.pid == pid:
                found[pid] = Left(stat, place, mark)
            elif stat.pid not in marks:
                found[stat.pid] = Left(stat, "child of %d" % stat.ppid, mark)
    return [left for left in found.values() if left.stat.state != "Z" and left.stat.pid not in own]


def _end_processes(marks: Set[str]) -> List[str]:
    """End the processes of the sessions with these marks, and their new children."""

    def living() -> List[processes.Stat]:
        return [left.stat for left in _left(_holder()) if left.mark in marks]

    end_processes(living, [(signal.SIGTERM, GRACE_S)])
    return ["%s (pid %d) does not end" % (stat.comm, stat.pid) for stat in living()]


def _results(path: str) -> Optional[Dict[str, Any]]:
    if not os.path.isdir(path) or os.path.islink(path):
        return None
    sizes = []
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                sizes.append(os.lstat(os.path.join(folder, name)).st_size)
            except OSError:
                continue
    return {"path": path, "files": len(sizes), "bytes": sum(sizes)}


def _remove_tree(path: str) -> List[str]:
    problems: List[str] = []

    def note(_call: Any, name: str, error: Any) -> None:
        problems.append("%s cannot be removed: %s" % (name, error[1]))

    shutil.rmtree(path, onerror=note)
    return problems
