# SPDX-License-Identifier: Apache-2.0
"""Hosts that are not as usual: no IPv6, an uplink configured by router advertisements, another
network namespace."""

import json
import os
from collections.abc import Iterator

import pytest

from lab import devices, footprint
from lab.mesh import Mesh
from lab.relay import PINS, RelayCommands
from lab.traffic import ping
from lab.wait import wait_until

pytestmark = pytest.mark.kernel


@pytest.fixture
def ipv4_only() -> Iterator[Mesh]:
    """A mesh whose relay host has IPv6 disabled."""
    network = Mesh(ipv6_host=False).build()
    yield network
    network.remove()


def test_an_ipv4_only_host_runs_single_stack(ipv4_only: Mesh, hook: tuple[str, ...]) -> None:
    mesh = ipv4_only
    relay = RelayCommands(mesh.relay)
    before = footprint.take(mesh.relay)
    daemon = relay.start(*hook, "--peers", mesh.peers.path)
    try:
        assert ping(mesh["spoke1"].node, mesh["spoke2"].device.ipv4).complete
        status = relay.status()
        assert status and status["ipv4"]["enabled"] is True
        assert status["ipv6"]["enabled"] is False and status["ipv6"]["reason"]
        assert status["list"]["devices"] == 4
        said = [line for line in daemon.messages() if "IPv6" in line]
        assert len(said) == 1, daemon.messages()
        mesh.peers.replace(devices.records(mesh.devices()))
        assert mesh.relay.sysctl("ipv6/conf/all/forwarding") == "0"
        assert relay.down().returncode == 0
        assert footprint.difference(before, footprint.take(mesh.relay)) == []
    finally:
        relay.clean()


@pytest.mark.parametrize("killed", [False, True], ids=["running", "killed"])
def test_router_advertisements_stay_accepted(mesh: Mesh, relay: RelayCommands,
                                             with_peers: tuple[str, ...], killed: bool) -> None:
    """A default route from an advertisement, accept_ra 1: becomes 2, and is 1 again after down."""
    mesh.relay.set_sysctl("ipv6/conf/under1/accept_ra", "1")
    mesh.relay.run("ip", "-6", "route", "add", "default", "via", "2001:db8:1::2", "dev", "under1",
                   "proto", "ra")
    try:
        before = footprint.take(mesh.relay)
        daemon = relay.start(*with_peers)
        assert mesh.relay.sysctl("ipv6/conf/under1/accept_ra") == "2"
        assert mesh.relay.sysctl("ipv6/conf/all/forwarding") == "1"
        if killed:
            daemon.kill()
        assert relay.down().returncode == 0
        assert mesh.relay.sysctl("ipv6/conf/under1/accept_ra") == "1"
        assert footprint.difference(before, footprint.take(mesh.relay)) == []
    finally:
        mesh.relay.run("ip", "-6", "route", "del", "default", "dev", "under1")


def test_forwarding_that_was_switched_off_is_on_again(mesh: Mesh, relay: RelayCommands,
                                                      with_peers: tuple[str, ...],
                                                      family: int) -> None:
    name = {4: "ipv4/ip_forward", 6: "ipv6/conf/all/forwarding"}[family]
    relay.start(*with_peers)
    mesh.relay.set_sysctl(name, "0")
    wait_until(lambda: mesh.relay.sysctl(name) == "1", "forwarding")
    assert relay.down().returncode == 0
    assert mesh.relay.sysctl(name) == "0"


def test_check_sees_an_interface_that_does_not_forward(mesh: Mesh, relay: RelayCommands) -> None:
    """Of somebody else's, which the relay leaves as it is."""
    def finding() -> tuple[str, str | None]:
        found = json.loads(relay.call("check", "--json").stdout)
        return next((line["status"], line["remedy"]) for line in found
                    if line["check"] == "ipv4 forwarding")
    mesh.relay.set_sysctl("ipv4/ip_forward", "1")
    try:
        assert finding() == ("OK", None)
        mesh.relay.set_sysctl("ipv4/conf/wg0/forwarding", "0")
        status, remedy = finding()
        assert status == "WARN" and remedy and "net/ipv4/conf/wg0/forwarding=1" in remedy
    finally:
        mesh.relay.set_sysctl("ipv4/ip_forward", "0")
    assert finding()[0] == "OK"


def test_another_network_namespace_has_pins_of_its_own(mesh: Mesh, relay: RelayCommands,
                                                       with_peers: tuple[str, ...]) -> None:
    """A relay in edge's namespace, beside the one of process 1: <interface>@<cookie>."""
    relay.start(*with_peers)
    edge = RelayCommands(mesh["edge"].node, "wg-edge")
    edge.start()
    try:
        folders = os.listdir(PINS)
        assert "wg0" in folders
        other = [name for name in folders if name.startswith("wg-edge@")]
        assert len(other) == 1 and len(folders) == 2, folders
        status = edge.status()
        assert status and status["pins"] == f"{PINS}/{other[0]}"
        assert edge.down().returncode == 0
        assert os.listdir(PINS) == ["wg0"]
        assert ping(mesh["spoke1"].node, mesh["spoke2"].device.ipv4).complete
        assert ping(mesh["spoke1"].node, mesh["spoke2"].device.ipv6).complete
    finally:
        edge.clean()
