# SPDX-License-Identifier: Apache-2.0
"""A kernel that was booted with ipv6.disable=1, or built without IPv6: a relay of IPv4 alone.

No network namespace of such a kernel has IPv6, so the spokes have none either. tests/vm boots one.
"""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from lab import wgshow
from lab.devices import Device, PeersFile, records
from lab.node import Node
from lab.owner import INTERFACE, RelayOwned
from lab.relay import RelayCommands
from lab.traffic import ping
from lab.underlay import PORT
from lab.wait import wait_until
from lab.wireguard import RUNTIME, WireGuard, make_key

pytestmark = pytest.mark.skipif(os.path.exists("/proc/net/if_inet6"),
                                reason="this kernel has IPv6 (tests/vm boots one that has none)")

WANTED = {"spoke1": {"100.64.0.2/32"}, "spoke2": {"100.64.0.3/32", "10.188.100.0/24"}}


class Network:
    """A relay host and two spokes, over IPv4."""

    def __init__(self) -> None:
        self.relay, self.key, self.owner = Node("relay", first=True), make_key(), RelayOwned()
        self.commands = RelayCommands(self.relay, INTERFACE, adopt=False)
        self.peers = PeersFile(f"{RUNTIME}/peers.json")
        self.nodes = {name: Node(name) for name in WANTED}
        self.keys = {name: make_key() for name in WANTED}
        self.relay.set_sysctl("ipv4/ip_forward", "0")

    def start(self) -> None:
        """The relay with its list, and the spokes, which connect."""
        own = Device("relay", self.key.public, "100.64.0.1", "200::1", relay=True)
        others = [Device(name, self.keys[name].public, f"100.64.0.{number}", f"200::{number}",
                         advertises=["10.188.100.0/24", "fd00:188:100::/64"][:2 * number - 4])
                  for number, name in enumerate(self.nodes, 2)]
        self.owner.prepare(self.relay, own, self.key, 1420)
        self.peers.replace(records([own, *others]))
        self.commands.start("--peers", self.peers.path)
        for number, (name, node) in enumerate(self.nodes.items(), 2):
            self.relay.run("ip", "link", "add", f"under{number}", "type", "veth", "peer", "name",
                           "eth0", "netns", f"/run/netns/{name}")
            for host, link, last in ((self.relay, f"under{number}", 1), (node, "eth0", 2)):
                host.run("ip", "address", "add", f"198.18.{number}.{last}/24", "dev", link)
                host.run("ip", "link", "set", link, "up")
            tunnel = WireGuard(node, f"wg-{name}", self.keys[name],
                               addresses=[f"100.64.0.{number}/32"], routes=["100.64.0.0/10"])
            tunnel.create()
            tunnel.set_peer(self.key.public, ["100.64.0.0/10"], f"198.18.{number}.1:{PORT}", 20)

    def remove(self) -> None:
        """Take everything away."""
        self.commands.clean()
        self.owner.remove()
        for number, node in enumerate(self.nodes.values(), 2):
            self.relay.call("ip", "link", "delete", f"under{number}")
            node.remove()

    def allowed_ips(self) -> dict[str, set[str]]:
        """Of the relay's peers, by name."""
        found = wgshow.allowed_ips(self.relay, INTERFACE)
        return {name: found.get(key.public, set()) for name, key in self.keys.items()}

    def addresses(self) -> set[str]:
        """Of the relay's interface."""
        shown = json.loads(self.relay.run("ip", "-j", "address", "show", "dev", INTERFACE))[0]
        return {f"{info['local']}/{info['prefixlen']}" for info in shown["addr_info"]}

    def routes(self) -> set[str]:
        """Into the relay's interface."""
        return wgshow.routes(self.relay, INTERFACE)

    def is_whole(self) -> bool:
        """Has the relay's interface all that it should have?"""
        return (self.relay.has_interface(INTERFACE) and self.allowed_ips() == WANTED and
                self.addresses() == {"100.64.0.1/32"} and
                self.routes() == set().union(*WANTED.values()))


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    network = Network()
    try:
        network.start()
        yield network
    finally:
        network.remove()


def test_ipv4_is_relayed(net: Network) -> None:
    """Of IPv6 nothing is there, which is said once and is no error."""
    assert net.is_whole(), (net.allowed_ips(), net.addresses(), net.routes())
    status, messages = net.commands.status(), net.commands.daemons[-1].messages()
    assert status["ipv6"] == {"enabled": False,
                              "reason": "the kernel has no IPv6 (no /proc/net/if_inet6)"}
    assert status["tunnel"]["error"] is None and status["list"]["error"] is None
    assert sum("no IPv6" in line for line in messages) == 1, messages
    assert not any("warning" in line or "error" in line for line in messages), messages
    wait_until(lambda: ping(net.nodes["spoke1"], "100.64.0.3", count=1, wait_s=1).received,
               "connection")
    before = net.commands.packets("forwarded", 4)
    assert ping(net.nodes["spoke1"], "100.64.0.3").complete
    assert net.commands.packets("forwarded", 4) >= before + 10
    assert net.commands.packets("forwarded", 6) == 0


@pytest.mark.parametrize("words", [
    ("ip", "link", "set", INTERFACE, "down"),
    ("ip", "link", "delete", INTERFACE),
    ("ip", "address", "delete", "100.64.0.1/32", "dev", INTERFACE),
    ("ip", "route", "flush", "dev", INTERFACE),
], ids=["down", "removed", "address", "routes"])
def test_a_change_is_put_back(net: Network, words: tuple[str, ...]) -> None:
    net.relay.run(*words)
    wait_until(net.is_whole, f"wg0 as before: {net.commands.daemons[-1].messages()}")
    assert net.commands.status()["tunnel"]["error"] is None


def test_sighup_and_down(net: Network) -> None:
    """The list once more, and then nothing is left."""
    daemon = net.commands.daemons[-1]
    seen = len(daemon.messages())
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: any(" devices, " in line for line in daemon.messages()[seen:]), "list")
    assert not any("warning" in line for line in daemon.messages()[seen:])
    assert net.is_whole() and net.relay.sysctl("ipv4/ip_forward") == "1"
    assert daemon.stop() == 0
    done = net.commands.down()
    assert done.returncode == 0 and not done.stderr, done
    assert not net.relay.has_interface(INTERFACE)
    assert net.relay.sysctl("ipv4/ip_forward") == "0"
