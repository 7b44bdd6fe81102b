# SPDX-License-Identifier: Apache-2.0
"""What somebody changes of an interface of nex-relay's own is put back."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lab import bpf, wgshow
from lab.owner import INTERFACE, RelayOwned
from lab.relay import Daemon
from lab.topology import Topology
from lab.traffic import ping
from lab.wait import LIMIT_S, wait_until
from lab.wireguard import make_key

LAN = {4: "10.188.100.0/24", 6: "fd00:188:100::/64"}
TABLE = wgshow.own_table(INTERFACE)


@pytest.fixture(scope="module")
def network() -> Iterator[Topology]:
    with Topology(RelayOwned()) as net:
        net.add("spoke1", relay_only=True, over=4)
        net.add("spoke2", advertises=list(LAN.values()), over=6)
        net.relay.run("ip", "link", "add", "other", "type", "veth", "peer", "name", "other-end")
        net.relay.run("ip", "link", "set", "other", "up")
        yield net
        net.relay.run("ip", "link", "delete", "other")


@pytest.fixture
def net(network: Topology) -> Iterator[Topology]:
    """A relay at work. Each test has one of its own: after several changes in a row nex-relay takes
    its time."""
    network.prepare()
    try:
        network.run("--host-routes", ",".join(LAN.values()))
        yield network
    finally:
        network.commands.clean()


def _state(net: Topology) -> dict[str, Any]:
    """Everything of wg0 that is nex-relay's. Empty while there is no wg0."""
    if not net.relay.has_interface(INTERFACE):
        return {}
    link = json.loads(net.relay.run("ip", "-d", "-j", "link", "show", "dev", INTERFACE))[0]
    addresses = json.loads(net.relay.run("ip", "-j", "address", "show", "dev", INTERFACE))[0]
    dump = net.relay.call("wg", "show", INTERFACE, "dump").stdout.splitlines() or [""]
    return {
        "up": "UP" in link["flags"],
        "mtu": link["mtu"],
        "addresses": {f"{info['local']}/{info['prefixlen']}" for info in addresses["addr_info"]
                      if info["scope"] != "link"},
        "routes": wgshow.routes(net.relay, INTERFACE),
        "host routes": wgshow.host_routes(net.relay, INTERFACE),
        "rules": [sorted(net.relay.run("ip", family, "rule").splitlines())
                  for family in ("-4", "-6")],
        "floor": [sorted(net.relay.run("ip", family, "route", "show", "table", TABLE,
                                       "type", "unreachable").splitlines())
                  for family in ("-4", "-6")],
        "identity": dump[0].split()[:3],
        "peers": {line.split()[0]: (set(line.split()[3].split(",")), line.split()[7])
                  for line in dump[1:]},
        "programs": len(bpf.attached(net.relay, INTERFACE)),
    }


def _ip(net: Topology, *words: str) -> None:
    net.relay.run("ip", *words)


def _wg(net: Topology, *words: str) -> None:
    net.relay.run("wg", "set", INTERFACE, *words)


def _key(net: Topology) -> str:
    return net["spoke1"].device.public_key


def _other_key(net: Topology) -> None:
    with open("/run/lab/other.key", "w", encoding="ascii") as file:
        file.write(make_key().private)
    _wg(net, "private-key", "/run/lab/other.key")


CHANGES = {
    "removed": ("removed", lambda net: _ip(net, "link", "delete", INTERFACE)),
    "down": ("link", lambda net: _ip(net, "link", "set", INTERFACE, "down")),
    "mtu": ("link", lambda net: _ip(net, "link", "set", INTERFACE, "mtu", "1300")),
    "mtu without IPv6": ("link", lambda net: _ip(net, "link", "set", INTERFACE, "mtu", "900")),
    "IPv4 address": ("addresses",
                     lambda net: _ip(net, "address", "del", "100.64.0.1/32", "dev", INTERFACE)),
    "IPv6 address": ("addresses",
                     lambda net: _ip(net, "address", "del", "200::1/128", "dev", INTERFACE)),
    "IPv6": ("addresses",
             lambda net: net.relay.set_sysctl(f"ipv6/conf/{INTERFACE}/disable_ipv6", "1")),
    "all addresses": ("addresses", lambda net: _ip(net, "address", "flush", "dev", INTERFACE)),
    "IPv4 route": ("routes", lambda net: _ip(net, "route", "del", "100.64.0.2/32")),
    "IPv6 route": ("routes", lambda net: _ip(net, "-6", "route", "del", "200::2/128")),
    "IPv4 CIDR's route": ("routes", lambda net: _ip(net, "route", "del", LAN[4])),
    "IPv6 CIDR's route": ("routes", lambda net: _ip(net, "-6", "route", "del", LAN[6])),
    "all routes": ("routes", lambda net: _ip(net, "route", "flush", "dev", INTERFACE)),
    "IPv4 route of its table": ("routes", lambda net: _ip(net, "route", "del", LAN[4],
                                                          "table", TABLE)),
    "IPv6 route of its table": ("routes", lambda net: _ip(net, "-6", "route", "del", LAN[6],
                                                          "table", TABLE)),
    "IPv4's whole table": ("routes", lambda net: _ip(net, "route", "flush", "table", TABLE)),
    "IPv6's whole table": ("routes", lambda net: _ip(net, "-6", "route", "flush", "table", TABLE)),
    "end of the IPv4 table": ("routes", lambda net: _ip(net, "route", "del", "unreachable",
                                                        "default", "table", TABLE)),
    "end of the IPv6 table": ("routes", lambda net: _ip(net, "-6", "route", "del", "unreachable",
                                                        "default", "table", TABLE)),
    "IPv4 rule": ("routing rules", lambda net: _ip(net, "rule", "del", "iif", INTERFACE)),
    "IPv6 rule": ("routing rules", lambda net: _ip(net, "-6", "rule", "del", "oif", INTERFACE)),
    "IPv4 rule of an address": ("routing rules",
                                lambda net: _ip(net, "rule", "del", "from", "100.64.0.1")),
    "all rules": ("routing rules", lambda net: _ip(net, "rule", "flush", "protocol", "110")),
    "peer": ("peers", lambda net: _wg(net, "peer", _key(net), "remove")),
    "AllowedIP taken": ("peers",
                        lambda net: _wg(net, "peer", _key(net), "allowed-ips", "100.64.0.2/32")),
    "AllowedIP moved": ("peers", lambda net: _wg(net, "peer", _key(net), "allowed-ips",
                                                 f"100.64.0.2/32,200::2/128,{LAN[4]},{LAN[6]}")),
    "AllowedIP more": ("peers", lambda net: _wg(net, "peer", _key(net), "allowed-ips",
                                                "100.64.0.2/32,200::2/128,10.1.0.0/16,fd01::/16")),
    "keepalive": ("peers", lambda net: _wg(net, "peer", _key(net), "persistent-keepalive", "0")),
    "stranger": ("peers", lambda net: _wg(net, "peer", make_key().public, "allowed-ips",
                                          "10.1.0.0/16,fd01::/16")),
    "port": ("key or port", lambda net: _wg(net, "listen-port", "40404")),
    "key": ("key or port", _other_key),
}


def _message(daemon: Daemon) -> list[str]:
    return [line for line in daemon.messages()
            if "somebody has changed" in line or "was removed" in line]


def _count(daemon: Daemon, words: str) -> int:
    return sum(words in line for line in daemon.messages())


def _wait_for(net: Topology, before: dict[str, Any]) -> None:
    """Wait until everything is as before."""
    try:
        wait_until(lambda: _state(net) == before, "wg0 as before")
    except TimeoutError as err:
        raise AssertionError(f"{err}: {_state(net)} is not {before}; said: "
                             f"{net.commands.daemons[-1].messages()}") from None


@pytest.mark.kernel
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_put_back(net: Topology, name: str) -> None:
    """Everything is as before, and it was said once."""
    what, change = CHANGES[name]
    daemon, before = net.commands.daemons[-1], _state(net)
    assert before["programs"] == 1 and len(before["routes"]) == 6
    assert len(before["host routes"]) == 6 and sum(map(len, before["rules"])) == 11
    change(net)
    _wait_for(net, before)
    wait_until(lambda: _message(daemon), "message")
    assert len(_message(daemon)) == 1 and what in _message(daemon)[0], daemon.messages()
    assert net.commands.status()["tunnel"]["error"] is None


@pytest.mark.kernel
def test_a_renamed_interface_gets_its_name_back(net: Topology) -> None:
    daemon, before = net.commands.daemons[-1], _state(net)
    index = net.relay.ifindex(INTERFACE)
    if net.relay.call("ip", "link", "set", INTERFACE, "name", "wg-stolen").returncode:
        # Kernels before 6.2; both at once, before it is set up again.
        net.relay.run("ip", "-batch", "-", stdin=None, input=f"link set {INTERFACE} down\n"
                      f"link set {INTERFACE} name wg-stolen\n")
    _wait_for(net, before)
    assert net.relay.ifindex(INTERFACE) == index
    assert _message(daemon), daemon.messages()


@pytest.mark.kernel
def test_traffic_flows_again_after_a_removal(net: Topology) -> None:
    """With new sessions, which the spokes begin."""
    net.connect()
    _ip(net, "link", "delete", INTERFACE)
    wait_until(lambda: net.relay.has_interface(INTERFACE), "wg0")
    for spoke in net.spokes.values():  # a spoke notices only after 15 s
        spoke.tunnel.remove_peer(net.device.public_key)
    net.connect()
    for family in (4, 6):
        answer = ping(net["spoke1"].node, net["spoke2"].address(family))
        assert answer.complete, answer.output


def test_a_route_that_is_taken_over_is_left_to_others(net: Topology, family: int) -> None:
    """Somebody's more preferred route to the same prefix may stay; ours is there as well."""
    _ip(net, f"-{family}", "route", "add", LAN[family], "dev", "other", "metric", "50")
    _ip(net, f"-{family}", "route", "del", LAN[family], "dev", INTERFACE)
    wait_until(lambda: LAN[family] in wgshow.host_routes(net.relay, INTERFACE), "our route")
    assert "other" in net.relay.run("ip", f"-{family}", "route", "show", LAN[family])
    _ip(net, f"-{family}", "route", "del", LAN[family], "dev", "other")


def test_who_insists_is_answered_less_and_less_often(net: Topology) -> None:
    """A program that takes a route and a peer away as soon as they are there: put back a few times
    at once, then rarely; said once; and put back in the end."""
    daemon, before = net.commands.daemons[-1], _state(net)
    put_back, began = 0, time.monotonic()
    while put_back < 10 or time.monotonic() < began + 8:
        assert time.monotonic() < began + LIMIT_S, (put_back, daemon.messages())
        if net.relay.call("ip", "route", "del", "100.64.0.2/32").returncode == 0:
            put_back += 1
        time.sleep(0.01)
    assert put_back <= 16  # of the relay's own pauses: it is never sooner
    wait_until(lambda: _count(daemon, "keeps changing"), "word of it")
    assert _count(daemon, "keeps changing") == 1, daemon.messages()
    assert 1 <= len(_message(daemon)) <= 3
    wait_until(lambda: _state(net) == before, "wg0 as before")


def test_another_interface_changes_nothing(net: Topology) -> None:
    """Links, addresses and routes of others are no reason for anything but to keep the maps right
    (and to tell which networks spokes do not get to)."""
    daemon, before = net.commands.daemons[-1], _state(net)
    n = len(daemon.messages())
    _ip(net, "address", "add", "192.0.2.77/24", "dev", "other")
    _ip(net, "address", "add", "2001:db8:77::1/64", "dev", "other", "nodad")
    _ip(net, "route", "add", "198.51.100.0/24", "dev", "other")
    for address in ("192.0.2.77/24", "2001:db8:77::1/64"):
        _ip(net, "address", "del", address, "dev", "other")
    _ip(net, "link", "set", "other", "down")
    _ip(net, "link", "set", "other", "up")
    time.sleep(1)  # nothing is what is waited for
    assert _state(net) == before
    assert [line for line in daemon.messages()[n:]
            if "are not let into" not in line and "if they shall" not in line] == []


def test_single_changes_in_a_row_are_no_fight(net: Topology) -> None:
    """Each is put back at once, and said."""
    daemon, before = net.commands.daemons[-1], _state(net)
    for name in ("IPv4 route", "mtu", "IPv6 address", "peer", "IPv6 route"):
        CHANGES[name][1](net)
        _wait_for(net, before)
        time.sleep(1)  # or it is part of the same change
    assert len(_message(daemon)) == 5, daemon.messages()
    assert not any("keeps changing" in line for line in daemon.messages())
