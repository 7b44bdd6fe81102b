# SPDX-License-Identifier: Apache-2.0
"""Devices that advertise a network with the api-server, a name server or a STUN server in it: the
relay goes on to reach those outside of the tunnel, and routes everything else into it."""

import ipaddress
import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from following import (HURRY as HURRY_NAME, LAN, await_followed, daemon, following, hurry_up, mend,
                       new_device, restart, said, state, wait_some, wanted)

from lab.controlled import Controlled
from lab.owner import INTERFACE
from lab.steady import Steady
from lab.wait import wait_until

HURRY = 100  # looks at STUN every 200 ms; a connection may take a second
EVENTS = "/api/events"
PREFIX = {4: "192.0.2.", 6: "2001:db8:f000::"}
LAST = {"names": "53", "other names": "57", "uplink": "61", "stun": "78", "api": "80", "moved": "91"}
BITS = {4: 30, 6: 126}
ROUTE = ("proto", "110", "metric", "1024")  # one of the relay's
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
UPLINKS = "/run/systemd/resolve/resolv.conf"


def address(what: str, family: int) -> str:
    return PREFIX[family] + LAST[what]


def around(what: str, family: int) -> str:
    """A network with it, and with none of the others."""
    return str(ipaddress.ip_network(f"{address(what, family)}/{BITS[family]}", strict=False))


class Distant(Controlled):
    """The servers are behind a gateway, each at addresses of its own, and there are others where
    any of them can move to."""

    def server_addresses(self) -> list[str]:
        found = []
        for family in (4, 6):
            for what in LAST:
                found.append(address(what, family))
                self.host.run("ip", "address", "add", f"{found[-1]}/{32 if family == 4 else 128}",
                              "dev", "lo", *(("nodad",) if family == 6 else ()))
            self.relay.run("ip", "route", "add", "default", "via", self.way.address(family))
        return found

    def trust(self) -> None:
        self.name_server(4)
        self.api_is_at("api", 4, 6)
        self.api.ask("dns_set", name="stun.nexodus.test", addresses=[address("stun", 4)])

    def name_server(self, family: int, what: str = "names") -> None:
        """That is the only one."""
        self.resolv_conf(f"nameserver {address(what, family)}\n")

    def api_is_at(self, what: str, *families: int) -> None:
        """There, and with these families only."""
        self.api.ask("dns_set", addresses=[address(what, family) for family in families])


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Distant, Steady]]:
    with following(HURRY, Distant) as net, Steady(net) as steady:
        assert isinstance(net, Distant)
        yield net, steady


@pytest.fixture
def net(network: tuple[Distant, Steady]) -> Iterator[Distant]:
    """With a relay that follows it, of which no packet may be lost, and without those devices."""
    running, steady = network
    hurry_up(running)
    running.wait_state("watching")
    daemon(running).new_messages()
    yield running
    for name in running.api.devices().keys() - {"spoke1", "spoke2", running.device.name}:
        running.api.delete_device(name)
    running.trust()
    shutil.rmtree(os.path.dirname(UPLINKS), ignore_errors=True)
    mend(running)
    steady.check()


def await_spared(net: Distant, *cidrs: str, seconds: float = 5) -> None:
    """Wait until the relay has everything that the server has, and routes to all of it but these,
    and `status` says so."""
    devices = wanted(net)
    routes = set().union(*devices.values()) - set(cidrs)
    right = {"peers": devices, "maps": devices, "routes": {"all": routes}}

    def shown() -> set[str]:
        return {route["route"] for route in net.commands.written_status()["tunnel"]
                ["control_routes"]}
    wait_until(lambda: state(net) == right and shown() == set(cidrs),
               lambda: f"{cidrs} spared: {state(net)} instead of {right}, {net.control()}, "
                       f"{daemon(net).messages()[-10:]}", seconds)


def check_follows(net: Distant, *cidrs: str) -> None:
    """A new connection can be made, and brings what is new; STUN servers answer."""
    after, asked = net.api.last_request(), len(_stun_requests(net))
    hurry_up(net)
    net.api.wait_request(EVENTS, after=after)
    device = new_device(net, "later")
    await_spared(net, *cidrs)
    net.api.delete_device(device["id"])
    await_spared(net, *cidrs)
    net.wait_state("watching")
    wait_until(lambda: len(_stun_requests(net)) >= asked + 4, "STUN requests")


def _stun_requests(net: Distant) -> list[str]:
    return [request for server in net.api.ask("stun") for request in server["requests"]]


@pytest.mark.parametrize("what, of", [("api", 4), ("api", 6), ("names", 4), ("names", 6),
                                      ("stun", 4)])
def test_its_network_is_advertised(net: Distant, what: str, of: int) -> None:
    """And is said, once, by whom and why."""
    net.api_is_at("api", of)
    net.name_server(of)
    check_follows(net)
    cidr = around(what, of)
    name = f"greedy-{what}{of}"
    new_device(net, name, advertise_cidrs=[cidr, "10.77.0.0/16", "fd00:77::/48"])
    await_spared(net, cidr)
    check_follows(net, cidr)
    assert said(net, cidr, address(what, of), name) == 1
    status = net.commands.status()
    assert status and status["tunnel"]["control_routes"] == [
        {"route": cidr, "address": address(what, of), "device": name}]
    shown = net.commands.call("status", "--interface", INTERFACE).stdout
    assert cidr in shown and address(what, of) in shown and name in shown, shown


def test_address_itself_is_advertised(net: Distant, family: int) -> None:
    net.api_is_at("api", family)
    hosts = [str(ipaddress.ip_network(address(what, family))) for what in ("api", "names")]
    net.name_server(family)
    new_device(net, "greedy", advertise_cidrs=hosts)
    await_spared(net, *hosts)
    check_follows(net, *hosts)


def without(networks: list[Network], taken: Network) -> list[Network]:
    """The rest of them, in pieces."""
    return [piece for network in networks for piece in
            (network.address_exclude(taken) if taken.subnet_of(network) else [network])]


def quarters(net: Distant, family: int) -> list[Network]:
    """Everything but what is somebody else's, which the server gives to nobody twice."""
    at = family == 6
    found = list(ipaddress.ip_network(("0.0.0.0/0", "::/0")[at]).subnets(2))
    for taken in ((net.vpc.ipv4, net.vpc.ipv6)[at], LAN[at]):
        found = without(found, ipaddress.ip_network(taken))
    return found


def parts(_: Distant, family: int) -> list[Network]:
    """A thousand."""
    at = ipaddress.ip_network(f"{address('names', family)}/{BITS[family] - 10}", strict=False)
    return list(at.subnets(10))


@pytest.mark.parametrize("pieces", [quarters, parts])
def test_everything_is_advertised(net: Distant, family: int,
                                  pieces: Callable[[Distant, int], list[Network]]) -> None:
    """In pieces: those that hold one of the servers are left out."""
    net.api_is_at("api", family)
    net.name_server(family)
    restart(net)
    net.wait_state("watching", daemon(net))
    await_followed(net)
    networks = pieces(net, family)
    used = [address(what, family) for what in ("api", "names")]
    used += [address("stun", 4)] if family == 4 else []
    spared = [str(network) for network in networks
              if any(ipaddress.ip_address(at) in network for at in used)]
    new_device(net, "greedy", advertise_cidrs=[*map(str, networks)])
    await_spared(net, *spared)
    check_follows(net, *spared)


def test_routed_again(net: Distant, family: int) -> None:
    """When the name server is another one, and for who else advertises it."""
    net.name_server(family)
    cidr = around("names", family)
    for name in (f"greedy{family}", f"other{family}"):
        device = new_device(net, name, advertise_cidrs=[cidr])
        await_spared(net, cidr)
        net.name_server(family, what="other names")
        await_followed(net, 5)
        net.name_server(family)
        await_spared(net, cidr)
        check_follows(net, cidr)
        net.api.delete_device(device["id"])
        await_spared(net)
        assert said(net, cidr, f"'{name}'") == 2


def test_server_moves_into_it(net: Distant, family: int) -> None:
    """The route leaves before the relay connects to where the server is now."""
    net.api_is_at("api", family)
    check_follows(net)
    cidr = around("moved", family)
    new_device(net, "greedy", advertise_cidrs=[cidr])
    await_followed(net, 5)
    net.api_is_at("moved", family)
    net.api.cut_streams("fin")
    await_spared(net, cidr)
    check_follows(net, cidr)
    assert not said(net, "trying again")


def test_name_server_moves_into_it(net: Distant, family: int) -> None:
    cidr = around("other names", family)
    new_device(net, "greedy", advertise_cidrs=[cidr])
    await_followed(net, 5)
    net.name_server(family, what="other names")
    await_spared(net, cidr)
    check_follows(net, cidr)
    assert not said(net, "trying again")


def emptied() -> None:
    with open(UPLINKS, "w", encoding="ascii") as file:
        file.write("# none\n")


@pytest.mark.parametrize("ends", [emptied, lambda: os.unlink(UPLINKS),
                                  lambda: shutil.rmtree(os.path.dirname(UPLINKS))],
                         ids=["emptied", "removed", "removed with its folder"])
def test_behind_a_local_resolver(net: Distant, family: int, ends: Callable[[], None]) -> None:
    """Those that systemd-resolved asks are not in /etc/resolv.conf. It has none, or is gone."""
    cidr = around("uplink", family)
    new_device(net, "greedy", advertise_cidrs=[cidr])
    await_followed(net, 5)
    os.makedirs(os.path.dirname(UPLINKS))
    with open(UPLINKS, "w", encoding="ascii") as file:
        file.write(f"nameserver {address('uplink', family)}\n")
    hurry_up(net)
    await_spared(net, cidr)
    ends()
    hurry_up(net)
    await_followed(net, 5)


def test_name_servers_are_gone(net: Distant, family: int) -> None:
    """A file that is being replaced is away for a moment: the last ones stay in use, and spared."""
    net.name_server(family)
    cidr = around("names", family)
    new_device(net, "greedy", advertise_cidrs=[cidr])
    await_spared(net, cidr)
    os.unlink("/etc/resolv.conf")
    check_follows(net, cidr)


@pytest.mark.parametrize("how", ["list", "routes", "routes without a list"])
def test_starts_with_it(net: Distant, family: int, how: str) -> None:
    """From the list on disk, and also where an older relay has left its routes."""
    net.api_is_at("api", family)
    net.name_server(family)
    cidrs = [around(what, family) for what in ("api", "names")]
    new_device(net, "greedy", advertise_cidrs=cidrs)
    await_spared(net, *cidrs)
    daemon(net).stop()
    if how != "list":
        for cidr in cidrs:
            net.relay.run("ip", "route", "add", cidr, "dev", INTERFACE, *ROUTE)
    if how == "routes without a list":
        os.unlink(net.saved("devices.json"))
    restart(net)
    net.wait_state("watching", daemon(net))
    await_spared(net, *cidrs)
    check_follows(net, *cidrs)
    assert not said(net, "trying again")


def test_starts_without_names(net: Distant, family: int) -> None:
    """Where the api-server was last is known at once, and enough to get there."""
    net.api_is_at("api", family)
    net.name_server(family)
    cidr = around("api", family)
    new_device(net, "greedy", advertise_cidrs=[cidr])
    await_spared(net, cidr)
    wait_until(lambda: _is_saved(net, cidr), "list on disk")
    daemon(net).stop()
    net.api.ask("dns", mode="silent")
    net.api.network("refuse", drop=True)
    restart(net)
    wait_until(lambda: net.commands.written_status()["list"]["from_disk"], "list from disk")
    await_spared(net, cidr)
    assert not net.api.ask("streams")
    net.api.network("ok")
    hurry_up(net)
    net.wait_state("watching", daemon(net))
    assert said(net, "no name server answers for api.nexodus.test") == 1
    await_spared(net, cidr)
    net.api.ask("dns", mode="ok")


def _is_saved(net: Distant, cidr: str) -> bool:
    with open(net.saved("devices.json"), encoding="utf-8") as file:
        return cidr in file.read()


def test_forgotten_in_the_end(net: Distant, family: int) -> None:
    """The api-server has moved so long ago that nothing is connected to where it was."""
    net.api_is_at("api", family)
    cidr = around("api", family)
    os.environ[HURRY_NAME] = "1000"  # an hour is 3.6 s
    try:
        restart(net)
    finally:
        os.environ[HURRY_NAME] = str(HURRY)
    net.wait_state("watching", daemon(net))
    new_device(net, "greedy", advertise_cidrs=[cidr])
    await_spared(net, cidr)
    net.api_is_at("moved", family)
    wait_some(1.5)
    await_spared(net, cidr)
    await_followed(net, 10)
    restart(net)
    net.wait_state("watching", daemon(net))


def test_source_is_killed(net: Distant, family: int) -> None:
    """What it has reported holds until another one has found out more."""
    net.api_is_at("api", family)
    net.name_server(family)
    cidrs = [around(what, family) for what in ("api", "names")]
    new_device(net, f"greedy-killed{family}", advertise_cidrs=cidrs)
    await_spared(net, *cidrs)
    source = daemon(net).source()
    assert source
    os.kill(source, 9)
    wait_until(lambda: daemon(net).source() not in (None, source), "another source")
    net.wait_state("watching")
    await_spared(net, *cidrs)
    check_follows(net, *cidrs)
    assert said(net, f"greedy-killed{family}", cidrs[0]) == 1
