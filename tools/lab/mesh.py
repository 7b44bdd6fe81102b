# SPDX-License-Identifier: Apache-2.0
"""The lab's network: a relay host, spokes, and a host behind one of them.

    spoke1  relay-only, underlay IPv4 ─┐
    spoke2  relay-only, underlay IPv6 ─┤
                                       ├─ relay host, wg0, port 51820, FORWARD policy DROP
    laptop  ordinary,   underlay IPv4 ─┤
    edge    ordinary,   underlay IPv6 ─┘
      └─ lan: a host in 172.24.100.0/24 and fd00:24:100::/64, which edge advertises

Every spoke is joined to the relay host by a link of its own, has the relay as its only peer, and
puts the VPC's ranges and everything advertised on it, as nexd does for a relay-only device. The
relay host is the world's first namespace and does not forward: both sysctls are 0.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from lab import devices
from lab.devices import Device, PeersFile
from lab.firewall import Firewall
from lab.lan import LAN4, LAN6, join_lan
from lab.node import Node
from lab.traffic import ping
from lab.wait import wait_until
from lab.wireguard import RUNTIME, WireGuard, make_key

INTERFACE = "wg0"
# No duplicate address detection: addresses are usable, and stay the same, from the first moment.
_SETTLED = "ipv6/conf/default/accept_dad"
FORWARDING = {"ipv4/ip_forward": "0", "ipv6/conf/all/forwarding": "0"}


@dataclass
class Spoke:
    """A device with its node and its end of the tunnel."""

    node: Node
    device: Device
    tunnel: WireGuard
    endpoint: str  # the relay's, as this node sees it

    def address(self, family: int) -> str:
        """Tunnel address; family is 4 or 6."""
        return self.device.ipv4 if family == 4 else self.device.ipv6


class Mesh:
    """The network. build() makes it and waits until every tunnel works, remove() takes it away."""

    def __init__(self, ipv6_host: bool = True) -> None:
        """ipv6_host: the relay host has IPv6 (else net.ipv6.conf.all.disable_ipv6 is 1)."""
        self.ipv6_host = ipv6_host
        self.relay = Node("relay", first=True)
        self.spokes: dict[str, Spoke] = {}
        self.peers = PeersFile(f"{RUNTIME}/peers.json")
        self._undo: list[Callable[[], None]] = []
        self._links = 0

    def build(self) -> "Mesh":
        """Make everything; on an error what was made so far is taken away."""
        try:
            self._build()
        except BaseException:
            self.remove()
            raise
        return self

    def _build(self) -> None:
        self._prepare_relay_host()
        self.add("spoke1", relay_only=True, wait=False)
        self.add("spoke2", relay_only=True, wait=False)
        self.add("laptop", wait=False)
        self.add("edge", advertises=[LAN4, LAN6], wait=False)
        self._add_lan()
        self.wait_connected()
        self.peers.replace(devices.records(self.devices()))

    def remove(self) -> None:
        """Take everything away, newest first."""
        while self._undo:
            self._undo.pop()()
        self.spokes.clear()
        with suppress(FileNotFoundError):
            self.peers.remove()

    def devices(self) -> list[Device]:
        """The devices of the VPC, the relay's own among them."""
        return [self.device, *(spoke.device for spoke in self.spokes.values())]

    def __getitem__(self, name: str) -> Spoke:
        return self.spokes[name]

    def _prepare_relay_host(self) -> None:
        if not self.ipv6_host:
            self.relay.set_sysctl("ipv6/conf/all/disable_ipv6", "1")
            self._undo.append(
                lambda: self.relay.set_sysctl("ipv6/conf/all/disable_ipv6", "0"))
        self.relay.set_sysctl(_SETTLED, "0")
        for name, value in FORWARDING.items():
            self.relay.set_sysctl(name, value)
        self.firewall = Firewall(self.relay)
        self._undo.append(self.firewall.remove)
        self.device = Device("relay", "", "100.64.0.1", "200::1", relay=True)
        self.make_tunnel()
        self._undo.append(lambda: self.tunnel.remove())

    def make_tunnel(self) -> None:
        """Make the relay's wg0, with all spokes there are as peers: at first, or once more after
        it was removed."""
        known = getattr(self, "tunnel", None)
        addresses = ["100.64.0.1/10"] + (["200::1/64"] if self.ipv6_host else [])
        self.tunnel = WireGuard(self.relay, INTERFACE, known.key if known else make_key(),
                                addresses=addresses,
                                routes=[LAN4] + ([LAN6] if self.ipv6_host else []))
        self.device.public_key = self.tunnel.key.public
        self.tunnel.create()
        self.connect_all()

    def connect_all(self) -> None:
        """Give the relay's wg0 every spoke there is as a peer, and begin a session with each."""
        for spoke in self.spokes.values():
            self.tunnel.set_peer(spoke.device.public_key, spoke.device.allowed_ips())
            # A relay that comes back has no sessions; a spoke notices only after 15 s.
            spoke.tunnel.remove_peer(self.device.public_key)
            self._connect(spoke)

    def rename(self, name: str) -> None:
        """Give the relay's wg0 another name; all sessions are there afterwards."""
        if not self.tunnel.rename(name):
            self.connect_all()
            self.wait_connected()

    def _connect(self, spoke: Spoke) -> None:
        """Make the relay the spoke's peer; its keepalive begins the handshake."""
        spoke.tunnel.set_peer(self.device.public_key, list(spoke.tunnel.routes), spoke.endpoint,
                              keepalive_s=20)

    def add(self, name: str, relay_only: bool = False, advertises: list[str] | None = None,
            wait: bool = True) -> Spoke:
        """Add a spoke to the network and to the relay's peers, not to the peers file."""
        self._links += 1
        number = self._links
        node = self._make_node(name)
        endpoint = self._join(node, number)
        tunnel = WireGuard(node, f"wg-{name}", make_key(), 40000 + number,
                           addresses=[f"100.64.0.{number + 1}/32", f"200::{number + 1}/128"])
        device = Device(name, tunnel.key.public, f"100.64.0.{number + 1}", f"200::{number + 1}",
                        relay_only=relay_only, advertises=advertises or [])
        tunnel.routes = [cidr for cidr in (devices.IPV4_RANGE, devices.IPV6_RANGE, LAN4, LAN6)
                         if cidr not in device.advertises]
        tunnel.create()
        self._undo.append(tunnel.remove)
        self.tunnel.set_peer(device.public_key, device.allowed_ips())
        self.spokes[name] = Spoke(node, device, tunnel, endpoint)
        self._connect(self.spokes[name])
        if wait:
            self.wait_connected()
        return self.spokes[name]

    def drop(self, name: str) -> None:
        """Take a spoke out of the network and off the relay's peers, not out of the peers file."""
        spoke = self.spokes.pop(name)
        self.tunnel.remove_peer(spoke.device.public_key)
        spoke.tunnel.remove()
        spoke.node.remove()

    def _make_node(self, name: str) -> Node:
        node = Node(name)
        self._undo.append(node.remove)
        node.set_sysctl(_SETTLED, "0")
        return node

    def _join(self, node: Node, number: int) -> str:
        """Lay the underlay link of a node; the relay's endpoint as that node sees it."""
        here, there = f"under{number}", "eth0"
        net6 = f"2001:db8:{number:x}::"
        self.relay.run("ip", "link", "add", here, "type", "veth", "peer", "name", there,
                       "netns", f"/run/netns/{node.name}")
        self._undo.append(lambda: self.relay.call("ip", "link", "delete", here))
        for host, link, last in ((self.relay, here, 1), (node, there, 2)):
            host.run("ip", "address", "add", f"192.0.2.{4 * number + last}/30", "dev", link)
            if self.ipv6_host:
                host.run("ip", "address", "add", f"{net6}{last}/64", "dev", link, "nodad")
            host.run("ip", "link", "set", link, "up")
        if number % 2 == 0 and self.ipv6_host:
            return f"[{net6}1]:51820"
        return f"192.0.2.{4 * number + 1}:51820"

    def _add_lan(self) -> None:
        """The host behind edge."""
        edge, lan = self["edge"].node, self._make_node("lan")
        self.lan = lan
        join_lan(edge, lan)

    def wait_connected(self) -> None:
        """Wait until every spoke and the relay have had their handshake, and the relay answers:
        after that both sides hold a confirmed session, and no packet waits for one."""
        keys = {spoke.device.public_key for spoke in self.spokes.values()}
        wait_until(lambda: keys <= self.tunnel.connected_peers(),
                   "handshake of every spoke with the relay")
        for spoke in self.spokes.values():
            wait_until(lambda: ping(spoke.node, self.device.ipv4, count=1, wait_s=1).received,
                       f"answer of the relay to {spoke.node.name}")
