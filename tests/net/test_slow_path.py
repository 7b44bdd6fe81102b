# SPDX-License-Identifier: Apache-2.0
"""What the program hands to the kernel: the relay answers as a router and as a host does."""

from collections.abc import Iterator

import pytest

from lab.mesh import Mesh
from lab.relay import RelayCommands
from lab.traffic import ping
from lab.wait import wait_until

pytestmark = pytest.mark.kernel

SMALL_MTU = 1340


@pytest.fixture
def open_forward(mesh: Mesh) -> Iterator[None]:
    """FORWARD policy ACCEPT."""
    mesh.firewall.set_policy("ACCEPT")
    yield
    mesh.firewall.set_policy("DROP")


@pytest.fixture
def small_mtu(mesh: Mesh) -> Iterator[None]:
    """The relay's wg0 takes less than the spokes' interfaces do; nobody knows a path MTU yet."""
    mesh.relay.run("ip", "link", "set", "wg0", "mtu", str(SMALL_MTU))
    yield
    mesh.relay.run("ip", "link", "set", "wg0", "mtu", "1420")
    for spoke in mesh.spokes.values():
        spoke.node.run("ip", "-4", "route", "flush", "cache")
        spoke.node.run("ip", "-6", "route", "flush", "cache")


def _relay_address(family: int) -> str:
    return "100.64.0.1" if family == 4 else "200::1"


@pytest.mark.usefixtures("open_forward")
def test_a_used_up_hop_limit_is_answered_by_the_relay(
        mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...], with_peers: tuple[str, ...],
        family: int) -> None:
    relay.start(*hook, *with_peers)
    answer = ping(mesh["spoke1"].node, mesh["spoke2"].address(family), "-t", "1", count=2)
    assert answer.received == 0
    expected = {4: "Time to live exceeded", 6: "Time exceeded: Hop limit"}[family]
    lines = [line for line in answer.output.splitlines() if expected in line]
    assert len(lines) == 2, answer.output
    assert all(f"From {_relay_address(family)} " in line for line in lines), answer.output
    assert relay.packets("hop-limit", family) == 2
    assert relay.packets("forwarded", family) == 0


@pytest.mark.usefixtures("open_forward", "small_mtu")
def test_a_packet_larger_than_the_mtu_is_answered_by_the_relay(
        mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...], with_peers: tuple[str, ...],
        family: int) -> None:
    """Also exactly: one byte more than fits is too big, what fits goes through."""
    header = {4: 28, 6: 48}[family]
    relay.start(*hook, *with_peers)
    address = mesh["spoke2"].address(family)
    fits = ping(mesh["spoke1"].node, address, "-M", "do", "-s", str(SMALL_MTU - header), count=2)
    assert fits.complete, fits.output
    assert relay.packets("too-big", family) == 0
    answer = ping(mesh["spoke1"].node, address, "-M", "do", "-s", str(SMALL_MTU - header + 1),
                  count=1)
    assert answer.received == 0
    expected = {4: f"Frag needed and DF set (mtu = {SMALL_MTU})",
                6: f"Packet too big: mtu={SMALL_MTU}"}[family]
    assert f"From {_relay_address(family)} " in answer.output, answer.output
    assert expected in answer.output
    assert relay.packets("too-big", family) == 1


def test_the_relay_itself_answers(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                                  with_peers: tuple[str, ...], family: int) -> None:
    relay.start(*hook, *with_peers)
    answer = ping(mesh["spoke1"].node, _relay_address(family))
    assert answer.complete, answer.output
    assert relay.packets("local", family) == 5
    assert relay.packets("forwarded", family) == 0


def test_an_unknown_destination_is_left_to_the_kernel(
        mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...], with_peers: tuple[str, ...],
        family: int) -> None:
    relay.start(*hook, *with_peers)
    kernel = mesh.firewall.forwarded()
    address = "100.99.99.99" if family == 4 else "200::9999"
    assert ping(mesh["spoke1"].node, address, count=3, wait_s=0.2).received == 0
    wait_until(lambda: relay.packets("unknown-dst", family) == 3, "three packets")

    def moved() -> int:
        seen = mesh.firewall.forwarded()
        return seen.ipv4 - kernel.ipv4 if family == 4 else seen.ipv6 - kernel.ipv6
    wait_until(lambda: moved() == 3, "all of them at the kernel")


def test_both_forwarding_sysctls_are_set(mesh: Mesh, relay: RelayCommands,
                                         with_peers: tuple[str, ...]) -> None:
    assert mesh.relay.sysctl("ipv4/ip_forward") == "0"
    assert mesh.relay.sysctl("ipv6/conf/all/forwarding") == "0"
    relay.start(*with_peers)
    assert mesh.relay.sysctl("ipv4/ip_forward") == "1"
    assert mesh.relay.sysctl("ipv6/conf/all/forwarding") == "1"
    assert relay.down().returncode == 0
    assert mesh.relay.sysctl("ipv4/ip_forward") == "0"
    assert mesh.relay.sysctl("ipv6/conf/all/forwarding") == "0"
