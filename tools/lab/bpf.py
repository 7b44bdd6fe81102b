# SPDX-License-Identifier: Apache-2.0
"""BPF objects as the kernel shows them: by number, and by what they are attached to.

Debian 12's bpftool does not list tcx links, so the kernel is asked itself.
"""

import ctypes
import json
import os
from typing import Any

from lab.node import Node
from lab.syscalls import (BPF_MAP_GET_FD_BY_ID, BPF_PROG_GET_FD_BY_ID, BPF_PROG_QUERY, bpf)

_TCX_INGRESS, _TCX_EGRESS = 46, 47
_PROGRAMS_MAX = 64


class _ById(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint32), ("next_id", ctypes.c_uint32), ("flags", ctypes.c_uint32)]


class _Query(ctypes.Structure):
    _fields_ = [("target_ifindex", ctypes.c_uint32), ("attach_type", ctypes.c_uint32),
                ("query_flags", ctypes.c_uint32), ("attach_flags", ctypes.c_uint32),
                ("prog_ids", ctypes.c_uint64), ("count", ctypes.c_uint32),
                ("zero", ctypes.c_uint32), ("prog_attach_flags", ctypes.c_uint64),
                ("link_ids", ctypes.c_uint64), ("link_attach_flags", ctypes.c_uint64),
                ("revision", ctypes.c_uint64)]


def _exists(command: int, number: int) -> bool:
    try:
        os.close(bpf(command, _ById(id=number)))
    except FileNotFoundError:
        return False
    return True


def program_exists(number: int) -> bool:
    """Is there a BPF program with this id?"""
    return _exists(BPF_PROG_GET_FD_BY_ID, number)


def map_exists(number: int) -> bool:
    """Is there a BPF map with this id?"""
    return _exists(BPF_MAP_GET_FD_BY_ID, number)


def has_tcx() -> bool:
    """Does the kernel know tcx (6.6 and later, and what was given it earlier)?"""
    try:
        bpf(BPF_PROG_QUERY, _Query(target_ifindex=1, attach_type=_TCX_INGRESS))
    except OSError:
        return False
    return True


def _tcx(ifindex: int, attach_type: int) -> list[int]:
    ids = (ctypes.c_uint32 * _PROGRAMS_MAX)()
    query = _Query(target_ifindex=ifindex, attach_type=attach_type, count=_PROGRAMS_MAX,
                   prog_ids=ctypes.addressof(ids))
    try:
        bpf(BPF_PROG_QUERY, query)
    except OSError:
        return []  # a kernel before 6.6 knows no tcx
    return list(ids[:query.count])


def attached(node: Node, interface: str) -> list[tuple[str, int]]:
    """Every program on an interface, as (hook, program id); empty when there is no interface."""
    if not node.has_interface(interface):
        return []
    ifindex = node.ifindex(interface)
    found = [("tcx-ingress", number) for number in node.inside(lambda: _tcx(ifindex, _TCX_INGRESS))]
    found += [("tcx-egress", number) for number in node.inside(lambda: _tcx(ifindex, _TCX_EGRESS))]
    for side in ("ingress", "egress"):
        listed = node.call("tc", "-j", "filter", "show", "dev", interface, side)
        for item in json.loads(listed.stdout or "[]") if listed.returncode == 0 else []:
            program = item.get("options", {}).get("prog", {}).get("id")
            if program:
                found.append((f"tc-{side}", program))
    link = json.loads(node.run("ip", "-d", "-j", "link", "show", "dev", interface))[0]
    if "xdp" in link:
        found.append(("xdp", link["xdp"]["prog"]["id"]))
    return found


def dump(path: str) -> list[dict[str, Any]]:
    """Entries of a pinned map, as bpftool shows them with the help of its type information."""
    node = Node("relay", first=True)
    entries = json.loads(node.run("bpftool", "-j", "map", "dump", "pinned", path))
    return [entry.get("formatted", entry) for entry in entries]


def map_id(path: str) -> int:
    """Id of a pinned map."""
    node = Node("relay", first=True)
    return json.loads(node.run("bpftool", "-j", "map", "show", "pinned", path))["id"]
