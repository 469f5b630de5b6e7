"""Reads the description of a virtual machine by ``virsh dumpxml`` (https://libvirt.org/formatdomain.html)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree


class LibvirtError(Exception):
    """The text is no description of a VM."""


@dataclass(frozen=True)
class Domain:
    """A VM in libvirt. ``taps``: MAC address -> interface on the host. ``is_running``: it has an id."""

    name: str
    uuid: str
    is_running: bool
    taps: Mapping[str, str] = field(default_factory=dict)


def read_domain(xml: str) -> Domain:
    """Parse the XML of a domain. ``LibvirtError``: it is none."""
    if "<!DOCTYPE" in xml or "<!ENTITY" in xml:
        raise LibvirtError("the XML of a VM has no DOCTYPE and no entities")
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise LibvirtError(f"not XML: {error}") from error
    if root.tag != "domain":
        raise LibvirtError(f"the XML of a VM begins with <domain>, not with <{root.tag}>")
    taps = {}
    for interface in root.iterfind("./devices/interface"):
        mac, target = interface.find("mac"), interface.find("target")
        if mac is not None and target is not None:
            address, device = mac.get("address"), target.get("dev")
            if address and device:
                taps[address.lower()] = device
    uuid = (root.findtext("uuid") or "").strip().lower()
    return Domain((root.findtext("name") or "").strip(), uuid, root.get("id") is not None, taps)
