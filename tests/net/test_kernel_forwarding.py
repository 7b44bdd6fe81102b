# SPDX-License-Identifier: Apache-2.0
"""Containers and networks of the relay's own host: spokes get to them only where kernel-forwarding
names them; log, status and check say what they do not get to, and the line that lets them."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.node import Node
from lab.owner import RelayOwned
from lab.topology import Topology
from lab.traffic import ping
from lab.underlay import settle
from lab.wait import wait_until

NETWORK = {4: "172.17.0.0/16", 6: "fd00:17::/64"}
BRIDGE = {4: "172.17.0.1/16", 6: "fd00:17::1/64"}
CONTAINER = {4: "172.17.0.2", 6: "fd00:17::2"}
PUBLISHED, INNER = 8080, 80
NAMED = ",".join(NETWORK.values())
LINE = f"kernel-forwarding = {NAMED}"
# Debian's kernels run in guests that have few of iptables' extensions.
TOOLS = [pytest.param("nft", marks=pytest.mark.kernel), "iptables"]


def _container(net: Topology) -> Node:
    """A namespace on a bridge, as Docker makes them."""
    node = Node("container")
    settle(node)
    net.relay.run("ip", "link", "add", "docker0", "type", "bridge")
    net.relay.run("ip", "link", "add", "port0", "type", "veth", "peer", "name", "eth0",
                  "netns", f"/run/netns/{node.name}")
    net.relay.run("ip", "link", "set", "port0", "master", "docker0", "up")
    net.relay.run("ip", "link", "set", "docker0", "up")
    for family, flag in ((4, ()), (6, ("nodad",))):
        net.relay.run("ip", "address", "add", BRIDGE[family], "dev", "docker0", *flag)
        length = NETWORK[family].partition("/")[2]
        node.run("ip", "address", "add", f"{CONTAINER[family]}/{length}", "dev", "eth0", *flag)
    node.run("ip", "link", "set", "eth0", "up")
    for family in (4, 6):
        node.run("ip", f"-{family}", "route", "add", "default", "via",
                 BRIDGE[family].partition("/")[0])
    return node


@pytest.fixture(scope="module")
def net_and_container() -> Iterator[tuple[Topology, Node]]:
    """A relay with a container, every interface with a strict rp_filter, FORWARD open; spokes send
    what goes to the container's network to the relay."""
    with Topology(RelayOwned()) as network:
        network.firewall.set_policy("ACCEPT")
        network.add("spoke1", relay_only=True, over=4)
        network.add("spoke2", relay_only=True, over=6)
        container = _container(network)
        filtered = ("all", "default")
        before = {name: network.relay.sysctl(f"ipv4/conf/{name}/rp_filter") for name in filtered}
        try:
            for name in filtered:
                network.relay.set_sysctl(f"ipv4/conf/{name}/rp_filter", "1")
            network.start()
            for spoke in network.spokes.values():
                spoke.reach(network.device.public_key, list(NETWORK.values()))
            yield network, container
        finally:
            for name, value in before.items():
                network.relay.set_sysctl(f"ipv4/conf/{name}/rp_filter", value)
            network.relay.call("ip", "link", "delete", "docker0")
            container.remove()


@pytest.fixture
def net(net_and_container: tuple[Topology, Node]) -> Topology:
    """The network."""
    return net_and_container[0]


@pytest.fixture
def container(net_and_container: tuple[Topology, Node]) -> Iterator[Node]:
    """The container, which listens; no NAT rules before and after."""
    net, node = net_and_container
    with node.socket(socket.AF_INET6, socket.SOCK_STREAM) as listener:
        listener.bind(("::", INNER))
        listener.listen(64)
        yield node
    for family in ("ip", "ip6"):
        net.relay.call("nft", "delete", "table", family, "nat")


def _publish(net: Topology, tool: str) -> None:
    """A port of the tunnel address leads into the container."""
    for family in (4, 6):
        own, inner = _own(net, family), CONTAINER[family]
        if tool == "nft":
            name = {4: "ip", 6: "ip6"}[family]
            to = {4: f"{inner}:{INNER}", 6: f"[{inner}]:{INNER}"}[family]
            net.relay.run("nft", f"add table {name} nat; add chain {name} nat publish "
                          "{ type nat hook prerouting priority -100; }; "
                          f"add rule {name} nat publish {name} daddr {own} "
                          f"tcp dport {PUBLISHED} dnat to {to}")
        else:  # as Docker has it
            tables = ({4: "iptables", 6: "ip6tables"}[family], "-t", "nat")
            net.relay.run(*tables, "-N", "DOCKER")
            net.relay.run(*tables, "-A", "PREROUTING", "-m", "addrtype", "--dst-type", "LOCAL",
                          "-j", "DOCKER")
            net.relay.run(*tables, "-A", "DOCKER", "-d", own, "!", "-i", "docker0", "-p", "tcp",
                          "--dport", str(PUBLISHED), "-j", "DNAT", "--to-destination",
                          {4: f"{inner}:{INNER}", 6: f"[{inner}]:{INNER}"}[family])


def _masquerade(net: Topology, tool: str) -> None:
    for family in (4, 6):
        if tool == "nft":
            name = {4: "ip", 6: "ip6"}[family]
            net.relay.run("nft", f"add table {name} nat; add chain {name} nat hide "
                          "{ type nat hook postrouting priority 100; }; "
                          f"add rule {name} nat hide {name} saddr {NETWORK[family]} "
                          'oifname != "docker0" masquerade')
        else:
            net.relay.run({4: "iptables", 6: "ip6tables"}[family], "-t", "nat", "-A", "POSTROUTING",
                          "-s", NETWORK[family], "!", "-o", "docker0", "-j", "MASQUERADE")


def _own(net: Topology, family: int) -> str:
    return net.device.ipv4 if family == 4 else net.device.ipv6


def _gets_in(net: Topology, address: str, port: int, patience: float) -> bool:
    """Does spoke1 get a TCP connection?"""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with net["spoke1"].node.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(patience)
        try:
            client.connect((address, port))
        except OSError:
            return False
        return True


def _both(works: Any) -> tuple[bool, bool]:
    return works(4), works(6)


def _check(net: Topology) -> list[dict[str, str]]:
    return json.loads(net.commands.call("check", "--interface", "wg0", "--json").stdout)


def _told(net: Topology) -> list[tuple[str, str]]:
    """What check says does not work for spokes, with the remedies."""
    return [(line["finding"], line["remedy"]) for line in _check(net)
            if line["check"] == "kernel-forwarding" and line["status"] == "WARN"]


def _lost(net: Topology) -> dict[str, Any]:
    status = net.commands.status()
    assert status
    return status["lost"]


def _is_named(net: Topology, kind: str, words: str) -> None:
    """In log, status and check, with the network that restores it, in both families."""
    daemon = net.commands.daemons[-1]
    wait_until(lambda: any(f"`{LINE}`" in line and "restores" in line
                           for line in daemon.messages()), "line in the log")
    told, status = _told(net), _lost(net)
    assert len(told) == 2 and len(status["nat"]) == 2, (told, status)
    assert [nat["kind"] for nat in status["nat"]] == [kind] * 2
    assert {nat["to"] for nat in status["nat"]} == set(NETWORK.values())
    for family in (4, 6):
        name = CONTAINER[family] if kind == "dnat" else NETWORK[family]
        found = (line for line in daemon.messages() if "does not work for spokes" in line)
        assert any(words in line and name in line for line in found), daemon.messages()
        assert any(words in finding and name in finding for finding, _ in told), told
        assert any(words in nat["what"] and name in nat["what"] for nat in status["nat"]), status
    assert all(LINE in remedy for _, remedy in told), told


def _is_not_named(net: Topology) -> None:
    assert _told(net) == [] and _lost(net)["nat"] == []
    assert not any("does not work for spokes" in line
                   for line in net.commands.daemons[-1].messages())


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.usefixtures("container")
def test_a_published_port(net: Topology, tool: str) -> None:
    """Closed to spokes, and said to be; open where the container's network is named, or all is."""
    def works(family: int, patience: float = 20) -> bool:
        return _gets_in(net, _own(net, family), PUBLISHED, patience)
    _publish(net, tool)
    net.rerun()
    assert _both(lambda family: works(family, 1)) == (False, False)
    _is_named(net, "dnat", f"tcp port {PUBLISHED}")
    for value in (NAMED, "yes"):
        net.rerun("--kernel-forwarding", value)
        assert _both(works) == (True, True), value
        _is_not_named(net)


@pytest.mark.parametrize("tool", TOOLS)
def test_a_masqueraded_container(net: Topology, container: Node, tool: str) -> None:
    """It talks to a spoke under the relay's tunnel address."""
    def works(family: int) -> bool:
        address = net["spoke1"].address(family)
        return ping(container, address, count=3, wait_s=1).received > 0
    _masquerade(net, tool)
    net.rerun()
    assert _both(works) == (False, False)
    _is_named(net, "masquerade", "masquerade of")
    for value in (NAMED, "yes"):
        net.rerun("--kernel-forwarding", value)
        assert _both(works) == (True, True), value
        _is_not_named(net)


@pytest.mark.kernel
@pytest.mark.usefixtures("container")
def test_a_spoke_in_the_relays_own_network(net: Topology) -> None:
    """Kept out though the kernel forwards and the firewall is open."""
    def works(family: int, patience: float = 20) -> bool:
        return _gets_in(net, CONTAINER[family], INNER, patience)
    daemon = net.rerun()
    assert net.relay.sysctl("ipv4/ip_forward") == "1"
    assert _both(lambda family: works(family, 1)) == (False, False)
    # Each with its interface; what restores them are all of them.
    networks = {(network["prefix"], network["interface"]) for network in _lost(net)["networks"]}
    assert {(prefix, "docker0") for prefix in NETWORK.values()} <= networks
    assert not any(interface in ("lo", "wg0") for _, interface in networks)
    line = _lost(net)["remedy"]
    assert set(line.removeprefix("kernel-forwarding = ").split(",")) == {
        prefix for prefix, _ in networks}
    assert any("not let into" in said and f"{prefix} (docker0)" in said
               for prefix in NETWORK.values() for said in daemon.messages()), daemon.messages()
    assert any(f"`{line}`" in said for said in daemon.messages()), daemon.messages()
    found = [told for told in _check(net) if told["check"] == "kernel-forwarding"]
    assert len(found) == 1 and found[0]["status"] == "OK", found
    assert all(prefix in found[0]["finding"] for prefix in NETWORK.values()), found
    assert line in found[0]["remedy"]
    # The line works as it is.
    daemon = net.rerun(f"--kernel-forwarding={line.removeprefix('kernel-forwarding = ')}")
    assert _both(works) == (True, True)
    assert _lost(net) == {"networks": [], "nat": [], "remedy": None}
    assert not any("not let into" in said for said in daemon.messages())
    net.rerun("--kernel-forwarding", "yes")
    assert _both(works) == (True, True) and _lost(net)["networks"] == []


def test_a_network_that_comes_is_said_once(net: Topology) -> None:
    """Also when it goes and comes again, and none that is forwarded to."""
    daemon = net.rerun("--kernel-forwarding", NAMED)

    def said(prefix: str) -> int:
        return sum(f"{prefix} (late0)" in line for line in daemon.messages())
    try:
        for address in ("10.77.1.1/24", "10.77.2.1/24"):
            net.relay.run("ip", "link", "add", "late0", "type", "bridge")
            net.relay.run("ip", "link", "set", "late0", "up")
            net.relay.run("ip", "address", "add", "10.77.0.1/24", "dev", "late0")
            wait_until(lambda: said("10.77.0.0/24"), "message of the network")
            net.relay.run("ip", "address", "add", address, "dev", "late0")
            last = f"{address.rpartition('.')[0]}.0/24"
            wait_until(lambda: said(last), "message of the other one")
            net.relay.run("ip", "link", "delete", "late0")
    finally:
        net.relay.call("ip", "link", "delete", "late0")
    assert said("10.77.1.0/24") == 1 and not said("172.17.0.0/16")


def test_check_before_the_first_start(net: Topology, tmp_path: Path) -> None:
    """Of an interface that no relay has made yet: it goes by its own option, or by the file."""
    config = tmp_path / "nex-relay.conf"
    config.write_text(LINE + "\n", encoding="ascii")
    config.chmod(0o600)

    def named(*options: str) -> bool:
        done = net.commands.call("check", "--interface", "wg7", "--json", *options)
        found = next(told for told in json.loads(done.stdout)
                     if told["check"] == "kernel-forwarding")
        return NETWORK[4] in found["finding"] and NETWORK[6] in (found["remedy"] or "")
    assert named()
    for options in (("--kernel-forwarding", NAMED), ("--kernel-forwarding", "yes"),
                    ("--config", str(config))):
        assert not named(*options), options
