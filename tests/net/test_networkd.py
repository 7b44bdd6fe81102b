# SPDX-License-Identifier: Apache-2.0
"""A relay with a wg0 of its own next to the real systemd-networkd, which is told to manage every
link: what it does to wg0, and that it does nothing with what README.md has for it."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from own_interface import LAN, addresses, advertise, link, net
from readme import file_for

from lab import networkd, wgshow
from lab.networkd import Bus, Networkd
from lab.owner import INTERFACE
from lab.topology import Topology
from lab.wait import wait_until

__all__ = ["net"]  # a fixture

pytestmark = pytest.mark.skipif(not os.access(networkd.BINARY, os.X_OK),
                                reason=f"no {networkd.BINARY}: install systemd")

EVERYTHING = ("/etc/systemd/network/90-everything.network",
              "[Match]\nName=*\n[Network]\nDHCP=no\nLinkLocalAddressing=no\n")
SYSCTLS = ("ipv4/conf/{}/promote_secondaries", "ipv6/conf/{}/accept_ra",
           "ipv6/conf/{}/addr_gen_mode", "ipv6/conf/{}/use_tempaddr", "ipv6/conf/{}/proxy_ndp")
# What networkd says when it does something to a link.
DEEDS = ("Removing ", "Setting ", "Requested ", "Configuring ", "Bringing ")
MORE = {4: "10.77.0.0/16", 6: "fd77::/64"}


@pytest.fixture(params=[True, False], ids=["host", "container"])
def other(request: pytest.FixtureRequest, net: Topology) -> Iterator[Networkd]:
    """networkd that manages every link, not started; with udev or without."""
    with Networkd(net.relay, request.param) as started:
        started.write(*EVERYTHING)
        yield started


def _routes(net: Topology) -> set[str]:
    """Those with nex-relay's protocol number."""
    found = set()
    for family in ("-4", "-6"):
        listed = net.relay.run("ip", "-j", family, "route", "show", "table", "all", "dev",
                               INTERFACE, "proto", "110")
        found |= {f"{route['dst']} of {route.get('table', 'main')}"
                  for route in json.loads(listed or "[]")}
    return found


def _rules(net: Topology) -> list[str]:
    """Those with nex-relay's protocol number, and the routes without an interface."""
    shown = [net.relay.run("ip", family, "rule", "show", "proto", "110") +
             net.relay.run("ip", family, "route", "show", "table", "all", "type", "unreachable",
                           "proto", "110") for family in ("-4", "-6")]
    return sorted("".join(shown).splitlines())


def _state(net: Topology) -> dict[str, Any]:
    """Everything of wg0 that networkd could change. Empty while there is no wg0."""
    if not net.relay.has_interface(INTERFACE):
        return {}
    shown = link(net)
    return {"flags": set(shown["flags"]), "mtu": shown["mtu"], "addresses": addresses(net),
            "routes": _routes(net), "rules": _rules(net),
            "peers": wgshow.allowed_ips(net.relay, INTERFACE),
            "sysctls": [net.relay.sysctl(name.format(INTERFACE)) for name in SYSCTLS]}


def _deeds(other: Networkd) -> list[str]:
    """What networkd has done to wg0."""
    return [line for line in other.log(INTERFACE) if any(deed in line for deed in DEEDS)]


def _said(net: Topology) -> list[str]:
    return [line for line in net.commands.daemons[-1].messages() if "somebody has changed" in line]


@pytest.mark.parametrize("other", [True], ids=["host"], indirect=True)
def test_unasked_it_takes_everything_away(net: Topology, other: Networkd) -> None:
    """At every start, and the relay puts it back: what the tests below would see."""
    net.run()
    before = _state(net)
    for _ in range(2):
        other.start()
        removed = "\n".join(other.log(f"{INTERFACE}: Removing foreign "))
        for cidr in ("100.64.0.1/32", "200::1/128", "100.64.0.2/32", "200::2/128", *LAN.values()):
            assert f" {cidr}" in removed, removed
        wait_until(lambda: {**_state(net), "sysctls": before["sysctls"]} == before, "wg0 as before")
        wait_until(lambda: _said(net), "message")
        assert "addresses, routes" in _said(net)[0]
        assert _state(net)["sysctls"] != before["sysctls"]
        other.stop()


@pytest.mark.skipif(not os.access(networkd.BUS_BINARY, os.X_OK),
                    reason=f"no {networkd.BUS_BINARY}: install dbus-daemon")
@pytest.mark.parametrize("other", [True], ids=["host"], indirect=True)
def test_told_so_later_it_lets_go_of_wg0(net: Topology, other: Networkd) -> None:
    """With `networkctl reload`; after its next start nothing has to be put back."""
    net.run()
    before = _state(net)
    with Bus():
        other.start()
        wait_until(lambda: {**_state(net), "sysctls": before["sysctls"]} == before, "wg0 as before")
        wait_until(lambda: _said(net), "message")
        other.settle()
        managed, done = _state(net), _deeds(other)
        other.write(*file_for("systemd"))
        other.write(*file_for("systemd/networkd.conf.d"))
        other.reload()
        assert other.states(INTERFACE)[-1] == "unmanaged"
        # What networkd.conf says counts from its next start on.
        assert all("routing policy rule" in line for line in _deeds(other)[len(done):])
        wait_until(lambda: _state(net) == managed, "rules as before")
        said = len(_said(net))
        other.stop()
        other.start()
        _is_left_alone(other)
    assert _state(net) == managed and len(_said(net)) == said


@pytest.mark.parametrize("other", [False], ids=["container"], indirect=True)
def test_unasked_in_a_container(net: Topology, other: Networkd) -> None:
    """It takes the link before it knows of its addresses and routes: those stay. Rules, and routes
    of no interface, are taken away there as well, and put back."""
    net.run()
    before = _state(net)
    other.start()
    assert any("Setting " in line for line in _deeds(other))
    after = _state(net)
    assert after["sysctls"] != before["sysctls"]
    assert {**after, "sysctls": before["sysctls"], "rules": []} == {**before, "rules": []}
    wait_until(lambda: _rules(net) == before["rules"], "rules as before")


def test_told_so_it_leaves_wg0_alone(net: Topology, other: Networkd) -> None:
    """At its start and the next, when the list changes, and when wg0 is made anew."""
    other.write(*file_for("systemd"))
    other.write(*file_for("systemd/networkd.conf.d"))
    daemon = net.run()
    before = _state(net)
    assert before["addresses"] == {"100.64.0.1/32", "200::1/128"} and len(before["routes"]) == 10
    other.start()
    _is_left_alone(other)
    assert _state(net) == before
    other.stop()
    assert _state(net) == before
    other.start()
    assert _state(net) == before
    for cidrs in (list(MORE.values()), []):
        advertise(net, cidrs)
        other.settle()
    assert _state(net) == before
    net.relay.run("ip", "link", "delete", INTERFACE)
    wait_until(lambda: any("wg0 is back" in line for line in daemon.messages()), "another wg0")
    wait_until(lambda: _state(net) == before, "wg0 as before")
    other.settle()
    assert _state(net) == before
    _is_left_alone(other, 2)
    assert _said(net) == [] and net.commands.status()["tunnel"]["error"] is None


def _is_left_alone(other: Networkd, times: int = 1) -> None:
    """So many links with wg0's name came, and nothing was done to any of them; but others were
    managed."""
    assert other.states(INTERFACE).count("unmanaged") == times
    assert not {"configuring", "configured"} & set(other.states(INTERFACE))
    assert _deeds(other) == []
    assert "configured" in other.states("under1")
