# SPDX-License-Identifier: Apache-2.0
"""Flows between the two spokes that must not lose a packet, whatever happens meanwhile."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lab.mesh import Mesh
from lab.node import Node
from lab.relay import RelayCommands
from lab.topology import Topology
from lab.traffic import Flow
from lab.wait import PATIENCE, wait_until
from lab.wireguard import widen_receive_buffers

PACKETS = 50  # of each flow, before and after
QUIET_S = 20 * PATIENCE  # what comes no sooner after the others is lost


class PacketLost(AssertionError):
    """A packet between the spokes did not arrive; the text says what every counter on its way has
    seen, so that one can tell the relay from the lab's own WireGuard and sockets."""


@contextmanager
def no_loss(mesh: Mesh | Topology, relay: RelayCommands,
            packets_per_s: int = 300) -> Iterator[None]:
    """While the block runs, and a while before and after: IPv4 from spoke1 to spoke2, IPv6 the
    other way."""
    one, other = mesh["spoke1"], mesh["spoke2"]
    widen_receive_buffers()
    before = _counters(mesh, relay)
    on_the_way = Drops(mesh)
    with Flow(one.node, other.node, other.device.ipv4, packets_per_s) as four, \
            Flow(other.node, one.node, one.device.ipv6, packets_per_s) as six:
        more(four, six)
        yield
        more(four, six)
        four.stop()
        six.stop()
        if not lost_of((four, six), on_the_way):
            return
    raise PacketLost(f"IPv4: {four.result.describe()}; IPv6: {six.result.describe()}; "
                     f"{_moved(before, _counters(mesh, relay))}")


class Drops:
    """What others than the relay drop on a busy machine, from now on: queues in front of a
    wireguard-go that is not scheduled, and sockets of whoever reads too late. The relay drops
    nothing there; where the kernel's WireGuard has no peer for a packet, that is not counted."""

    def __init__(self, mesh: Mesh | Topology) -> None:
        self._nodes = (mesh.relay, mesh["spoke1"].node, mesh["spoke2"].node)
        self._before = self._counters()

    def _counters(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for node in self._nodes:
            kernels = {link["ifname"] for link in json.loads(
                node.run("ip", "-j", "link", "show", "type", "wireguard") or "[]") if link}
            found |= {name: count for name, count in _node_counters(node).items()
                      if ("dropped" in name or "Rcvbuf" in name)
                      and name.split()[1] not in kernels}
        return found

    def count(self) -> int:
        """How many packets so far."""
        return sum(max(0, count - self._before.get(name, 0))
                   for name, count in self._counters().items())


def lost_of(flows: Sequence[Flow], drops: Drops) -> list[list[int]]:
    """Which of the packets that were sent until now are lost by the relay, a list for each flow.
    Empty as soon as all have arrived, or others have dropped as many as have not.

    On a busy machine they come late: none is lost while others still come."""
    sent = [flow.sent() for flow in flows]

    def missing() -> list[list[int]]:
        return [flow.missing(number) for flow, number in zip(flows, sent)]
    def excused() -> bool:
        lost = sum(map(len, missing()))
        return not lost or lost <= drops.count()
    while not excused():
        before = missing()
        try:
            wait_until(lambda: missing() != before or excused(), "packets", QUIET_S, poll_s=0.2)
        except TimeoutError:
            return missing()
    return []


class Steady:
    """The same flows for many tests on one network; check() after each of them."""

    def __init__(self, mesh: Mesh | Topology, packets_per_s: int = 200) -> None:
        widen_receive_buffers()
        one, other = mesh["spoke1"], mesh["spoke2"]
        self._mesh, self._drops, self._before = mesh, Drops(mesh), _all_node_counters(mesh)
        self._flows = (Flow(one.node, other.node, other.device.ipv4, packets_per_s),
                       Flow(other.node, one.node, one.device.ipv6, packets_per_s))

    def __enter__(self) -> "Steady":
        for flow in self._flows:
            flow.__enter__()
        more(*self._flows)
        return self

    def __exit__(self, *_: object) -> None:
        for flow in self._flows:
            flow.__exit__()

    def check(self) -> None:
        """Everything that was sent until now arrives."""
        if lost := lost_of(self._flows, self._drops):
            raise PacketLost(f"IPv4: {lost[0]}; IPv6: {lost[1]}; "
                             f"{_moved(self._before, _all_node_counters(self._mesh))}")


def more(*flows: Flow) -> None:
    """Wait until some more packets of each flow have arrived."""
    marks = [flow.arrived() + PACKETS for flow in flows]
    wait_until(lambda: all(flow.arrived() >= mark for flow, mark in zip(flows, marks)),
               f"{PACKETS} more packets")


def _moved(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """The counters that are not as they were, and by how much."""
    return {name: after[name] - before.get(name, 0) for name in after
            if after[name] != before.get(name, 0)}


def _all_node_counters(mesh: Mesh | Topology) -> dict[str, int]:
    """Of interfaces and sockets on the way between the two spokes."""
    found = {}
    for node in (mesh.relay, mesh["spoke1"].node, mesh["spoke2"].node):
        found |= _node_counters(node)
    return found


def _counters(mesh: Mesh | Topology, relay: RelayCommands) -> dict[str, int]:
    """Everything that counts packets between the two spokes."""
    found = _all_node_counters(mesh)
    kernel = mesh.firewall.forwarded()
    found |= {"relay FORWARD IPv4": kernel.ipv4, "relay FORWARD IPv6": kernel.ipv6}
    for verdict, families in (relay.verdicts() if relay.status() else {}).items():
        for family, count in families.items():
            found[f"relay {verdict} {family}"] = count["packets"]
    return found


def _node_counters(node: Node) -> dict[str, int]:
    found = {}
    for link in json.loads(node.run("ip", "-s", "-j", "link", "show")):
        for way in ("rx", "tx"):
            for what in ("packets", "dropped", "errors"):
                found[f"{node.name} {link['ifname']} {way} {what}"] = \
                    link.get("stats64", {}).get(way, {}).get(what, 0)
    for path in ("/proc/thread-self/net/snmp", "/proc/thread-self/net/snmp6"):
        for name, value in node.inside(lambda name=path: _errors(name)):
            found[f"{node.name} {name}"] = value
    return found


def _errors(path: str) -> list[tuple[str, int]]:
    """IP's and UDP's counters of a namespace of what came to nothing: one "name value" a line, or a
    line of names above a line of values."""
    with open(path, encoding="ascii") as file:
        lines = [line.split() for line in file]
    if path.endswith("snmp6"):
        pairs = [(words[0], words[1]) for words in lines]
    else:
        pairs = [(f"{names[0][:-1]}{name}", value) for names, values in zip(lines[::2], lines[1::2])
                 for name, value in zip(names[1:], values[1:])]
    return [(name, int(value)) for name, value in pairs if name.startswith(("Ip", "Udp"))
            and any(word in name for word in ("Errors", "Discards", "NoRoutes"))]
