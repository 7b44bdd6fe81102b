# SPDX-License-Identifier: Apache-2.0
"""The fast path: what peers send to each other, on every hook, over IPv4 and IPv6."""

import signal
import socket

import pytest
from conftest import HOOKS

from lab import bpf
from lab.lan import LAN_HOST4, LAN_HOST6
from lab.mesh import Mesh
from lab.relay import RelayCommands
from lab.traffic import ping, transfer
from lab.wait import LIMIT_S, wait_until

pytestmark = pytest.mark.kernel

IP_BYTES = {4: 20, 6: 40}
UDP_BYTES = 8


def _lan_host(family: int) -> str:
    return LAN_HOST4 if family == 4 else LAN_HOST6


def test_nothing_is_forwarded_without_a_relay(mesh: Mesh, family: int) -> None:
    """What the other tests see is the relay's work."""
    address = mesh["spoke2"].address(family)
    assert ping(mesh["spoke1"].node, address, wait_s=0.3).received == 0
    assert ping(mesh["spoke1"].node, mesh.device.ipv4, count=2).complete


@pytest.mark.parametrize("name", HOOKS)
def test_status_tells_hook_and_attachment(mesh: Mesh, relay: RelayCommands, name: str,
                                          with_peers: tuple[str, ...]) -> None:
    if name == "tc-tcx" and not bpf.has_tcx():
        pytest.skip("this kernel has no tcx (it came with 6.6)")
    options, hook_name, attach_name = HOOKS[name]
    daemon = relay.start(*options, *with_peers)
    status = relay.status()
    assert status
    assert (status["hook"], status["attach"]) == (hook_name, attach_name)
    assert status["interface"] == "wg0"
    assert status["ifindex"] == mesh.relay.ifindex("wg0")
    assert status["daemon"] == {"running": True, "pid": daemon.pid}
    assert status["forward"] == "all" and status["strict"] is False
    assert status["ipv4"]["enabled"] and status["ipv6"]["enabled"]
    listed = status["list"]
    assert listed["source"] == mesh.peers.path or mesh.peers.path in str(listed["source"])
    assert (listed["loaded"], listed["devices"], listed["skipped"]) == (True, 4, 0)
    assert (listed["addresses"], listed["cidrs"]) == (8, 2)
    assert not listed["error"]
    assert status["pins"] == relay.pins


def test_spokes_reach_each_other(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                                 with_peers: tuple[str, ...], family: int) -> None:
    """And the kernel's own forwarding sees nothing of it; each ping is two forwarded packets."""
    relay.start(*hook, *with_peers)
    kernel = mesh.firewall.forwarded()
    before = relay.packets("forwarded", family)
    for one, other in (("spoke1", "spoke2"), ("spoke2", "laptop"), ("laptop", "edge")):
        answer = ping(mesh[one].node, mesh[other].address(family))
        assert answer.complete, answer.output
    assert relay.packets("forwarded", family) == before + 3 * 5 * 2
    assert mesh.firewall.forwarded() == kernel


def test_the_hop_limit_is_lowered_once(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                                       with_peers: tuple[str, ...], family: int) -> None:
    relay.start(*hook, *with_peers)
    answer = ping(mesh["spoke1"].node, mesh["spoke2"].address(family), "-t", "2", count=3)
    assert answer.complete, answer.output
    assert answer.output.count(" ttl=63 ") == 3, answer.output


def test_an_advertised_cidr_is_reached(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                                       with_peers: tuple[str, ...], family: int) -> None:
    relay.start(*hook, *with_peers)
    edge_before = relay.peers()["edge"]["to_peer"]["packets"]
    answer = ping(mesh["spoke1"].node, _lan_host(family))
    assert answer.complete, answer.output
    assert relay.peers()["edge"]["to_peer"]["packets"] == edge_before + 5
    answer = ping(mesh.lan, mesh["spoke2"].address(family))
    assert answer.complete, answer.output


def test_a_transfer_arrives_intact(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                                   with_peers: tuple[str, ...], family: int) -> None:
    relay.start(*hook, *with_peers)
    kernel = mesh.firewall.forwarded()
    spoke2 = mesh["spoke2"]
    done = transfer(mesh["spoke1"].node, spoke2.node, spoke2.address(family), megabytes=4)
    assert done.intact, done
    assert relay.peers()["spoke1"]["from_peer"]["bytes"] > done.bytes_sent
    assert mesh.firewall.forwarded() == kernel


def test_counters_are_exact(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                            with_peers: tuple[str, ...], family: int) -> None:
    """100 datagrams of a known size: the verdict and both peers, packets and bytes."""
    count, payload = 100, 117
    size = payload + UDP_BYTES + IP_BYTES[family]
    relay.start(*hook, *with_peers)
    assert relay.packets("forwarded", family) == 0
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    with mesh["spoke1"].node.socket(kind, socket.SOCK_DGRAM) as out, \
            mesh["spoke2"].node.socket(kind, socket.SOCK_DGRAM) as into:
        into.bind(("", 0))
        into.settimeout(LIMIT_S)
        for _ in range(count):
            out.sendto(bytes(payload), (mesh["spoke2"].address(family), into.getsockname()[1]))
            assert len(into.recv(2000)) == payload
    want = {"packets": count, "bytes": count * size}
    assert relay.verdicts()["forwarded"][f"ipv{family}"] == want
    other = relay.verdicts()["forwarded"][f"ipv{10 - family}"]
    assert other == {"packets": 0, "bytes": 0}
    peers, nothing = relay.peers(), {"packets": 0, "bytes": 0}
    assert (peers["spoke1"]["from_peer"], peers["spoke1"]["to_peer"]) == (want, nothing)
    assert (peers["spoke2"]["from_peer"], peers["spoke2"]["to_peer"]) == (nothing, want)
    assert (peers["edge"]["from_peer"], peers["edge"]["to_peer"]) == (nothing, nothing)


def test_fragments_pass(mesh: Mesh, relay: RelayCommands, hook: tuple[str, ...],
                        with_peers: tuple[str, ...], family: int) -> None:
    """3008 bytes of ICMP are three fragments each way."""
    relay.start(*hook, *with_peers)
    answer = ping(mesh["spoke1"].node, mesh["spoke2"].address(family), "-s", "3000", count=4)
    assert answer.complete, answer.output
    assert relay.packets("forwarded", family) == 4 * 2 * 3


def test_peers_shows_addresses_and_keys(mesh: Mesh, relay: RelayCommands,
                                        with_peers: tuple[str, ...]) -> None:
    relay.start(*with_peers)
    peers = relay.peers()
    assert sorted(peers) == ["edge", "laptop", "spoke1", "spoke2"]
    for name, spoke in mesh.spokes.items():
        assert peers[name]["public_key"] == spoke.device.public_key
        assert {address.split("/")[0] for address in peers[name]["addresses"]} == \
            {spoke.device.ipv4, spoke.device.ipv6}
        assert sorted(peers[name]["cidrs"]) == sorted(spoke.device.advertises)
        assert peers[name]["relay_only"] is spoke.device.relay_only
    one = relay.ask("peers", "edge")
    assert [peer["name"] for peer in one] == ["edge"]
    assert relay.call("peers", "nobody-of-this-name").returncode == 1


def test_the_april_2023_form_is_read(mesh: Mesh, relay: RelayCommands, family: int,
                                     with_peers: tuple[str, ...]) -> None:
    """tunnel_ip, tunnel_ip_v6 and child_prefix instead of today's members."""
    old = []
    for device in mesh.devices():
        record = device.record()
        for member in ("ipv4_tunnel_ips", "ipv6_tunnel_ips", "advertise_cidrs", "allowed_ips"):
            del record[member]
        record |= {"tunnel_ip": device.ipv4, "tunnel_ip_v6": device.ipv6, "discovery": False,
                   "child_prefix": device.advertises or None}
        old.append(record)
    mesh.peers.replace(old)
    relay.start(*with_peers)
    assert ping(mesh["spoke1"].node, mesh["spoke2"].address(family)).complete
    assert ping(mesh["spoke1"].node, _lan_host(family)).complete


def test_the_interface_itself_can_be_the_list(mesh: Mesh, relay: RelayCommands,
                                              hook: tuple[str, ...], family: int) -> None:
    """--adopt without --peers: peers and AllowedIPs of wg0."""
    relay.start(*hook)
    status = relay.status()
    assert status and status["list"]["loaded"]
    assert (status["list"]["devices"], status["list"]["cidrs"]) == (4, 2)
    for address in (mesh["spoke2"].address(family), _lan_host(family)):
        answer = ping(mesh["spoke1"].node, address)
        assert answer.complete, answer.output
    assert relay.packets("forwarded", family) == 20


@pytest.mark.parametrize("signalled", [False, True], ids=["by itself", "at SIGHUP"])
def test_a_new_peer_of_the_interface_is_picked_up(mesh: Mesh, relay: RelayCommands,
                                                  signalled: bool) -> None:
    """`wg set` adds a peer, and takes it away again."""
    daemon = relay.start()
    spoke3 = mesh.add("spoke3")
    try:
        if signalled:
            daemon.signal(signal.SIGHUP)
        for family in (4, 6):
            wait_until(lambda: ping(mesh["spoke1"].node, spoke3.address(family), count=1,
                                    wait_s=1).received, "answer of the new peer")
    finally:
        mesh.drop("spoke3")
    if signalled:
        daemon.signal(signal.SIGHUP)
    wait_until(lambda: relay.status()["list"]["devices"] == 4, "end of the peer")
