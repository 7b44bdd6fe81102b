# SPDX-License-Identifier: Apache-2.0
"""Networks as a test wants them: a relay host, and spokes of any kind.

    with Topology(LabOwned()) as net:
        net.add("spoke1", relay_only=True, over=4)
        net.add("edge", advertises=["10.188.100.0/24"], over=6, behind_nat=True)
        net.start()

Every spoke has an underlay of its own and the relay as its only peer, on which it puts the VPC's
ranges. The relay host is the world's first namespace, does not forward, and its FORWARD policy is
DROP. mesh.py has the one fixed network that most tests share; here wg0 may be the relay's own
(owner.py).
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lab import wgshow
from lab.devices import Device, PeersFile, Vpc, records
from lab.firewall import Firewall
from lab.lan import LAN4, LAN6, join_lan
from lab.node import Node
from lab.owner import INTERFACE, Owner
from lab.relay import Daemon, RelayCommands
from lab.traffic import ping
from lab.underlay import Underlay, settle
from lab.wait import wait_until
from lab.wireguard import RUNTIME, Key, WireGuard, make_key, widen_receive_buffers

FORWARDING = ("ipv4/ip_forward", "ipv6/conf/all/forwarding")


@dataclass
class Spoke:
    """A device with its node, its end of the tunnel and its way to the relay."""

    node: Node
    device: Device
    tunnel: WireGuard
    underlay: Underlay
    over: int  # family of the underlay in use: 4 or 6

    def address(self, family: int) -> str:
        """Tunnel address; family is 4 or 6."""
        return self.device.ipv4 if family == 4 else self.device.ipv6

    def connect(self, relay_key: str) -> None:
        """Make the relay the peer; its keepalive begins the handshake."""
        self.tunnel.set_peer(relay_key, list(self.tunnel.routes),
                             self.underlay.relay_endpoint(self.over), keepalive_s=20)

    def reach(self, relay_key: str, cidrs: Sequence[str]) -> None:
        """Send what goes to these CIDRs to the relay too."""
        self.tunnel.routes = [*self.tunnel.routes, *cidrs]
        self.tunnel.set_peer(relay_key, self.tunnel.routes)
        for cidr in cidrs:
            self.node.run("ip", "route", "add", cidr, "dev", self.tunnel.interface)


class Topology:
    """A relay host and its spokes. Leaving the with block takes everything away."""

    def __init__(self, owner: Owner, vpc: Vpc = Vpc(), mtu: int = 1420,
                 underlay_mtu: int = 1500) -> None:
        """mtu is that of the relay's wg0, and of a spoke's interface if it has none of its own."""
        self.owner, self.vpc, self.mtu, self.underlay_mtu = owner, vpc, mtu, underlay_mtu
        self.relay = Node("relay", first=True)
        self.commands = RelayCommands(self.relay, INTERFACE, adopt=owner.adopted)
        self.spokes: dict[str, Spoke] = {}
        self.peers = PeersFile(f"{RUNTIME}/peers.json")
        self._undo: list[Callable[[], None]] = []
        self._spokes_made = 0
        self.device = Device("relay", "", vpc.address(4, 1), vpc.address(6, 1), relay=True, vpc=vpc)
        self.new_key()

    def __enter__(self) -> "Topology":
        settle(self.relay)
        for name in FORWARDING:
            self.relay.set_sysctl(name, "0")
        self.firewall = Firewall(self.relay)
        self._undo += [self.firewall.remove, self.owner.remove, self.commands.clean]
        return self

    def __exit__(self, *_: object) -> None:
        while self._undo:
            self._undo.pop()()
        self.spokes.clear()
        with suppress(FileNotFoundError):
            self.peers.remove()

    def __getitem__(self, name: str) -> Spoke:
        return self.spokes[name]

    def add(self, name: str, relay_only: bool = False, advertises: Sequence[str] = (),
            over: int = 4, behind_nat: bool = False, mtu: int = 0) -> Spoke:
        """Add a spoke; start() or publish() tell the relay of it."""
        self._spokes_made += 1
        number = self._spokes_made
        node = Node(name)
        self._undo.append(node.remove)
        settle(node)
        underlay = Underlay(self.relay, node, number, self.underlay_mtu, behind_nat)
        self._undo.append(underlay.remove)
        ipv4, ipv6 = self.vpc.address(4, number + 1), self.vpc.address(6, number + 1)
        tunnel = WireGuard(node, f"wg-{name}", make_key(), 40000 + number, mtu=mtu or self.mtu,
                           addresses=[f"{ipv4}/32", f"{ipv6}/128"],
                           routes=[self.vpc.ipv4, self.vpc.ipv6])
        tunnel.create()
        self._undo.append(tunnel.remove)
        device = Device(name, tunnel.key.public, ipv4, ipv6, relay_only=relay_only,
                        advertises=list(advertises), vpc=self.vpc)
        self.spokes[name] = Spoke(node, device, tunnel, underlay, over)
        return self.spokes[name]

    def add_lan(self, spoke: str) -> Node:
        """Add the host of lan.py behind a spoke, which has to advertise its networks, and let the
        other spokes send to them: once start() or connect() has told them of the relay."""
        host = Node("lan")
        self._undo.append(host.remove)
        settle(host)
        join_lan(self[spoke].node, host)
        for name, other in self.spokes.items():
            if name != spoke:
                other.tunnel.routes = [*other.tunnel.routes, LAN4, LAN6]
                for cidr in (LAN4, LAN6):
                    other.node.run("ip", "route", "add", cidr, "dev", other.tunnel.interface)
        return host

    def forget(self, name: str) -> Spoke:
        """Take a spoke's device out of the VPC; publish() tells the relay. The spoke itself stays,
        and goes on as if it knew nothing."""
        return self.spokes.pop(name)

    def new_key(self) -> Key:
        """Another key pair for the relay, from the next start() on."""
        self.key = make_key()
        self.device.public_key = self.key.public
        return self.key

    def start(self, *options: str) -> Daemon:
        """Start the relay on a new wg0, and begin every session."""
        self.prepare()
        daemon = self.run(*options)
        self.connect()
        return daemon

    def prepare(self) -> None:
        """Everything that is there before the relay starts."""
        self.owner.prepare(self.relay, self.device, self.key, self.mtu)
        self.publish()

    def run(self, *options: str) -> Daemon:
        """Start the daemon, and wait for its list."""
        return self.commands.start("--peers", self.peers.path, *self.owner.options(self.mtu),
                                   *options)

    def rerun(self, *options: str) -> Daemon:
        """Stop the daemon, and start it with these options: wg0 and the forwarding stay."""
        for daemon in self.commands.daemons:
            daemon.stop()
        return self.run(*options)

    def publish(self) -> None:
        """Write the list as the devices are now."""
        others = [spoke.device for spoke in self.spokes.values()]
        self.owner.apply(others)
        self.peers.replace(records([self.device, *others]))

    def connect(self) -> None:
        """Begin every session, and wait until the relay has answered on it: from then on no packet
        waits for a handshake."""
        widen_receive_buffers()
        for spoke in self.spokes.values():
            spoke.connect(self.device.public_key)
        self.wait_connected()

    def wait_connected(self) -> None:
        """Wait until every spoke has had its handshake and an answer of the relay's."""
        keys = {spoke.device.public_key for spoke in self.spokes.values()}
        wait_until(lambda: all(wgshow.handshakes(self.relay, INTERFACE).get(key) for key in keys),
                   "handshake of every spoke with the relay")
        for spoke in self.spokes.values():
            wait_until(lambda: ping(spoke.node, self.device.ipv4, count=1, wait_s=1).received,
                       f"answer of the relay to {spoke.node.name}")

    def endpoint(self, name: str) -> str:
        """Where the relay has heard this spoke last."""
        return wgshow.endpoints(self.relay, INTERFACE)[self[name].device.public_key]
