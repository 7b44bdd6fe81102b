# SPDX-License-Identifier: Apache-2.0
"""Whose packet takes which route. What enters by wg0, leaves by it or comes from the relay's tunnel
address is the tunnel's; everything else of the host stays where it was, whatever a list says."""

import ipaddress
import json
import os
import shlex
import signal
from collections.abc import Iterator

import pytest
from own_interface import addresses, is_applied, tunnel_addresses

from lab import footprint, wgshow
from lab.devices import Device, PeersFile, records
from lab.lan import LAN4, LAN6, LAN_HOST4, LAN_HOST6
from lab.node import Node
from lab.owner import INTERFACE, RelayOwned
from lab.relay import RelayCommands
from lab.topology import Topology
from lab.traffic import ping, transfer
from lab.wait import wait_until
from lab.wireguard import WireGuard, make_key

SMALL_MTU, MTU = 1340, 1420  # of the relay's wg0; of the spokes'
UPLINK = {4: "192.0.2.", 6: "2001:db8:ffff::"}
PRIVATE = {4: "10.20.0.", 6: "fd00:20::"}  # behind the uplink's gateway, in private ranges
NOBODY = {4: "100.64.0.99", 6: "200::99"}
LAN_HOST = {4: LAN_HOST4, 6: LAN_HOST6}
BITS = {4: 32, 6: 128}
HEADERS = {4: 20 + 8, 6: 40 + 8}


class Uplink:
    """A gateway behind an interface of the relay host's, with the default routes through it, and a
    host with every address that a test asks for. It counts what arrives there."""

    def __init__(self, net: Topology) -> None:
        self.net, self.node = net, Node("uplink")
        relay = net.relay
        relay.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns",
                  "/run/netns/uplink")
        for host, link, last in ((relay, "up0", "1"), (self.node, "eth0", "2")):
            for family, bits in ((4, "24"), (6, "64")):
                host.run("ip", "address", "add", f"{UPLINK[family]}{last}/{bits}", "dev", link,
                         *(("nodad",) if family == 6 else ()))
            host.run("ip", "link", "set", link, "up")
        for family in (4, 6):
            relay.run("ip", f"-{family}", "route", "add", "default", "via", f"{UPLINK[family]}2")
            self.has(f"{PRIVATE[family]}53")
            self.node.run("ip", f"-{family}", "route", "add", "default", "via",
                          f"{UPLINK[family]}1")

    def has(self, address: str) -> None:
        bits = 128 if ":" in address else 32
        self.node.run("ip", "address", "add", f"{address}/{bits}", "dev", "lo",
                      *(("nodad",) if bits == 128 else ()))

    def received(self) -> int:
        """Packets of the tunnel's addresses that have left by the uplink, in clear: all but
        neighbour discovery."""
        shown = self.node.run("nft", "-j", "list", "table", "inet", "seen")
        return sum(part["counter"]["packets"] for row in json.loads(shown)["nftables"]
                   for part in row.get("rule", {}).get("expr", ()) if "counter" in part)

    def count(self, *sources: str) -> None:
        """Count what arrives from these networks."""
        self.node.run("nft", "add table inet seen; add chain inet seen in "
                      "{ type filter hook prerouting priority -300; }")
        for source in sources:
            family = "ip6" if ":" in source else "ip"
            self.node.run("nft", f"add rule inet seen in {family} saddr {source} counter")
            self.node.run("nft", f"add rule inet seen in {family} daddr {source} counter")

    def remove(self) -> None:
        self.net.relay.call("ip", "link", "delete", "up0")
        self.node.remove()


@pytest.fixture
def built() -> Iterator[tuple[Topology, Node]]:
    """A relay host with FORWARD open to everybody, strict reverse-path filtering, two spokes,
    and a host behind the second, which is an exit device, too. Not started."""
    with open("/etc/resolv.conf", "a+", encoding="ascii") as file:
        file.seek(0)
        names = file.read()
    with Topology(RelayOwned(), mtu=MTU) as network:
        network.add("spoke1", relay_only=True, over=4)
        network.add("spoke2", advertises=[LAN4, LAN6, "0.0.0.0/0", "::/0"], over=6)
        lan = network.add_lan("spoke2")
        network.firewall.set_policy("ACCEPT")
        for name in ("all", "default"):
            network.relay.set_sysctl(f"ipv4/conf/{name}/rp_filter", "1")
        try:
            yield network, lan
        finally:
            for name in ("all", "default"):
                network.relay.set_sysctl(f"ipv4/conf/{name}/rp_filter", "0")
            with open("/etc/resolv.conf", "w", encoding="ascii") as file:
                file.write(names)


@pytest.fixture
def net(built: tuple[Topology, Node]) -> Topology:
    """The relay host and its spokes."""
    return built[0]


@pytest.fixture
def uplink(net: Topology) -> Iterator[Uplink]:
    other = Uplink(net)
    yield other
    other.remove()


def way(node: Node, address: str, *words: str) -> dict:
    """What the kernel would do with such a packet; "type" is unicast where nothing is said."""
    family = "-6" if ":" in address else "-4"
    done = node.call("ip", "-j", family, "route", "get", address, *words)
    if done.returncode:
        return {"type": "unreachable", "said": done.stderr}
    return {"type": "unicast", **json.loads(done.stdout)[0]}


def leaves_by(node: Node, address: str, *words: str) -> str:
    """Interface, or type when there is none."""
    found = way(node, address, *words)
    return found["dev"] if found["type"] == "unicast" else found["type"]


def read_list(net: Topology) -> list[dict]:
    with open(net.peers.path, encoding="utf-8") as file:
        return json.load(file)


def from_spoke(net: Topology, address: str) -> str:
    """Where a packet of spoke1's to this address leaves the relay host, by the kernel's word."""
    family = 6 if ":" in address else 4
    return leaves_by(net.relay, address, "from", net["spoke1"].address(family), "iif", INTERFACE)


def greedy(net: Topology, *cidrs: str) -> None:
    """A device that advertises these as well."""
    net["spoke1"].device.advertises = list(cidrs)
    net.publish()
    wait_until(lambda: is_applied(net), "AllowedIPs as the list has them")


EVERYTHING = {4: ["0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2", "10.0.0.0/8"],
              6: ["2000::/3", "::/2", "8000::/1", "fd00::/8"]}


@pytest.mark.kernel
def test_a_list_does_not_move_the_host(net: Topology, uplink: Uplink, family: int) -> None:
    """Everything in pieces, private networks, and every host itself: WireGuard's own packets, name
    servers, gateways and what is behind them go where they went; other spokes keep working."""
    endpoints = [net[name].underlay.address(family) for name in ("spoke1", "spoke2")]
    others = [f"{PRIVATE[family]}53", f"{UPLINK[family]}2", "8.8.8.8" if family == 4
              else "2001:db8::8"]
    net.start()
    before = {address: leaves_by(net.relay, address) for address in endpoints + others}
    assert INTERFACE not in before.values()
    greedy(net, *EVERYTHING[family], *(f"{address}/{BITS[family]}" for address in
                                       endpoints + others))
    assert {address: leaves_by(net.relay, address) for address in before} == before
    assert wgshow.host_routes(net.relay, INTERFACE) == tunnel_addresses(net)
    for spoke in net.spokes.values():
        assert ping(net.relay, spoke.address(family)).complete
    answer = ping(net["spoke1"].node, net["spoke2"].address(family))
    assert answer.complete, answer.output


def test_our_own_address_moves_nothing(net: Topology, uplink: Uplink, family: int) -> None:
    """An own address on the Internet, one that the gateway has, and special ones, with whatever
    range the list says: they are not the relay's, which is said; the others are."""
    good = net.device.ipv4 if family == 4 else net.device.ipv6
    bad = {4: ["8.8.8.8", "169.254.169.254", "224.0.0.5", f"{UPLINK[4]}2"],
           6: ["2001:db8:ff::1", "fe80::9", "ff02::5", f"{UPLINK[6]}2"]}[family]
    net.prepare()
    found = read_list(net)
    record = next(item for item in found if item["public_key"] == net.device.public_key)
    record["allowed_ips"] = [good, *bad]
    record[f"ipv{family}_tunnel_ips"] = [
        {"address": address, "cidr": {4: "0.0.0.0/1", 6: "2000::/3"}[family]}
        for address in record["allowed_ips"]]
    net.peers.replace(found)
    daemon = net.run()
    own = {address for address in addresses(net)
           if (":" in address) == (family == 6) and not address.startswith("fe80")}
    assert own == {f"{good}/{BITS[family]}"}
    for address in bad:
        assert leaves_by(net.relay, address) != INTERFACE
        assert way(net.relay, address)["type"] != "local"
    status = net.commands.status()
    assert status and status["tunnel"]["left_out"] == len(bad)
    assert status["tunnel"]["left_out_first"].partition(": ")[0] in bad
    assert any(f"gives this relay the address {bad[0]}: " in line
               for line in daemon.messages()), daemon.messages()
    assert not any("spokes reach" in line for line in daemon.messages())


def test_tunnel_addresses_that_the_host_needs(net: Topology, uplink: Uplink, family: int) -> None:
    """A device has a name server's address, the gateway's, one of the uplink's subnet, and one
    outside of private ranges: spokes reach the device, the host goes on as before."""
    resolver = f"{PRIVATE[family]}53"
    with open("/etc/resolv.conf", "a", encoding="ascii") as file:
        file.write(f"nameserver {resolver}\n")
    taken = [resolver, f"{UPLINK[family]}2", f"{UPLINK[family]}77", {4: "9.9.9.9",
                                                                     6: "2620::9"}[family]]
    net.prepare()
    found = read_list(net)
    record = next(item for item in found if item["hostname"] == "spoke1")
    record["allowed_ips"] += taken
    record[f"ipv{family}_tunnel_ips"] += [{"address": address, "cidr": {4: "0.0.0.0/1", 6: "2000::/3"}[family]} for address in taken]
    net.peers.replace(found)
    daemon = net.run()
    assert wgshow.host_routes(net.relay, INTERFACE) == tunnel_addresses(net)
    assert {str(ipaddress.ip_network(address)) for address in taken} <= \
        wgshow.routes(net.relay, INTERFACE)
    for address in taken:
        assert leaves_by(net.relay, address) == "up0"
        assert from_spoke(net, address) == INTERFACE
    assert net.commands.status()["tunnel"]["left_out"] == len(taken)
    said = [line for line in daemon.messages() if "does not route" in line]
    assert len(said) == 1 and "spokes reach it all the same" in said[0], daemon.messages()


def _claim(net: Topology, name: str, address: str) -> None:
    """Another tunnel address of this device's."""
    found = read_list(net)
    record = next(item for item in found if item["hostname"] == name)
    record["allowed_ips"].append(address)
    record[f"ipv{6 if ':' in address else 4}_tunnel_ips"].append(
        {"address": address, "cidr": "::/1" if ":" in address else "0.0.0.0/1"})
    net.peers.replace(found)


def test_a_tunnel_address_that_is_a_peers_endpoint(net: Topology, family: int) -> None:
    """A device claims the private address at which WireGuard reaches another peer: the peer stays
    reachable, also after a restart and where it has the address only later; spokes reach the
    device. When the peer has moved, this host reaches it, too."""
    peer, other = (net["spoke1"], net["spoke2"])[::1 if family == 4 else -1]
    endpoint, net_of = {4: ("10.66.0.3", "10.66.0.0/24"), 6: ("fd66::3", "fd66::/64")}[family]
    relay = peer.underlay.relay_endpoint(family).rpartition(":")[0].strip("[]")
    peer.node.run("ip", "address", "add", f"{endpoint}/{BITS[family]}", "dev", "lo",
                  *(("nodad",) if family == 6 else ()))
    net.relay.run("ip", "route", "add", net_of, "via", peer.underlay.address(family))
    net.relay.set_sysctl("ipv4/conf/all/rp_filter", "2")  # else it drops what would tell us

    def call_from(address: str) -> None:
        peer.node.run("ip", f"-{family}", "route", "replace", f"{relay}/{BITS[family]}", "dev",
                      "eth0", "src", address)
        peer.node.call("ip", f"-{family}", "route", "flush", "cache")
        peer.tunnel.remove_peer(net.device.public_key)
        peer.connect(net.device.public_key)

    def left() -> str:
        return net.commands.status()["tunnel"]["left_out_first"] or ""

    net.start()
    claimed = f"{endpoint}/{BITS[family]}"
    _claim(net, other.device.name, endpoint)
    wait_until(lambda: claimed in wgshow.host_routes(net.relay, INTERFACE), "route to the device")
    assert net.commands.status()["tunnel"]["left_out"] == 0
    call_from(endpoint)
    wait_until(lambda: left().startswith(f"{endpoint}: "), left)
    assert "WireGuard reaches a peer there" in left()
    assert leaves_by(net.relay, endpoint) != INTERFACE
    assert from_spoke(net, endpoint) == INTERFACE
    wait_until(lambda: ping(peer.node, net.device.ipv4, count=1, wait_s=1).received, "answer")
    net.rerun()
    assert leaves_by(net.relay, endpoint) != INTERFACE and left().startswith(f"{endpoint}: ")
    net.publish()
    wait_until(lambda: not left(), left)
    _claim(net, other.device.name, endpoint)
    wait_until(lambda: left().startswith(f"{endpoint}: "), left)
    call_from(peer.underlay.address(family))
    wait_until(lambda: claimed in wgshow.host_routes(net.relay, INTERFACE), left)


def test_host_routes_that_cover_a_name_server(net: Topology, uplink: Uplink, family: int) -> None:
    """An advertised network that the operator has named, and that a name server behind the gateway
    is in: its way stays, which is said by name, at once when the name server is a new one. Another
    network, and one that covers the gateway alone, are routed."""
    resolver, wide = {4: ("10.20.0.53", "10.20.0.0/16"), 6: ("fd00:20::53", "fd00:20::/48")}[family]
    around = {4: "192.0.0.0/16", 6: "2001:db8::/32"}[family]  # the uplink's subnet, and more
    net["spoke2"].device.advertises = [LAN4, LAN6, wide, around]
    net.prepare()
    daemon = net.run("--host-routes", ",".join([LAN4, LAN6, wide, around]))

    def routed() -> set[str]:
        return wgshow.host_routes(net.relay, INTERFACE) - tunnel_addresses(net)
    assert routed() == {LAN4, LAN6, wide, around}
    assert leaves_by(net.relay, f"{UPLINK[family]}2") == "up0"
    with open("/etc/resolv.conf", "a", encoding="ascii") as file:
        file.write(f"nameserver {resolver}\n")
    net.publish()
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: routed() == {LAN4, LAN6, around}, lambda: str(routed()))
    assert leaves_by(net.relay, resolver) == "up0"
    assert from_spoke(net, resolver) == INTERFACE
    said = f"{wide}: it covers {resolver}, a name server"
    wait_until(lambda: net.commands.status()["tunnel"]["left_out_first"].startswith(said), "status")
    assert any(said in line for line in daemon.messages()), daemon.messages()
    daemon = net.rerun("--host-routes", ",".join([LAN4, LAN6, wide, around]))
    assert any(said in line for line in daemon.messages()), daemon.messages()
    assert leaves_by(net.relay, resolver) == "up0"


def test_ranges_that_the_operator_names(net: Topology, family: int) -> None:
    """A VPC in public addresses works when the configuration says so."""
    net.device.ipv4, net.device.ipv6 = "198.51.100.1", "2001:db8:7::1"
    for number, spoke in enumerate(net.spokes.values()):
        spoke.device.ipv4 = f"198.51.100.{number + 2}"
        spoke.device.ipv6 = f"2001:db8:7::{number + 2}"
    net.prepare()
    net.run("--tunnel-ranges", "198.51.100.0/24,2001:db8:7::/48")
    assert wgshow.host_routes(net.relay, INTERFACE) == tunnel_addresses(net)
    assert {net.device.ipv4, net.device.ipv6} == {at.partition("/")[0] for at in addresses(net)}
    net.rerun()
    assert wgshow.host_routes(net.relay, INTERFACE) == set()
    assert addresses(net) == set()
    assert net.commands.status()["tunnel"]["left_out"] == 6


@pytest.mark.kernel
def test_nobodys_address_does_not_leak(net: Topology, uplink: Uplink, family: int) -> None:
    """What a spoke sends to an address that no device has, or no more, is unreachable: it leaves by
    no other interface, though forwarding is on and FORWARD open."""
    net["spoke2"].device.advertises = [LAN4, LAN6]
    uplink.count(net.vpc.ipv4 if family == 4 else net.vpc.ipv6)
    uplink.has(NOBODY[family])
    net.start()
    answer = ping(net["spoke1"].node, NOBODY[family], count=1)  # of more the kernel tells of some
    assert not answer.received and "nreachable" in answer.output, answer.output
    assert from_spoke(net, NOBODY[family]) == "unreachable"
    gone = net.forget("spoke2")
    net.publish()
    wait_until(lambda: is_applied(net), "list without it")
    assert not ping(net["spoke1"].node, gone.address(family), wait_s=0.3).received
    assert from_spoke(net, gone.address(family)) == "unreachable"
    assert uplink.received() == 0


@pytest.mark.kernel
def test_a_spoke_does_not_reach_the_relays_lan(net: Topology, uplink: Uplink, family: int) -> None:
    """Because the relay has switched forwarding on. The relay's own addresses answer."""
    net["spoke2"].device.advertises = [LAN4, LAN6]
    net.start()
    target = f"{UPLINK[family]}2"
    net["spoke1"].reach(net.device.public_key, [f"{UPLINK[family]}0/{24 if family == 4 else 64}"])
    assert not ping(net["spoke1"].node, target, wait_s=0.3).received
    assert from_spoke(net, target) == "unreachable"
    own = ping(net["spoke1"].node, f"{UPLINK[family]}1", count=2)
    assert own.received == 2, own.output


@pytest.mark.kernel
def test_tcp_to_an_exit_device_finds_the_mtu(net: Topology, uplink: Uplink, family: int) -> None:
    """What is too big for the relay's wg0, to the LAN behind a spoke and to the Internet behind it:
    the answer reaches the sender, through the tunnel, and nothing leaves by the uplink."""
    uplink.count(net.vpc.ipv4 if family == 4 else net.vpc.ipv6, (LAN4, LAN6)[family == 6],
                 {4: "203.0.113.0/24", 6: "2001:db8:113::/64"}[family])
    internet = {4: "203.0.113.9", 6: "2001:db8:113::9"}[family]
    net["spoke2"].node.run("ip", "address", "add", f"{internet}/{BITS[family]}", "dev", "lo",
                           *(("nodad",) if family == 6 else ()))
    net.mtu = SMALL_MTU
    net.start()
    net["spoke1"].reach(net.device.public_key, [f"{internet}/{BITS[family]}"])
    for address in (LAN_HOST[family], internet):
        answer = ping(net["spoke1"].node, address, "-M", "do", "-s", str(MTU - HEADERS[family]),
                      count=1)
        said = {4: f"mtu = {SMALL_MTU}", 6: f"mtu={SMALL_MTU}"}[family]
        assert said in answer.output, answer.output
        node = net["spoke1"].node
        node.run("ip", f"-{family}", "route", "flush", "cache")
    done = transfer(net["spoke1"].node, net["spoke2"].node, internet, megabytes=1)
    assert done.intact, done
    # And the other way: the sender is behind the exit device, in no table of the host's own.
    net["spoke2"].node.run("ip", f"-{family}", "route", "flush", "cache")
    back = ping(net["spoke2"].node, net["spoke1"].address(family), "-I", internet, "-M", "do", "-s",
                str(MTU - HEADERS[family]), count=1)
    assert said in back.output, back.output
    assert uplink.received() == 0


@pytest.mark.kernel
def test_a_service_on_the_tunnel_address(built: tuple[Topology, Node], uplink: Uplink,
                                         family: int) -> None:
    """Clients behind a spoke reach it, and the answers go back through the tunnel."""
    net, lan = built
    uplink.count(net.vpc.ipv4 if family == 4 else net.vpc.ipv6, (LAN4, LAN6)[family == 6])
    net.start()
    own = net.device.ipv4 if family == 4 else net.device.ipv6
    answer = ping(lan, own)
    assert answer.complete, answer.output
    done = transfer(lan, net.relay, own, megabytes=1)
    assert done.intact, done
    assert uplink.received() == 0


def left(before: footprint.Footprint, node: Node, *but: str) -> list[str]:
    """What is different now, but for lines with these words."""
    return [line for line in footprint.difference(before, footprint.take(node))
            if not any(word in line for word in but)]


def test_two_relays_and_down(net: Topology, uplink: Uplink) -> None:
    """Each has a table and rules of its own; either `down` leaves the other's alone, and the last
    one leaves nothing."""
    before = footprint.take(net.relay)
    net.prepare()
    net.run()
    first = footprint.take(net.relay)
    other = RelayCommands(net.relay, "wg1", adopt=False)
    peers = "/run/lab/other.json"
    key = make_key()
    devices = [Device("relay", key.public, "100.65.0.1", "201::1", relay=True),
               Device("far", make_key().public, "100.65.0.2", "201::2")]
    PeersFile(peers).replace(records(devices))
    os.makedirs("/var/lib/other", mode=0o700, exist_ok=True)
    with open(os.open("/var/lib/other/private.key", os.O_WRONLY | os.O_CREAT, 0o600), "w",
              encoding="ascii") as file:
        file.write(key.private + "\n")
    try:
        other.start("--peers", peers, "--listen-port", "51999", "--state-dir", "/var/lib/other")
        assert wgshow.table(net.relay, "wg1") != wgshow.table(net.relay, INTERFACE)
        assert wgshow.routes(net.relay, "wg1") == {"100.65.0.2/32", "201::2/128"}
        assert from_spoke(net, "100.65.0.2") == INTERFACE  # the exit device's, not the other hub's
    finally:
        other.clean()
    assert left(first, net.relay, "accept_ra") == []  # of wg0: a tun device may be an uplink
    assert net.commands.down().returncode == 0
    assert footprint.difference(before, footprint.take(net.relay)) == []


def _move_local(node: Node, away: int, to: int) -> None:
    """`lookup local` from one priority to another, as VRF's documentation has it."""
    for family in ("-4", "-6"):
        node.run("ip", family, "rule", "add", "pref", str(to), "lookup", "local")
        node.run("ip", family, "rule", "del", "pref", str(away), "lookup", "local")


@pytest.mark.kernel
@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
@pytest.mark.parametrize("moved", [1000, 32765])
def test_lookup_local_moved_behind(net: Topology, uplink: Uplink, moved: int, first: bool,
                                   family: int) -> None:
    """For a VRF, say, before the start or at run time: spokes still reach the relay's own addresses,
    the relay reaches itself, others' packets find `local` no sooner. Nothing more is left when it
    is moved back, nor by `down` after a crash."""
    def rules() -> str:
        return net.relay.run("ip", f"-{family}", "rule")

    own = net.device.ipv4 if family == 4 else net.device.ipv6
    spoke = net["spoke1"].address(family)
    try:
        if first:
            _move_local(net.relay, 0, moved)
        before = rules()
        daemon = net.start()
        if not first:
            _move_local(net.relay, 0, moved)
        for target in (own, f"{UPLINK[family]}1"):
            wait_until(lambda target=target: way(net.relay, target, "from", spoke, "iif", INTERFACE)
                       ["type"] == "local", f"{target} for spokes")
            assert way(net.relay, target, "from", own)["type"] == "local"
        for node in (net.relay, net["spoke1"].node):
            answer = ping(node, own)
            assert answer.complete, answer.output
        assert ping(net["spoke1"].node, net["spoke2"].address(family)).complete
        ahead = [rule for rule in json.loads(net.relay.run("ip", "-j", f"-{family}", "rule"))
                 if rule["priority"] < 1000]
        assert ahead and all("iif" in rule or "oif" in rule or rule["src"] == own
                             for rule in ahead), ahead
        assert not any("stands before ours" in line for line in daemon.messages())
        _move_local(net.relay, moved, 0)
        wait_until(lambda: rules().count("lookup local") == 1, rules)
        _move_local(net.relay, 0, moved)
        wait_until(lambda: rules().count("lookup local") > 1, rules)
        daemon.kill()
        assert net.commands.down().returncode == 0
        if first:
            assert rules() == before
        assert rules().count("lookup local") == 1 and "proto 110" not in rules()
    finally:
        _move_local(net.relay, moved, 0)


# What other programs write, as they do it: (rules and routes, which have to stay).
OTHERS = {
    "tailscale": """
        rule add pref 5210 fwmark 0x80000/0xff0000 lookup main
        rule add pref 5230 fwmark 0x80000/0xff0000 lookup default
        rule add pref 5250 fwmark 0x80000/0xff0000 unreachable
        rule add pref 5270 lookup 52
        -4 route add throw 127.0.0.0/8 table 52
        -4 route add throw 198.18.0.0/15 table 52
        -6 route add throw 2001:db8::/48 table 52
        -6 route add throw 2001:db8:1::/48 table 52
        -6 route add throw 2001:db8:2::/48 table 52
        -4 route add default dev up0 table 52
        -6 route add default dev up0 table 52""",
    "wg-quick": """
        -4 route add default dev up0 table 51820
        -6 route add default dev up0 table 51820
        rule add not fwmark 51820 lookup 51820
        rule add lookup main suppress_prefixlength 0""",
    "vrf": """
        link add blue type vrf table 77
        link set blue up
        -4 route add unreachable default metric 4278198272 table 77
        -6 route add unreachable default metric 4278198272 table 77""",
}


def _write(node: Node, text: str) -> None:
    for line in text.strip().splitlines():
        words = line.split()
        if words[0] == "rule":
            for family in ("-4", "-6"):
                node.run("ip", family, *words)
        else:
            node.run("ip", *words)


@pytest.fixture(params=OTHERS)
def other(request: pytest.FixtureRequest, net: Topology, uplink: Uplink) -> Iterator[str]:
    """Another program's rules and tables, written before the relay starts or while it runs."""
    if request.param == "vrf" and net.relay.call("ip", "link", "add", "probe", "type", "vrf",
                                                 "table", "78").returncode:
        pytest.skip("this kernel has no VRF")
    net.relay.call("ip", "link", "delete", "probe")
    yield OTHERS[request.param]
    net.relay.call("ip", "link", "delete", "blue")
    for family in ("-4", "-6"):
        for table in ("52", "51820", "77"):
            net.relay.call("ip", family, "route", "flush", "table", table)
        for pref in range(490, 500):
            net.relay.call("ip", family, "rule", "delete", "pref", str(pref))
        for pref in (5210, 5230, 5250, 5270, 32764, 32765, 1000):
            net.relay.call("ip", family, "rule", "delete", "pref", str(pref))


@pytest.mark.kernel
@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
def test_beside_others(net: Topology, other: str, first: bool, family: int) -> None:
    """Spokes are routed by the tunnel's table alone, the host by the other's, and `down` leaves the
    other's as they were."""
    if first:
        _write(net.relay, other)
        before = footprint.take(net.relay)
    daemon = net.start()
    if not first:
        _write(net.relay, other)
    wait_until(lambda: from_spoke(net, {4: "203.0.113.9", 6: "2001:db8:113::9"}[family])
               == INTERFACE, "way through the exit device")
    net["spoke2"].device.advertises = [LAN4, LAN6]
    net.publish()
    wait_until(lambda: from_spoke(net, {4: "203.0.113.9", 6: "2001:db8:113::9"}[family])
               == "unreachable", "no way without it")
    own = net.device.ipv4 if family == 4 else net.device.ipv6
    assert leaves_by(net.relay, LAN_HOST[family], "from", own) == INTERFACE
    assert leaves_by(net.relay, {4: "203.0.113.9", 6: "2001:db8:113::9"}[family]) == "up0"
    assert ping(net["spoke1"].node, LAN_HOST[family]).complete
    if not first:
        assert not any("keeps changing" in line for line in daemon.messages())
    assert net.commands.down().returncode == 0
    if first:
        assert left(before, net.relay, "wg show",  # the spokes'
                    "send_redirects") == []  # the kernel's WireGuard changes that
    else:
        assert "110" not in {rule.get("protocol") for rule in
                             json.loads(net.relay.run("ip", "-j", f"-{family}", "rule"))}


def test_an_uplink_in_the_vpcs_range(net: Topology) -> None:
    """A carrier's 100.64.0.0/10 on the uplink, and a cloud's resolver there: both stay reachable, and
    no device has a route for one of their addresses."""
    net.relay.run("ip", "link", "add", "cgn", "type", "veth", "peer", "name", "cgn-end")
    try:
        for link in ("cgn", "cgn-end"):
            net.relay.run("ip", "link", "set", link, "up")
        net.relay.run("ip", "address", "add", "100.100.7.5/24", "dev", "cgn")
        net.relay.run("ip", "route", "add", "default", "via", "100.100.7.1")
        with open("/etc/resolv.conf", "w", encoding="ascii") as file:
            file.write("nameserver 100.100.2.136\n")
        net["spoke1"].device.ipv4 = "100.100.2.136"
        net["spoke2"].device.ipv4 = "100.100.7.9"
        net.prepare()
        net.run()
        for address in ("100.100.7.1", "100.100.7.9", "100.100.2.136"):
            assert leaves_by(net.relay, address) == "cgn"
        assert net.commands.status()["tunnel"]["left_out"] == 2
    finally:
        net.relay.run("ip", "link", "delete", "cgn")


def _routing(net: Topology) -> list[str]:
    """Rules, and routes that the kernel did not make by itself."""
    shown = (net.relay.run("ip", family, *words).splitlines() for family in ("-4", "-6")
             for words in (("rule",), ("route", "show", "table", "all")))
    return sorted(line for lines in shown for line in lines if "proto kernel" not in line)


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
@pytest.mark.parametrize("route", ["default via {}2", "{}64/26 via {}2", "throw default",
                                   "blackhole default metric 7"])
def test_others_routes_in_our_table(net: Topology, uplink: Uplink, route: str, first: bool,
                                    family: int) -> None:
    """They decide where spokes' packets go: named with the command that removes the first, in the
    log and in status, and left alone. One with our protocol goes at once."""
    route = route.replace("{}64/26", {4: "192.0.2.64/26", 6: "2001:db8:ffff::64/122"}[family])
    add = ("ip", f"-{family}", "route", "add", *route.format(UPLINK[family]).split(), "table",
           wgshow.own_table(INTERFACE))
    net["spoke2"].device.advertises = []
    if first:
        net.relay.run(*add)
    net.prepare()
    daemon = net.run()
    before = net.relay.run("ip", f"-{family}", "route", "show", "table",
                           wgshow.own_table(INTERFACE))
    if not first:
        net.relay.run(*add)

    def said() -> list[str]:
        return [line for line in daemon.messages() if "routes of other programs" in line]
    wait_until(said, "message")
    error = net.commands.status()["tunnel"]["error"]
    assert error and error in said()[0]
    net.relay.run(*(" ".join(add).replace(" metric 7", "").replace(" add ", " append " if family == 4
                                                                     else " add ")
                    + " proto 110 metric 99").split())
    wait_until(lambda: net.relay.run("ip", f"-{family}", "route", "show", "table", add[-1])
               .count("proto 110") == before.count("proto 110"), lambda: f"""end of what only says so: {
                   before} {net.relay.run("ip", f"-{family}", "route", "show", "table", add[-1])
                   } {daemon.messages()}""")
    assert net.commands.status()["tunnel"]["error"] == error
    net.relay.run(*shlex.split(error.split("`")[1]))
    wait_until(lambda: net.commands.status()["tunnel"]["error"] is None, "end of it")
    assert len(said()) == 1, said()
    if not first:
        assert net.relay.run("ip", f"-{family}", "route", "show", "table", add[-1]) == before


def test_adopted_nothing_is_routed(net: Topology) -> None:
    """--adopt touches no rule and no route, at its start, its end, nor in between."""
    wg = WireGuard(net.relay, INTERFACE, net.key, 51820, addresses=["100.64.0.1/32", "200::1/128"])
    wg.create()
    before = _routing(net)
    commands = RelayCommands(net.relay, INTERFACE, adopt=True)
    net.publish()
    try:
        commands.start("--peers", net.peers.path)
        assert _routing(net) == before
        net.publish()
        assert commands.down().returncode == 0
        assert _routing(net) == before
    finally:
        commands.clean()
        wg.remove()


def _readdress(net: Topology, family: int, turn: int) -> set[str]:
    """59 tunnel addresses more for the relay, other ones in each turn."""
    found = records([net.device, *(spoke.device for spoke in net.spokes.values())])
    more = {f"100.64.{10 + turn}.{number}" if family == 4 else f"200::{10 + turn}:{number:x}"
            for number in range(1, 60)}
    record = next(item for item in found if item["public_key"] == net.device.public_key)
    record["allowed_ips"] += sorted(more)
    record[f"ipv{family}_tunnel_ips"] += [
        {"address": address, "cidr": net.vpc.ipv4 if family == 4 else net.vpc.ipv6}
        for address in more]
    net.peers.replace(found)
    return more


def test_rules_that_cannot_be_set_any_more(net: Topology, uplink: Uplink, family: int) -> None:
    """The same number is somebody else's only later. Lists with ever other addresses come meanwhile:
    then the last one's addresses have their rules, each, and no others are left."""
    table = wgshow.own_table(INTERFACE)
    daemon = net.start()
    net.relay.run("ip", f"-{family}", "rule", "add", "iif", "wgother", "lookup", table, "protocol",
                  "110")
    own = net.device.ipv4 if family == 4 else net.device.ipv6
    for turn in range(8):
        last = _readdress(net, family, turn)
        daemon.signal(signal.SIGHUP)
        wait_until(lambda last=last: last <= {at.partition("/")[0] for at in addresses(net)},
                   "addresses of the list")
    net.relay.run("ip", f"-{family}", "rule", "del", "iif", "wgother")
    daemon.signal(signal.SIGHUP)

    def sources() -> list[str]:
        return sorted(rule["src"] for rule in
                      json.loads(net.relay.run("ip", "-j", f"-{family}", "rule"))
                      if rule.get("protocol") == "110" and rule["src"] != "all")
    wait_until(lambda: sources() == sorted({own, *last}), lambda: str(sources()))
    wait_until(lambda: {at.partition("/")[0] for at in addresses(net)} >= last, "addresses")
    assert daemon.process.poll() is None, daemon.messages()


def test_down_without_a_record(net: Topology, uplink: Uplink, family: int) -> None:
    """Whose wg0 is, nobody knows: it stays, and its rules and table with it, so that what comes in
    leaves nowhere else. They go with a `down` after the interface."""
    daemon = net.start()
    daemon.stop()
    os.unlink(f"/run/nex-relay/{INTERFACE}/tunnel")

    def routing() -> list[str]:
        table = wgshow.own_table(INTERFACE)
        shown = (net.relay.call("ip", f"-{family}", *words).stdout.splitlines()
                 for words in (("rule",), ("route", "show", "table", table)))
        return [line for lines in shown for line in lines if "110" in line]
    before = routing()
    assert any("iif" in line for line in before) and any("unreachable" in line for line in before)
    try:
        assert net.commands.down().returncode == 0
        assert routing() == before
        assert wgshow.allowed_ips(net.relay, INTERFACE)
    finally:
        net.relay.run("ip", "link", "delete", INTERFACE)
    assert net.commands.down().returncode == 0
    assert routing() == []


def test_rules_that_cannot_be_set(net: Topology, uplink: Uplink, family: int) -> None:
    """Another relay has the number of our table. No peer is in until they can, whatever lists come
    meanwhile, and then all is well."""
    table = wgshow.own_table(INTERFACE)
    net.relay.run("ip", "rule", "add", "iif", "wgother", "lookup", table, "protocol", "110")
    net.prepare()
    daemon = net.commands.start("--peers", net.peers.path, loaded=False)
    wait_until(lambda: any("another relay of this host" in line for line in daemon.messages()),
               "message")
    for turn in range(8):
        _readdress(net, family, turn)
        daemon.signal(signal.SIGHUP)
        wait_until(lambda turn=turn: sum("reading again" in line for line in daemon.messages())
                   > turn, "next list")
        assert wgshow.allowed_ips(net.relay, INTERFACE) == {}
    assert daemon.process.poll() is None, daemon.messages()
    net.relay.run("ip", "rule", "del", "iif", "wgother")
    net.publish()
    wait_until(lambda: is_applied(net), "the right list")
    wait_until(lambda: from_spoke(net, {4: "203.0.113.9", 6: "2001:db8:113::9"}[family])
               == INTERFACE, "way through the exit device")
