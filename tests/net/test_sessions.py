# SPDX-License-Identifier: Apache-2.0
"""The relay goes and comes back, and so do the spokes' sessions."""

from collections.abc import Callable, Iterator

import pytest

from lab import wgshow
from lab.owner import INTERFACE, Owner
from lab.steady import more, no_loss
from lab.topology import Topology
from lab.traffic import Flow, ping

pytestmark = pytest.mark.kernel


@pytest.fixture
def net(owner: type[Owner]) -> Iterator[Topology]:
    """Two spokes with different underlays."""
    with Topology(owner()) as network:
        network.add("spoke1", relay_only=True, over=4)
        network.add("spoke2", relay_only=True, over=6)
        network.start()
        yield network


def _check_pings(net: Topology) -> None:
    for one, other in (("spoke1", "spoke2"), ("spoke2", "spoke1")):
        for family in (4, 6):
            answer = ping(net[one].node, net[other].address(family))
            assert answer.complete, answer.output


def _restart(net: Topology) -> None:
    for daemon in net.commands.daemons:
        assert daemon.stop() == 0
    net.run()


def _kill(net: Topology) -> None:
    net.commands.daemons[0].kill()
    net.run()


@pytest.mark.parametrize("way", [_restart, _kill], ids=["stopped", "killed"])
def test_a_new_daemon_leaves_the_sessions(net: Topology, way: Callable[[Topology], None]) -> None:
    """The same interface with the same sessions; not a packet is lost."""
    index, handshakes = net.relay.ifindex(INTERFACE), wgshow.handshakes(net.relay, INTERFACE)
    allowed, routes = wgshow.allowed_ips(net.relay, INTERFACE), wgshow.routes(net.relay, INTERFACE)
    received = wgshow.received(net.relay, INTERFACE)
    with no_loss(net, net.commands):
        way(net)
    assert net.relay.ifindex(INTERFACE) == index
    assert wgshow.handshakes(net.relay, INTERFACE) == handshakes
    assert wgshow.allowed_ips(net.relay, INTERFACE) == allowed
    assert wgshow.routes(net.relay, INTERFACE) == routes
    assert all(count > received[key]
               for key, count in wgshow.received(net.relay, INTERFACE).items())


def test_sessions_come_back_after_down(net: Topology) -> None:
    """An adopted wg0 stays with its sessions. One that the relay owns is gone, and the next knows
    no session and no endpoint: the spokes find back by themselves, after 15 s without a word
    (KEEPALIVE_TIMEOUT + REKEY_TIMEOUT of WireGuard's paper)."""
    one, other = net["spoke1"], net["spoke2"]
    index = net.relay.ifindex(INTERFACE)
    with Flow(one.node, other.node, other.device.ipv4, packets_per_s=50) as four, \
            Flow(other.node, one.node, one.device.ipv6, packets_per_s=50) as six:
        more(four, six)
        assert net.commands.down().returncode == 0
        assert net.relay.has_interface(INTERFACE) == net.owner.adopted
        net.run()
        assert (net.relay.ifindex(INTERFACE) == index) == net.owner.adopted
        more(four, six)
    _check_pings(net)


def test_another_key_of_the_relay(net: Topology) -> None:
    """A new identity, a list with it, and spokes that are told: at once."""
    old = net.device.public_key
    assert net.commands.down().returncode == 0
    net.new_key()
    net.prepare()
    net.run()
    assert wgshow.public_key(net.relay, INTERFACE) == net.key.public != old
    for spoke in net.spokes.values():
        spoke.tunnel.remove_peer(old)
    net.connect()
    _check_pings(net)
