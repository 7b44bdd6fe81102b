# SPDX-License-Identifier: Apache-2.0
"""Everything on the relay host that nex-relay could change or leave behind.

Take it before and after: what differs was not taken back. Program and map numbers are global to
the machine, so another lab's would be seen; what hangs on interfaces and pins is this world's own.
"""

import os
import socket
from collections.abc import Iterator

from lab import bpf
from lab.node import Node

Footprint = dict[str, str]
_FOLDERS = ("/sys/fs/bpf", "/run/nex-relay")
_COMMANDS = ("ip -o address", "ip -o -4 route show table all", "ip -o -6 route show table all",
             "ip -4 rule", "ip -6 rule", "nft -s list ruleset")
_SYSCTL_ROOTS = ("ipv4/conf", "ipv6/conf")
_SYSCTLS = ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv4/icmp_errors_use_inbound_ifaddr")


def _files(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        yield from (os.path.join(folder, name) for name in folders + files)


def _sysctls() -> Footprint:
    """Read in the node's own namespace; values that cannot be read are no values."""
    found: Footprint = {}
    paths = [f"/proc/sys/net/{root}" for root in _SYSCTL_ROOTS]
    names = [name for path in paths for name in _files(path) if os.path.isfile(name)]
    for name in [*names, *_SYSCTLS]:
        try:
            with open(name, encoding="ascii", errors="replace") as file:
                found[name] = file.read().strip()
        except OSError:
            continue
    return found


def take(node: Node) -> Footprint:
    """What there is now: path or name of a thing to its content."""
    seen: Footprint = node.inside(_sysctls)
    for folder in _FOLDERS:
        for name in _files(folder):
            seen[name] = "there"
    for _, interface in node.inside(socket.if_nameindex):
        seen[f"programs on {interface}"] = str(sorted(hook for hook, _ in
                                                      bpf.attached(node, interface)))
        seen[f"qdiscs on {interface}"] = node.run("tc", "qdisc", "show", "dev", interface)
    for command in _COMMANDS:
        seen[command] = node.run(*command.split())
    for field in ("public-key", "listen-port", "peers", "allowed-ips", "persistent-keepalive"):
        lines = node.call("wg", "show", "all", field).stdout.splitlines()
        seen[f"wg show all {field}"] = "\n".join(sorted(lines))
    return seen


def lasting(there: Footprint) -> Footprint:
    """What is the same when the interface was made anew: without its number, the link-local address
    that the kernel chose, and anycast addresses, of which the kernel loses count; and without
    the spokes, whose wireguard-go `wg show` sees."""
    found: Footprint = {}
    for name, text in there.items():
        lines = [line.partition(": ")[2] if name == "ip -o address" else line
                 for line in text.splitlines()
                 if "fe80:" not in line and not line.startswith(("wg-", "anycast "))]
        if not name.endswith("/stable_secret"):
            found[name] = "\n".join(sorted(lines))
    return found


def difference(before: Footprint, after: Footprint) -> list[str]:
    """What differs, one line each; empty when nothing does."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, "").splitlines(), after.get(name, "").splitlines()
        found += [f"{name}: gone: {line}" for line in old if line not in new]
        found += [f"{name}: new: {line}" for line in new if line not in old]
    return found
