# SPDX-License-Identifier: Apache-2.0
"""wg0 as a relaying nexd leaves it: the relay takes it over under traffic, its routes too, and
names what is left in nftables."""

import json
import re
import shlex
from collections.abc import Iterator

import pytest
from own_interface import LAN, tunnel_addresses

from lab import wgshow
from lab.owner import INTERFACE, LabOwned, RelayOwned
from lab.steady import no_loss
from lab.topology import FORWARDING, Topology
from lab.wait import wait_until

NEXD = """
add table inet nexodus
add chain inet nexodus nexodus-inbound { type filter hook input priority 0; policy accept; }
add rule inet nexodus nexodus-inbound iifname "wg0" ct state established,related counter accept
add table ip filter
add chain ip filter FORWARD { type filter hook forward priority 0; }
add rule ip filter FORWARD iifname "wg0" counter accept
add table ip6 filter
add chain ip6 filter FORWARD { type filter hook forward priority 0; }
add rule ip6 filter FORWARD iifname "wg0" counter accept
"""


@pytest.fixture
def net() -> Iterator[Topology]:
    """A relay as nexd makes one: forwarding by the kernel, a route to each AllowedIP by `ip route
    add`. All sessions are there, nex-relay is not started."""
    nexd = LabOwned()
    with Topology(RelayOwned()) as network:
        network.firewall.set_policy("ACCEPT")
        network.add("spoke1", relay_only=True, over=4)
        network.add("spoke2", advertises=list(LAN.values()), over=6)
        network.prepare()
        for name in FORWARDING:
            network.relay.set_sysctl(name, "1")
        nexd.prepare(network.relay, network.device, network.key, network.mtu)
        nexd.apply([spoke.device for spoke in network.spokes.values()])
        network.connect()
        yield network
        network.commands.clean()
        nexd.remove()


@pytest.mark.kernel
def test_its_routes_are_ours_and_no_packet_is_lost(net: Topology) -> None:
    everything = set().union(*(spoke.device.allowed_ips() for spoke in net.spokes.values()))
    assert everything <= wgshow.host_routes(net.relay, INTERFACE)
    with no_loss(net, net.commands):
        daemon = net.run("--mtu", str(net.mtu))
        wait_until(lambda: wgshow.host_routes(net.relay, INTERFACE) == tunnel_addresses(net),
                   "routes to tunnel addresses alone")
    assert any("taken over" in line for line in daemon.messages())
    assert wgshow.routes(net.relay, INTERFACE) == everything
    for family in ("-4", "-6"):
        routes = json.loads(net.relay.run("ip", "-j", family, "route", "show", "dev", INTERFACE))
        assert {route["protocol"] for route in routes} <= {"110", "kernel"}, routes
    tunnel = net.commands.status()["tunnel"]
    assert tunnel["refused_routes"] == tunnel["foreign_routes"] == 0
    said = [line for line in daemon.messages() if "somebody else's" in line or "not ours" in line]
    assert not said


EXIT = ["0.0.0.0/0", "::/0"]


@pytest.mark.kernel
@pytest.mark.parametrize("is_listed", [True, False], ids=["an exit device's", "nobody's"])
def test_default_route_into_wg0(net: Topology, is_listed: bool, family: int) -> None:
    """Where a device of the list has the default, nexd's route is ours, and this host has its own
    default again; spokes have the exit. Where no device has it, it is left alone and counted."""
    net.relay.run("ip", f"-{family}", "route", "add", "default", "via",
                  net["spoke1"].underlay.address(family), "metric", "2048")
    far, exit_route = {4: ("203.0.113.9", EXIT[0]), 6: ("2001:db8:113::9", EXIT[1])}[family]
    if is_listed:
        net["spoke2"].device.advertises = [*LAN.values(), exit_route]
        net.publish()
    net.relay.run("ip", f"-{family}", "route", "add", "default", "dev", INTERFACE)

    def device(*words: str) -> str:
        found = json.loads(net.relay.run("ip", "-j", f"-{family}", "route", "get", far, *words))[0]
        return found["dev"]
    assert device() == INTERFACE
    net.run("--mtu", str(net.mtu))
    assert device() == ("under1" if is_listed else INTERFACE)
    assert net.commands.status()["tunnel"]["foreign_routes"] == (0 if is_listed else 1)
    assert (exit_route in wgshow.routes(net.relay, INTERFACE)) == is_listed
    if is_listed:
        assert device("from", net["spoke1"].address(family), "iif", INTERFACE) == INTERFACE
    shown = net.relay.run("ip", f"-{family}", "route", "show", "default")
    assert (INTERFACE in shown) != is_listed and "under1" in shown
    net.relay.run("ip", f"-{family}", "route", "del", "default", "metric", "2048")


def test_killed_before_the_first_list(net: Topology) -> None:
    """The relay that is started after it still knows that it took wg0 over: nexd's routes are its
    own then, and what nexd leaves in nftables is named. After the first list it knows no more."""
    net.relay.run("nft", "-f", "-", stdin=None, input=NEXD)
    for _ in range(2):
        daemon = net.commands.start("--peers", "/run/lab/none.json", "--mtu", str(net.mtu),
                                    loaded=False)
        wait_until(lambda daemon=daemon: any("attached" in line for line in daemon.messages()),
                   "start")
        daemon.kill()
    daemon = net.run("--mtu", str(net.mtu))
    wait_until(lambda: wgshow.host_routes(net.relay, INTERFACE) == tunnel_addresses(net),
               "routes to tunnel addresses alone")
    for family in ("-4", "-6"):
        routes = json.loads(net.relay.run("ip", "-j", family, "route", "show", "dev", INTERFACE))
        assert {route["protocol"] for route in routes} <= {"110", "kernel"}, routes
    wait_until(lambda: sum("as nexd leaves it" in line for line in daemon.messages()) == 3,
               lambda: f"what nexd leaves: {daemon.messages()}")
    cidr = LAN[4], LAN[6]
    for route in cidr:
        net.relay.run("ip", "route", "add", route, "dev", INTERFACE)
    daemon.kill()
    daemon = net.run("--mtu", str(net.mtu))
    wait_until(lambda: net.commands.status()["tunnel"]["foreign_routes"] == len(cidr),
               lambda: f"others' routes: {daemon.messages()}")
    assert set(cidr) <= wgshow.host_routes(net.relay, INTERFACE)
    assert not any("as nexd leaves it" in line for line in daemon.messages())


@pytest.mark.kernel
def test_what_it_leaves_in_nftables_is_named(net: Topology) -> None:
    """Each once, with the command that removes it: by the log at the takeover, and by check."""
    net.relay.run("nft", "-f", "-", stdin=None, input=NEXD)
    daemon = net.run()

    def commands() -> list[str]:
        return [found[1] for line in daemon.messages()
                if (found := re.search(r"as nexd leaves it.*`(nft delete [^`]*)`", line))]

    def checked() -> list[str]:
        found = json.loads(net.commands.call("check", "--interface", INTERFACE, "--json").stdout)
        return [line["remedy"] for line in found
                if line["check"] == "firewall" and "nexd" in line["finding"]]
    wait_until(lambda: len(commands()) >= 3, lambda: f"commands: {daemon.messages()}")
    assert "nft delete table inet nexodus" in commands() and len(commands()) == 3
    assert sorted(checked()) == sorted(commands())
    for command in commands():
        net.relay.run(*shlex.split(command))
    shown = net.relay.run("nft", "list", "ruleset")
    assert "nexodus" not in shown and "wg0" not in shown
    assert checked() == []
    # It is no longer a takeover, and a rule of that kind is the operator's.
    net.relay.run("nft", "-f", "-", stdin=None, input=NEXD)
    daemon = net.rerun()
    assert not any("nexd" in line for line in daemon.messages())
