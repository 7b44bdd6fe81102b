# SPDX-License-Identifier: Apache-2.0
"""A relay with a wg0 of its own next to the real NetworkManager: that it does nothing to wg0 with
what README.md has for it, and what it does without."""

from collections.abc import Iterator

import pytest
from own_interface import LAN, addresses, advertise, link, net
from readme import file_for

from lab import footprint, network_manager, wgshow
from lab.footprint import Footprint
from lab.network_manager import NetworkManager
from lab.owner import INTERFACE
from lab.steady import no_loss
from lab.topology import Topology
from lab.wait import wait_until

__all__ = ["net"]  # a fixture

pytestmark = pytest.mark.skipif(bool(network_manager.unmet()), reason=network_manager.unmet())

EXTERNAL = "connected (externally)"
# Whether there is udev, and whether the relay starts before NetworkManager. The kernel's WireGuard
# and wireguard-go are links of different kinds to it.
HOST = [pytest.param(True, True, id="relay-first"),
        pytest.param(True, False, id="manager-first")]
CONTAINER = pytest.param(False, False, id="container")
MORE = {4: "10.77.0.0/16", 6: "fd77::/64"}


@pytest.fixture
def other(request: pytest.FixtureRequest, net: Topology) -> Iterator[NetworkManager]:
    """NetworkManager, not started; the parameter says whether there is udev."""
    with NetworkManager(net.relay, request.param) as started:
        yield started


def _seen(net: Topology) -> Footprint:
    """Everything of the relay host that NetworkManager could change."""
    there = footprint.take(net.relay)
    del there["/proc/sys/net/ipv4/conf/all/send_redirects"]  # the kernel's WireGuard changes that
    if net.relay.has_interface(INTERFACE):
        shown = link(net)
        there[f"link {INTERFACE}"] = f"{shown['mtu']} {shown['flags']}"
    return there


def _differ(before: Footprint, net: Topology, ended: bool = False) -> list[str]:
    """What is not as it was. With ended, NetworkManager has: then it sets how every link's next
    link-local address is to be made, which the kernel decides anew for wg0 when it makes one."""
    return [line for line in footprint.difference(before, _seen(net))
            if not (ended and line.startswith("/proc/sys/net/ipv6/conf/wg0/addr_gen_mode: "))]


def _differ_anew(before: Footprint, net: Topology) -> list[str]:
    """What is not as it was, but for what differs from one wg0 to the next."""
    return footprint.difference(footprint.lasting(before), footprint.lasting(_seen(net)))


def _differ_kept(before: Footprint, net: Topology) -> list[str]:
    """What the relay puts back and is not yet as it was: everything of wg0 but sysctls, and the
    link-local address, which is the kernel's. The route to the addresses' subnet is the kernel's
    too, and comes with them."""
    return [line for line in _differ_anew(before, net)
            if INTERFACE in line and not line.startswith("/proc/sys/")]


def _said(net: Topology) -> list[str]:
    """What all relays until now have said of somebody else's changes."""
    return [line for daemon in net.commands.daemons for line in daemon.messages()
            if "somebody has changed" in line]


def _change_list(net: Topology, other: NetworkManager) -> None:
    """More routes, and then as it was."""
    for cidrs in (list(MORE.values()), []):
        advertise(net, cidrs)
        other.settle()


def _is_left_alone(other: NetworkManager) -> None:
    """It has seen wg0 and has done nothing with it; but others are managed."""
    states = other.states()
    assert states[INTERFACE] == "unmanaged" and states["under1"] == EXTERNAL
    assert other.log(f"manager: ({INTERFACE}): new ")
    assert other.log(f"device ({INTERFACE}): state change") == []
    assert other.log("device (under1): state change")


@pytest.mark.parametrize("other, relay_first", [*HOST, CONTAINER], indirect=["other"])
def test_told_so_it_leaves_wg0_alone(net: Topology, other: NetworkManager,
                                     relay_first: bool) -> None:
    """At its start and end, when either of the two is restarted, when the list changes, when wg0 is
    made anew, and when it is taken down."""
    other.write(*file_for("NetworkManager"))
    without = _seen(net)
    if not relay_first:
        other.start()
    net.start()
    before = _seen(net)
    assert addresses(net) == {"100.64.0.1/32", "200::1/128"}
    assert wgshow.routes(net.relay, INTERFACE) > set(LAN.values())
    with no_loss(net, net.commands):
        if relay_first:
            other.start()
        other.settle()
        _is_left_alone(other)
        other.reload()
        _change_list(net, other)
        daemon = net.rerun()
        other.settle()
        _is_left_alone(other)
        assert _differ(before, net) == []
        other.stop()
        assert _differ(before, net, ended=True) == []
        other.start()
    net.relay.run("ip", "link", "delete", INTERFACE)
    wait_until(lambda: any("wg0 is back" in line for line in daemon.messages()), "another wg0")
    wait_until(lambda: not _differ_anew(before, net), lambda: str(_differ_anew(before, net)))
    other.settle()
    _is_left_alone(other)
    assert _differ_anew(before, net) == [] and _said(net) == []
    assert net.commands.status()["tunnel"]["error"] is None
    assert net.commands.down().returncode == 0
    other.settle()
    assert INTERFACE not in other.states()
    other.stop()
    assert _differ_anew(without, net) == []


@pytest.mark.parametrize("other", [True], ids=["host"], indirect=True)
def test_told_so_later_it_lets_go_of_wg0(net: Topology, other: NetworkManager) -> None:
    """With a reload, which takes nothing away."""
    net.start()
    before = _seen(net)
    with no_loss(net, net.commands):
        other.start()
        assert other.states()[INTERFACE] == EXTERNAL
        other.write(*file_for("NetworkManager"))
        other.reload()
        assert other.states()[INTERFACE] == "unmanaged" and other.states()["under1"] == EXTERNAL
    assert _differ(before, net) == [] and _said(net) == []


@pytest.mark.parametrize("other, relay_first", HOST, indirect=["other"])
def test_unasked_it_takes_wg0_as_it_is(net: Topology, other: NetworkManager,
                                       relay_first: bool) -> None:
    """It shows wg0 as connected externally, and changes nothing of it."""
    if not relay_first:
        other.start()
    net.start()
    before = _seen(net)
    with no_loss(net, net.commands):
        if relay_first:
            other.start()
        _change_list(net, other)
        assert _differ(before, net) == []
        for act in (other.stop, other.start):
            act()
            assert _differ(before, net, ended=True) == []
        assert other.states()[INTERFACE] == EXTERNAL
    assert _said(net) == []


@pytest.mark.parametrize("argv", [
    pytest.param(("device", "disconnect", INTERFACE), id="disconnect"),
    pytest.param(("networking", "off"), id="all-off")])
@pytest.mark.parametrize("other", [True], ids=["host"], indirect=True)
def test_unasked_it_takes_everything_away_when_told_to(net: Topology, other: NetworkManager,
                                                       argv: tuple[str, ...]) -> None:
    """When somebody disconnects wg0, or all of the network. The relay puts it back: what the other
    tests would see."""
    net.run()
    before = _seen(net)
    other.start()
    assert other.nmcli(*argv).returncode == 0
    wait_until(lambda: _said(net), "message")
    assert "routes" in _said(net)[0]  # and its addresses, unless the relay was faster
    wait_until(lambda: other.log(f"device ({INTERFACE}): state change: deactivating -> "),
               f"{INTERFACE} that is not connected any more")
    wait_until(lambda: not _differ_kept(before, net), lambda: str(_differ_kept(before, net)))
    assert [line for line in _differ(before, net) if f"/{INTERFACE}/" in line] != []


@pytest.mark.parametrize("other", [True], ids=["host"], indirect=True)
def test_told_so_nothing_of_that_is_for_wg0(net: Topology, other: NetworkManager) -> None:
    """Neither while all of the network is off nor when it is on again. With `lo`, which it takes as
    well, IPv6 loses the end of the relay's table for a moment: it is put back."""
    other.write(*file_for("NetworkManager"))
    net.run()
    before = _seen(net)
    other.start()
    assert other.nmcli("device", "disconnect", INTERFACE).returncode != 0
    for way in ("off", "on"):
        assert other.nmcli("networking", way).returncode == 0
        wait_until(lambda: (other.states()["under1"] == "unmanaged") == (way == "off"), way)
        wait_until(lambda: [line for line in _differ(before, net) if INTERFACE in line or
                            "unreachable" in line] == [], "all that is wg0's")
    assert other.log(f"device ({INTERFACE}): state change") == []
    assert all("changed its routes: " in line for line in _said(net)), _said(net)
