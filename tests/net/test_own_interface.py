# SPDX-License-Identifier: Apache-2.0
"""An interface of nex-relay's own: made by one command, kept as the list says, taken back."""

import base64
import ipaddress
import os
import signal

import pytest
from own_interface import LAN, addresses, fields, is_applied, link, net, tunnel_addresses, wanted

from lab import devices, footprint, wgshow
from lab.devices import Vpc
from lab.owner import INTERFACE, STATE, RelayOwned
from lab.topology import Topology
from lab.traffic import ping
from lab.wait import wait_until

RECORD = f"/run/nex-relay/{INTERFACE}/tunnel"
PRIVATE = Vpc("100.100.0.0/16", "200::/32")

__all__ = ["net"]  # a fixture


@pytest.mark.kernel
def test_one_command_makes_everything(net: Topology) -> None:
    net.run()
    assert wgshow.public_key(net.relay, INTERFACE) == net.key.public
    assert net.relay.run("wg", "show", INTERFACE, "listen-port").strip() == "51820"
    assert wgshow.allowed_ips(net.relay, INTERFACE) == wanted(net)
    assert fields(net, "persistent-keepalive") == {"20"}
    assert fields(net, "endpoints") == {"(none)"}
    assert fields(net, "preshared-keys") == {"(none)"}
    assert addresses(net) == {"100.64.0.1/32", "200::1/128"}
    assert link(net)["mtu"] == 1420 and "UP" in link(net)["flags"]
    assert wgshow.routes(net.relay, INTERFACE) == set().union(*wanted(net).values())
    assert wgshow.host_routes(net.relay, INTERFACE) == tunnel_addresses(net)
    for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        assert net.relay.sysctl(name) == "1"
    tunnel = net.commands.status()["tunnel"]
    assert tunnel["public_key"] == net.key.public and tunnel["listen_port"] == 51820
    assert tunnel["wireguard"] in ("kernel", "userspace") and tunnel["error"] is None


def test_addresses_are_hosts() -> None:
    """Whatever the VPC's range is, no network of it is connected to wg0."""
    with Topology(RelayOwned(), PRIVATE) as net:
        net.prepare()
        net.run()
        assert addresses(net) == {"100.100.0.1/32", "200::1/128"}
        for family in ("-4", "-6"):
            shown = net.relay.run("ip", family, "route", "show", "dev", INTERFACE,
                                  "proto", "kernel", "scope", "link")
            assert "/32" not in shown and "/10" not in shown, shown


def _publish_own(net: Topology, third: int, count: int) -> set[str]:
    """A list in which the relay has so many addresses, of both families. Return: those."""
    own, *others = devices.records([net.device, *(spoke.device for spoke in net.spokes.values())])
    mine = {text.split("/")[0] for text in own["allowed_ips"]}
    more = [address for number in range(1, count)
            for address in (f"100.64.{third}.{number}", f"200::{third}:{number}")]
    more = more[:count - len(mine)]
    net.peers.replace([own | {"allowed_ips": [*own["allowed_ips"], *more]}, *others])
    return mine | set(more)


def _own(net: Topology) -> set[str]:
    return {text.split("/")[0] for text in addresses(net)}


@pytest.mark.kernel
def test_as_many_own_addresses_as_there_may_be_are_replaced(net: Topology) -> None:
    """Old and new ones together are twice as many."""
    net.run()
    for third in (8, 9, 10, 8):
        wanted_now = _publish_own(net, third, 64)
        wait_until(lambda want=wanted_now: _own(net) == want, lambda: f"64 others: {_own(net)}")
        assert net.commands.status()["list"]["error"] is None
    net.publish()
    wait_until(lambda: len(_own(net)) == 2, "the two of before")


def test_a_full_record_makes_room(net: Topology) -> None:
    """Of changes that failed half way, say: what is recorded as ours and not wanted goes first."""
    net.run().kill()
    left = [f"address 100.64.7.{number}/32\naddress 200::7:{number}/64\n"
            for number in range(1, 64)]
    with open(RECORD, "a", encoding="ascii") as file:
        file.write("".join(left))
    wanted_now = _publish_own(net, 8, 64)
    net.run()
    assert _own(net) == wanted_now and net.commands.status()["list"]["error"] is None


def test_too_many_own_addresses_are_refused_by_name(net: Topology) -> None:
    daemon = net.run()
    _publish_own(net, 8, 65)
    wait_until(lambda: net.commands.status()["list"]["error"], "error")
    error = net.commands.status()["list"]["error"]
    assert "65 tunnel addresses" in error and "64" in error
    assert any(error in line for line in daemon.messages())
    assert len(_own(net)) == 2 and is_applied(net)
    wanted_now = _publish_own(net, 8, 64)
    wait_until(lambda: _own(net) == wanted_now, "64 addresses")


def test_down_takes_everything_back(net: Topology) -> None:
    before = footprint.take(net.relay)
    net.run()
    assert net.commands.down().returncode == 0
    assert footprint.difference(before, footprint.take(net.relay)) == []
    assert os.path.exists(f"{STATE}/private.key")


@pytest.mark.kernel
def test_down_takes_back_what_a_killed_node_left(net: Topology) -> None:
    before = footprint.take(net.relay)
    net.run().kill()
    assert net.relay.has_interface(INTERFACE)
    assert net.commands.down().returncode == 0
    assert footprint.difference(before, footprint.take(net.relay)) == []


@pytest.mark.kernel
def test_default_routes_are_allowed_but_not_routed(net: Topology) -> None:
    net["spoke2"].device.advertises += ["0.0.0.0/0", "::/0"]
    net.publish()
    net.run()
    assert is_applied(net)
    for family in ("-4", "-6"):
        assert INTERFACE not in net.relay.run("ip", family, "route", "show", "default")


@pytest.mark.kernel
def test_cidrs_come_move_and_leave(net: Topology) -> None:
    net.run()
    one, other = net["spoke1"].device, net["spoke2"].device
    for mine, theirs in (([*LAN.values()], []), ([], []), ([], [*LAN.values()]),
                         ([LAN[4]], [LAN[6]]), ([LAN[6]], [LAN[4]])):
        one.advertises, other.advertises = mine, theirs
        net.publish()
        wait_until(lambda: is_applied(net), "AllowedIPs as the list has them")
        routes = set().union(*wanted(net).values())
        wait_until(lambda: wgshow.routes(net.relay, INTERFACE) == routes, "routes of the list")


@pytest.mark.kernel
def test_a_preshared_key_is_kept(net: Topology) -> None:
    net.run()
    key = net["spoke1"].device.public_key
    psk = net.relay.run("wg", "genpsk")
    with open("/run/lab/psk", "w", encoding="ascii") as file:
        file.write(psk)
    net.relay.run("wg", "set", INTERFACE, "peer", key, "preshared-key", "/run/lab/psk")
    net["spoke1"].device.advertises = ["10.77.0.0/16", "fd77::/64"]
    net.publish()
    wait_until(lambda: is_applied(net), "AllowedIPs as the list has them")
    net["spoke1"].device.advertises = []
    net.publish()
    wait_until(lambda: is_applied(net), "AllowedIPs without them")
    net.rerun()
    assert f"{key}\t{psk.strip()}" in net.relay.run("wg", "show", INTERFACE, "preshared-keys")


def test_a_low_order_point_is_no_peer(net: Topology) -> None:
    """Said by name, and the others work."""
    bad = net.add("bad", over=4)
    bad.device.public_key = "4Ot6fDtBuK4WVuP68Z/EatoJjeucMrH9hmIFFl9JuAA="
    net.publish()
    daemon = net.run()
    net.forget("bad")
    assert any("bad" in line and "low-order" in line for line in daemon.messages())
    assert is_applied(net)
    net.connect()


def test_an_address_inside_another_interfaces_subnet(net: Topology) -> None:
    """Names both; when the other one goes, the list is taken."""
    net.relay.run("ip", "link", "add", "other", "type", "veth", "peer", "name", "other-end")
    try:
        for address, ours in (("100.100.1.1/10", "100.64.0.1"), ("200::77/64", "200::1")):
            net.relay.run("ip", "address", "add", address, "dev", "other",
                          *(("nodad",) if ":" in address else ()))
            daemon = net.commands.start("--peers", net.peers.path, loaded=False)
            line = wait_until(lambda: [line for line in daemon.messages() if "lies in" in line],
                              "message of the conflict")[0]
            assert ours in line and address in line and "other" in line and INTERFACE in line
            assert ours in net.commands.status()["list"]["error"]
            assert addresses(net) == set()
            net.relay.run("ip", "address", "del", address, "dev", "other")
            wait_until(lambda: is_applied(net), "list that is applied")
            assert net.commands.down().returncode == 0
    finally:
        net.relay.run("ip", "link", "delete", "other")


def _foreign(net: Topology) -> tuple[int, int]:
    tunnel = net.commands.status()["tunnel"]
    return tunnel["foreign_addresses"], tunnel["foreign_routes"]


def test_what_others_add_stays_and_is_reported(net: Topology) -> None:
    daemon = net.run()
    for address in ("100.64.77.1/32", "200::77/128"):
        net.relay.run("ip", "address", "add", address, "dev", INTERFACE)
    for cidr in ("10.55.0.0/16", "fd55::/64"):
        net.relay.run("ip", "route", "add", cidr, "dev", INTERFACE)
    wait_until(lambda: _foreign(net) == (2, 2), "count of them")
    net["spoke1"].device.advertises = ["10.77.0.0/16"]
    net.publish()
    wait_until(lambda: is_applied(net), "another list")
    net.rerun()
    assert {"100.64.77.1/32", "200::77/128"} <= addresses(net)
    assert {"10.55.0.0/16", "fd55::/64"} <= wgshow.host_routes(net.relay, INTERFACE)
    assert _foreign(net) == (2, 2)
    assert not any("putting that back" in line for line in daemon.messages())


@pytest.mark.kernel
def test_a_route_that_somebody_else_has(net: Topology, family: int) -> None:
    """Stays, is reported, and ours comes when it is gone."""
    net.relay.run("ip", "link", "add", "other", "type", "veth", "peer", "name", "other-end")
    try:
        net.relay.run("ip", "link", "set", "other", "up")
        metric = ("metric", "1024") if family == 6 else ()
        net.relay.run("ip", "route", "add", LAN[family], "dev", "other", *metric)
        daemon = net.run("--host-routes", ",".join(LAN.values()))
        if family == 4:
            assert any(LAN[4] in line and "somebody else" in line for line in daemon.messages())
            assert net.commands.status()["tunnel"]["refused_routes"] == 1
            assert LAN[4] not in wgshow.host_routes(net.relay, INTERFACE)
        assert "other" in net.relay.run("ip", f"-{family}", "route", "show", LAN[family])
        net.relay.run("ip", "route", "del", LAN[family], "dev", "other")
        wait_until(lambda: LAN[family] in wgshow.host_routes(net.relay, INTERFACE),
                   "route of ours")
        wait_until(lambda: net.commands.status()["tunnel"]["refused_routes"] == 0, "good status")
    finally:
        net.relay.run("ip", "link", "delete", "other")


@pytest.mark.kernel
def test_a_list_of_ipv6_alone(net: Topology) -> None:
    records = devices.records([net.device, *(spoke.device for spoke in net.spokes.values())])
    for record in records:
        record["allowed_ips"] = [ip for ip in record["allowed_ips"] if ":" in ip]
        record["ipv4_tunnel_ips"] = []
        record["advertise_cidrs"] = [ip for ip in record["advertise_cidrs"] or [] if ":" in ip]
    net.peers.replace(records)
    net.run()
    assert addresses(net) == {"200::1/128"}
    allowed = set().union(*wgshow.allowed_ips(net.relay, INTERFACE).values())
    assert allowed == {"200::2/128", "200::3/128", LAN[6]}
    assert wgshow.routes(net.relay, INTERFACE) == allowed


@pytest.mark.kernel
def test_a_host_without_ipv6(net: Topology) -> None:
    """IPv4 alone, without an error, and both as soon as there is IPv6 and a SIGHUP."""
    net.relay.set_sysctl("ipv6/conf/all/disable_ipv6", "1")
    try:
        daemon = net.run()
        assert addresses(net) == {"100.64.0.1/32"}
        allowed = set().union(*wgshow.allowed_ips(net.relay, INTERFACE).values())
        assert allowed == {"100.64.0.2/32", "100.64.0.3/32", LAN[4]}
        assert wgshow.routes(net.relay, INTERFACE) == allowed
        status = net.commands.status()
        assert status["ipv6"]["enabled"] is False and "disable_ipv6" in status["ipv6"]["reason"]
        assert status["tunnel"]["error"] is None and status["list"]["error"] is None
        assert sum("no IPv6" in line for line in daemon.messages()) == 1
    finally:
        net.relay.set_sysctl("ipv6/conf/all/disable_ipv6", "0")
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: is_applied(net), "AllowedIPs of both families")
    wait_until(lambda: addresses(net) == {"100.64.0.1/32", "200::1/128"}, "IPv6 address")
    assert net.relay.sysctl("ipv6/conf/all/forwarding") == "1"
    assert net.commands.status()["ipv6"]["enabled"] is True


def test_ipv6_that_is_off_for_new_interfaces(net: Topology) -> None:
    """net.ipv6.conf.default.disable_ipv6 = 1 is not the host's IPv6."""
    net.relay.set_sysctl("ipv6/conf/default/disable_ipv6", "1")
    try:
        net.run()
        assert addresses(net) == {"100.64.0.1/32", "200::1/128"}
    finally:
        net.relay.set_sysctl("ipv6/conf/default/disable_ipv6", "0")


@pytest.mark.kernel
@pytest.mark.parametrize("when", ["before the list", "later"])
def test_ipv6_switched_off_on_the_interface(net: Topology, when: str) -> None:
    """By another program, where the relay has no IPv6 address of its own, whose loss would tell of
    it: the devices' IPv6 routes cannot be made, so it is switched on again."""
    own, *others = devices.records([net.device, *(spoke.device for spoke in net.spokes.values())])
    own["allowed_ips"] = [ip for ip in own["allowed_ips"] if ":" not in ip]
    own["ipv6_tunnel_ips"] = []
    path = f"ipv6/conf/{INTERFACE}/disable_ipv6"
    if when == "later":
        net.peers.replace([own, *others])
        net.run()
        assert "200::2/128" in wgshow.routes(net.relay, INTERFACE)
        net.relay.set_sysctl(path, "1")
    else:
        net.peers.replace([])
        daemon = net.commands.start("--peers", net.peers.path, loaded=False)
        wait_until(lambda: any("our own device" in line for line in daemon.messages()), "start")
        net.relay.set_sysctl(path, "1")
        net.peers.replace([own, *others])
    wait_until(lambda: {"200::2/128", "200::3/128", LAN[6]} <= wgshow.routes(net.relay, INTERFACE),
               "IPv6 routes")
    assert {"200::2/128", "200::3/128"} <= wgshow.host_routes(net.relay, INTERFACE)
    assert net.relay.sysctl(path) == "0"
    assert addresses(net) == {"100.64.0.1/32"}


@pytest.mark.kernel
def test_ipv6_switched_off_and_on_again(net: Topology) -> None:
    """On all interfaces, while the relay runs: IPv4 goes on, and IPv6 is back with a SIGHUP."""
    daemon = net.run()
    try:
        net.relay.set_sysctl("ipv6/conf/all/disable_ipv6", "1")
        wait_until(lambda: addresses(net) == {"100.64.0.1/32"}, "no IPv6 address")
        wait_until(lambda: net.commands.status()["ipv6"]["enabled"] is False, "status")
        assert {"100.64.0.2/32", "100.64.0.3/32", LAN[4]} == wgshow.routes(net.relay, INTERFACE)
        assert net.relay.sysctl(f"ipv6/conf/{INTERFACE}/disable_ipv6") == "1"
    finally:
        net.relay.set_sysctl("ipv6/conf/all/disable_ipv6", "0")
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: addresses(net) == {"100.64.0.1/32", "200::1/128"}, "IPv6 address")
    wait_until(lambda: is_applied(net), "AllowedIPs of both families")
    assert "200::2/128" in wgshow.routes(net.relay, INTERFACE)


@pytest.mark.kernel
def test_traffic_to_a_lan_behind_a_spoke(net: Topology, family: int) -> None:
    """The relay itself reaches it where host-routes names it, and else out of wg0 alone."""
    host = {4: "10.188.100.1/24", 6: "fd00:188:100::1/64"}[family]
    net["spoke2"].node.run("ip", "address", "add", host, "dev", "lo")
    net.run()
    net.connect()
    address = host.partition("/")[0]
    assert not ping(net.relay, address, count=1).received
    answer = ping(net.relay, address, "-I", INTERFACE)
    assert answer.complete, answer.output
    net.rerun("--host-routes", LAN[family])
    answer = ping(net.relay, address)
    assert answer.complete, answer.output


def test_the_underlay_is_not_taken_into_the_tunnel(net: Topology, family: int) -> None:
    """A device that advertises a part of another interface's subnet, or halves of everything: spokes
    reach it, but the relay host goes on to reach what it reached before. A part of that subnet is
    left out even where host-routes has room for it."""
    near = net["spoke1"].underlay.relay_endpoint(family).rpartition(":")[0].strip("[]")
    subnet = ipaddress.ip_interface(f"{near}/{30 if family == 4 else 64}").network
    part = str(list(subnet.subnets(1))[0])
    halves = {4: ["0.0.0.0/1", "128.0.0.0/1"], 6: ["::/1", "8000::/1"]}[family]
    net["spoke2"].device.advertises = [part, *halves]
    net.publish()
    daemon = net.run("--host-routes", str(subnet))
    assert is_applied(net)
    assert {part, *halves} <= wgshow.routes(net.relay, INTERFACE)
    assert wgshow.host_routes(net.relay, INTERFACE) == tunnel_addresses(net)
    address = part.partition("/")[0]
    assert any(address in line and "subnet" in line for line in daemon.messages())
    assert net.commands.status()["tunnel"]["left_out"] == 1


def test_a_devices_address_on_this_host(net: Topology, family: int) -> None:
    """It is the host's then, which is said and shown at once, and no more when it is gone."""
    daemon, address = net.run(), net["spoke1"].address(family)

    def told() -> list[str]:
        status = net.commands.status()
        assert status
        return [trouble["text"] for trouble in status["troubles"] if address in trouble["text"]]
    net.relay.run("ip", "address", "add", address, "dev", "lo")
    try:
        assert "own address" in wait_until(told, "trouble")[0]
        assert any(address in line and "own address" in line for line in daemon.messages())
    finally:
        bits = 32 if family == 4 else 128
        net.relay.run("ip", "address", "delete", f"{address}/{bits}", "dev", "lo")
    wait_until(lambda: not told(), "end of it")


def test_addresses_are_swapped(net: Topology) -> None:
    """Between two devices, and between the relay and a device: nobody is told that somebody has
    another's address."""
    daemon = net.run()
    one, other = net["spoke1"].device, net["spoke2"].device
    for a, b in ((one, other), (net.device, one), (one, net.device)):
        a.ipv4, b.ipv4, a.ipv6, b.ipv6 = b.ipv4, a.ipv4, b.ipv6, a.ipv6
        net.publish()
        wait_until(lambda: is_applied(net), "AllowedIPs as the list has them")
        wait_until(lambda: addresses(net) == {f"{net.device.ipv4}/32", f"{net.device.ipv6}/128"},
                   "our own addresses")
        wait_until(lambda: wgshow.routes(net.relay, INTERFACE)
                   == set().union(*wanted(net).values()), "routes of the list")
    assert not any("own address" in line or "claimed" in line for line in daemon.messages())
    assert net.commands.status()["list"]["conflicts"] == 0


def _threaded() -> str:
    with open(f"/sys/class/net/{INTERFACE}/threaded", encoding="ascii") as file:
        return file.read().strip()


@pytest.mark.kernel
def test_threaded_napi(net: Topology) -> None:
    """On, off, and off by itself with more than 64 peers."""
    net.run("--threaded-napi", "on")
    if net.commands.status()["tunnel"]["wireguard"] != "kernel":
        pytest.skip("userspace WireGuard has no NAPI")
    assert _threaded() == "1"
    net.rerun("--threaded-napi", "off")
    assert _threaded() == "0"
    net.rerun("--threaded-napi", "on")
    net.rerun()
    assert _threaded() == "1"  # few peers: as it is
    records = devices.records([net.device, *(spoke.device for spoke in net.spokes.values())])
    for number in range(63):
        key = base64.b64encode(bytes([number + 1]) * 32).decode()
        records.append({"public_key": key, "hostname": f"d{number}",
                        "allowed_ips": [f"100.64.9.{number}/32", f"200::9:{number:x}/128"]})
    net.peers.replace(records)
    wait_until(lambda: len(wgshow.allowed_ips(net.relay, INTERFACE)) == 65, "65 peers")
    wait_until(lambda: _threaded() == "0", "end of the threads")
