# SPDX-License-Identifier: Apache-2.0
"""A relay of 2026-11-25, which routed every AllowedIP in the main table, is upgraded while it runs:
no relayed packet and no count is lost, and what it kept is understood. And the way back."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from following import LAN, await_followed, following

from lab import earlier, footprint, relay as relay_module, wgshow
from lab.owner import INTERFACE, STATE, RelayOwned
from lab.relay import Daemon
from lab.steady import no_loss
from lab.topology import Topology
from lab.traffic import ping
from lab.wait import LIMIT_S, wait_until

PACKETS_PER_S = 500
ADVERTISED = (*LAN, "192.168.77.7/32", "fd77:1::7/128")


@contextmanager
def version(path: str) -> Iterator[None]:
    """The commands in the block are those of this binary."""
    now = relay_module.BINARY
    relay_module.BINARY = path
    try:
        yield
    finally:
        relay_module.BINARY = now


@pytest.fixture(scope="module")
def old() -> str:
    """The earlier binary."""
    try:
        return earlier.build()
    except earlier.NoEarlierVersion as err:
        pytest.skip(f"the earlier version: {err}")


@pytest.fixture
def net(old: str) -> Iterator[Topology]:
    """Two spokes with sessions through a relay of the earlier version."""
    with Topology(RelayOwned()) as network:
        network.add("spoke1", relay_only=True, over=4)
        network.add("spoke2", advertises=ADVERTISED, over=6)
        network.prepare()
        with version(old):
            network.run()
        network.connect()
        yield network


def _replace(net: Topology) -> Daemon:
    """As a package's upgrade does it: the daemon ends, and the new one starts."""
    net.commands.daemons[-1].signal(signal.SIGTERM)
    net.commands.daemons[-1].process.wait(LIMIT_S)
    return net.run()


def _forwarded(net: Topology) -> int:
    return sum(net.commands.packets("forwarded", family) for family in (4, 6))


@pytest.mark.kernel
def test_upgrade_under_flows(net: Topology) -> None:
    """0 lost of 500 packets/s in both families; counts go on; the networks that devices advertise
    leave the main table, which is said with the line that brings them back."""
    assert set(ADVERTISED) <= wgshow.host_routes(net.relay, INTERFACE)
    before = _forwarded(net)
    with no_loss(net, net.commands, PACKETS_PER_S):
        counted = _forwarded(net)
        daemon = _replace(net)
        assert _forwarded(net) >= counted > before
        host = {f"{spoke.device.ipv4}/32" for spoke in net.spokes.values()} | \
            {f"{spoke.device.ipv6}/128" for spoke in net.spokes.values()}
        assert wgshow.host_routes(net.relay, INTERFACE) == host
        assert wgshow.routes(net.relay, INTERFACE) == host | set(ADVERTISED)
    said = [line for line in daemon.messages() if "host-routes = " in line]
    assert len(said) == 1 and all(cidr in said[0] for cidr in ADVERTISED), daemon.messages()
    assert not any("somebody" in line or "not ours" in line for line in daemon.messages())
    for family in (4, 6):
        assert ping(net.relay, net["spoke1"].address(family)).complete


@pytest.mark.kernel
def test_down_after_an_upgrade(old: str) -> None:
    """Leaves nothing of either, also when the new one was killed."""
    for kill in (False, True):
        with Topology(RelayOwned()) as net:
            net.add("spoke1", over=4, advertises=LAN)
            net.prepare()
            before = footprint.take(net.relay)
            with version(old):
                net.run()
            daemon = _replace(net)
            if kill:
                daemon.kill()
            assert net.commands.down().returncode == 0
            assert footprint.difference(before, footprint.take(net.relay)) == []


@pytest.mark.kernel
def test_the_way_back(net: Topology, old: str) -> None:
    """`down` of the new version, then the earlier one: as if nothing had been."""
    _replace(net)
    assert net.commands.down().returncode == 0
    assert "118553" not in net.relay.run("ip", "rule")
    with version(old):
        net.run()
        for spoke in net.spokes.values():  # a spoke notices only after 15 s
            spoke.tunnel.remove_peer(net.device.public_key)
        net.connect()
        assert set(LAN) <= wgshow.host_routes(net.relay, INTERFACE)
        answer = ping(net["spoke1"].node, net["spoke2"].address(4))
        assert answer.complete, answer.output
        assert net.commands.down().returncode == 0


def test_what_it_kept_is_understood(old: str) -> None:
    """registration.json and devices.json: no new registration, and the list at once, also while the
    api-server is away."""
    new = relay_module.BINARY
    with version(old), following(10) as net:
        wait_until(lambda: all(os.path.exists(f"{STATE}/{name}") for name in
                               ("registration.json", "devices.json")), "what it keeps")
        devices = len(net.api.devices())
        net.commands.daemons[-1].stop()
        net.api.network("refuse")
        with version(new):
            daemon = net.begin(*net.credentials())
            wait_until(lambda: net.commands.written_status()["list"]["from_disk"], "list on disk")
            net.api.network("ok")
            daemon.signal(signal.SIGHUP)
            net.wait_state("watching")
            await_followed(net)
        assert len(net.api.devices()) == devices
        assert not any("registered" in line for line in daemon.messages()), daemon.messages()
