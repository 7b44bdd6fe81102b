# SPDX-License-Identifier: Apache-2.0
"""Where a relay says that it is reached: found out again and again, published when it changes, and
no burden to the traffic on the same port."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from following import await_told, begin_anew, daemon, following, hurry_up, restart, said

from lab.controlled import Controlled
from lab.steady import no_loss
from lab.underlay import PORT
from lab.wait import wait_until

LOOKS = 5
NO_GROUP = "8ac43e59-4bdc-4225-a5ee-6161a9db9dc3"
MAPPED = "203.0.113.77:40001"


@pytest.fixture(scope="module")
def net() -> Iterator[Controlled]:
    """A relay that looks every 200 ms instead of every 20 s."""
    with following(100) as network:
        yield network


def published(net: Controlled) -> list[dict[str, str]]:
    """What the server's record says."""
    return net.learn()["endpoints"]


def asked(net: Controlled) -> list[str]:
    """From where the STUN servers were asked, so far."""
    return [request for server in net.api.ask("stun") for request in server["requests"]]


def await_looks(net: Controlled, looks: int = LOOKS) -> None:
    """Wait until the relay has looked that often, and has seen what came of all but the last."""
    before = len(asked(net))
    wait_until(lambda: len(asked(net)) >= before + 2 * looks, "STUN requests")


def patches(net: Controlled, after: int) -> list[dict[str, Any]]:
    """Bodies of what was changed of our record since that request."""
    return [request["body"] for request in net.api.requests("/api/devices/.*", "PATCH", after)]


def test_port_is_wireguards(net: Controlled) -> None:
    """The servers are asked from WireGuard's own port, which WireGuard holds."""
    await_looks(net)
    assert {request.rpartition(":")[2] for request in asked(net)} == {str(PORT)}


def test_published_on_change_only(net: Controlled) -> None:
    local = published(net)[0]
    assert local == {"source": "local", "address": f"{net.way.relay_endpoint(4)}"}
    last = net.api.last_request()
    await_looks(net)
    assert patches(net, last) == []
    net.api.ask("stun", mapped=MAPPED)
    wait_until(lambda: published(net)[1]["address"] == MAPPED, "the other address")
    await_looks(net)
    bodies = patches(net, last)
    assert len(bodies) == 1, bodies
    assert list(bodies[0]) == ["endpoints"]
    assert bodies[0]["endpoints"][0] == local
    assert bodies[0]["endpoints"][1]["source"].startswith("stun:stun.nexodus.test:")
    net.api.ask("stun", mapped="")
    wait_until(lambda: published(net)[1]["address"] == local["address"], "the first one again")


def test_published_while_the_list_is_polled(net: Controlled) -> None:
    """A server without an event stream has them, too."""
    net.api.set_fault(path="/api/events", status=404, body="404 page not found")
    net.api.cut_streams()
    await_told(net, "watching", "asking every 15 s")
    net.api.ask("stun", mapped=MAPPED)
    wait_until(lambda: published(net)[1]["address"] == MAPPED, "the other address")
    net.api.clear_faults()
    wait_until(lambda: published(net)[1]["address"] != MAPPED, "the address of before")
    hurry_up(net)
    await_told(net, "watching")


def test_no_answer_is_no_change(net: Controlled) -> None:
    """Servers that are silent for once, or answer nonsense, take nothing away."""
    last, before = net.api.last_request(), published(net)
    for mode in ("silent", "garbage", "wrong_transaction", "error", "zero"):
        net.api.ask("stun", mode=mode)
        await_looks(net)
    net.api.ask("stun", mode="ok")
    await_looks(net)
    assert patches(net, last) == []
    assert published(net) == before


def test_publishing_fails(net: Controlled) -> None:
    """It is tried again at the next look, and is no trouble of the list's."""
    fault = net.api.set_fault(path="/api/devices/.*", method="PATCH", status=503, count=3)
    net.api.ask("stun", mapped=MAPPED)
    wait_until(lambda: published(net)[1]["address"] == MAPPED, "the other address")
    assert net.api.fault_hits(fault) == 3
    net.wait_state("watching")
    net.api.ask("stun", mapped="")
    net.api.clear_faults()


def test_restart_is_no_change(net: Controlled) -> None:
    """Nor is it that a source dies: the server has what is so. What is not so it gets."""
    ours = net.way.relay_endpoint(4)
    wait_until(lambda: [item["address"] for item in published(net)] == [ours, ours], "ours")
    for how in (restart, begin_anew):
        last = net.api.last_request()
        how(net)
        net.api.wait_request("/api/events", after=last)
        net.wait_state("watching")
        await_looks(net)
        assert patches(net, last) == []
    net.api.update_device(net.learn()["id"], hostname="renamed",
                          endpoints=[{"source": "local", "address": "192.0.2.1:1"}])
    net.learn()
    last, right = net.api.last_request(), os.uname().nodename
    restart(net)
    wait_until(lambda: patches(net, last), "publication")
    body, = patches(net, last)
    assert body["hostname"] == right and body["endpoints"][0]["address"] == ours
    net.wait_state("watching")
    net.learn()


def test_servers_that_see_different_ports(net: Controlled) -> None:
    """Which of them answers first changes with each look, and is no change of ours."""
    last = net.api.last_request()
    for number in range(2):
        net.api.ask("stun", server=number, mapped=f"203.0.113.7:{40000 + number}")
    wait_until(lambda: published(net)[1]["address"].startswith("203.0.113.7:"), "one of the two")
    await_looks(net)
    assert len(patches(net, last)) == 1
    assert said(net, "behind a symmetric NAT") == 1
    net.api.ask("stun", mapped="")
    wait_until(lambda: not published(net)[1]["address"].startswith("203.0.113.7:"), "ours")


def test_endpoints_are_not_taken(net: Controlled) -> None:
    """Agents go on looking for us where we are no more: that is said, once."""
    fault = net.api.set_fault(path="/api/devices/.*", method="PATCH", status=403, count=3,
                              content_type="application/json", body='{"error":"not yours"}')
    net.api.ask("stun", mapped=MAPPED)
    wait_until(lambda: published(net)[1]["address"] == MAPPED, "the other address")
    assert net.api.fault_hits(fault) == 3
    words = "does not take this relay's endpoints: HTTP status 403: not yours"
    assert sum(words in line for line in net.commands.daemons[-1].messages()) == 1
    net.wait_state("watching")
    net.api.ask("stun", mapped="")


def test_setting_is_not_taken(net: Controlled) -> None:
    """A security group that there is not is said, once; agents hear where we are nevertheless."""
    daemon(net).stop()
    net.begin("--service-url", net.api.service_url, "--security-group-id", NO_GROUP)
    net.wait_state("watching", daemon(net))
    net.api.ask("stun", mapped=MAPPED)
    wait_until(lambda: published(net)[1]["address"] == MAPPED, "the other address")
    words = ("does not take this relay's host name or security group: HTTP status 404: "
             "not found: security_group_id")
    wait_until(lambda: said(net, words), "what is wrong")  # MAPPED may be the record of before
    assert said(net, words) == 1 and not said(net, "relay's endpoints")
    net.api.ask("stun", mapped="")
    wait_until(lambda: published(net)[1]["address"] != MAPPED, "ours")
    assert said(net, words) == 1
    restart(net)
    net.wait_state("watching", daemon(net))


def test_traffic_is_not_harmed(net: Controlled) -> None:
    with no_loss(net, net.commands):
        await_looks(net)


def test_local_endpoint_is_given(net: Controlled) -> None:
    """--local-endpoint-ip comes before what is found out; a relay that starts again with it says
    so, and nothing else that is as it was."""
    daemon(net).stop()
    last = net.api.last_request()
    net.run("--local-endpoint-ip", "192.0.2.55")
    wait_until(lambda: published(net)[0]["address"] == f"192.0.2.55:{PORT}", "that address")
    assert list(patches(net, last)[0]) == ["endpoints"]
