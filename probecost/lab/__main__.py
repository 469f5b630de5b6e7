"""``python -m probecost.lab up|down|status NAME --config-dir DIR``.

The exit status is 0, or 1 for an error; for ``status`` it is 0 for up, 3 for down, 4 for broken.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from probecost.lab import bed, control, guard
from probecost.lab.errors import LabError
from probecost.lab.places import NAMES, Place

STATUS_CODES = {"up": 0, "down": 3, "broken": 4}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m probecost.lab", description="The test bed on one machine.")
    parser.add_argument("verb", choices=("up", "down", "status", "guard"), metavar="up|down|status")
    parser.add_argument("name", nargs="?", default=NAMES[0], help=f"one of: {', '.join(NAMES)}")
    parser.add_argument("--config-dir", type=Path, default=Path("config"), metavar="DIR")
    parser.add_argument(
        "--auto", action="store_true", help="with up: only until standard input ends and the lab is unused"
    )
    options = parser.parse_args(arguments)
    try:
        place = Place.of(options.name, options.config_dir)
        if options.verb == "status":
            return _status(place)
        if os.geteuid() != 0:
            _become_root(place, options.verb, auto=options.auto)
        os.umask(0o022)
        signal.signal(signal.SIGTERM, _stop)
        if options.verb == "guard":
            guard.stand_guard(place)
        elif options.verb == "down":
            taken = bed.take_down(place)
            _say(f"{place.name} {'is down' if taken else 'was down already'}")
        else:
            _up(place, auto=options.auto)
    except LabError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def _up(place: Place, *, auto: bool) -> None:
    lab = bed.bring_up(place, kept=not auto)
    how = {"brought up": "is up", "was up": "was up already", "repaired": "was broken and is up again"}[lab.how]
    hosts = ", ".join(f"{host.name} {host.management_ip}" for host in lab.addresses.nodes)
    _say(f"{place.name} {how}: {hosts}; environment folder {place.folder}")
    if auto:
        _say(control.HELD)
        while os.read(0, 4096):
            pass


def _status(place: Place) -> int:
    found = control.status(place.name, place.config_dir)
    stays = " (until it is taken down)" if found.kept else " (as long as it is used)"
    _say(f"{found.instance}: {found.condition}" + (stays if found.condition == "up" else "") + _colon(found.problem))
    for name, address in found.hosts:
        _say(f"  {name} {address}   ssh -F {place.ssh_config()} {name}")
    return STATUS_CODES[found.condition]


def _colon(text: str) -> str:
    return f": {text}" if text else ""


def _become_root(place: Place, verb: str, *, auto: bool) -> NoReturn:
    command = control.elevated(verb, place, *(["--auto"] if auto else []))
    os.chdir(bed.ROOT)
    os.execvp(command[0], command)


def _stop(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(143)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
