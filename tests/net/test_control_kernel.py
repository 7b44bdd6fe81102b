# SPDX-License-Identifier: Apache-2.0
"""A relay that follows an api-server where wg0 is the kernel's; and, on a machine of its own, where
the wall clock is set while it does."""

import calendar
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from following import (await_followed, await_state, await_told, daemon, flowing, new_device, news,
                       rates, said, state, undisturbed, wanted)

from lab import wgshow
from lab.clock import WallClock, may_be_set
from lab.controlled import Controlled
from lab.owner import INTERFACE
from lab.steady import Steady
from lab.wait import wait_until
from lab.wireguard import make_key

pytestmark = pytest.mark.kernel

EVENTS = "/api/events"
CIDRS = ["10.77.0.0/16", "fd00:77::/48"]
HURRY = 15  # looks at STUN every 1.3 s; a call may take three seconds, as an emulated CPU needs
RESTART_MAX_S = 10 / HURRY - 0.01
KILLS = 8  # until the pause is the longest
LATE_S = 600  # in seconds of the wall clock: what was done just now
REQUESTS_PER_S = 5
TRIES = 25  # at a server whose certificate is not valid, each later than the one before


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Controlled, Steady]]:
    with flowing(HURRY, 50) as both:
        yield both


@pytest.fixture
def net(network: tuple[Controlled, Steady]) -> Iterator[Controlled]:
    with undisturbed(network) as running:
        yield running


@pytest.fixture
def clock() -> Iterator[WallClock]:
    """May be set; right again before the network is mended, which has been there before."""
    if not may_be_set():
        pytest.skip("the clock is that of other programs too (in the guests of tests/vm it is not)")
    with WallClock() as running:
        yield running


def _asked(net: Controlled) -> list[str]:
    """Where the STUN servers were asked from."""
    return [request for server in net.api.ask("stun") for request in server["requests"]]


def _is_now(text: str) -> bool:
    """Was that just now, as the clock is?"""
    at = calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    return abs(time.time() - at) < LATE_S


def test_registers_what_the_kernel_has(net: Controlled) -> None:
    """Key and port are WireGuard's, which holds the port while STUN is asked from it."""
    record, status = net.learn(), net.commands.written_status()
    assert record["public_key"] == wgshow.public_key(net.relay, INTERFACE)
    assert status["tunnel"]["wireguard"] == \
        ("kernel" if os.path.exists("/sys/module/wireguard") else "userspace")
    ours = net.way.relay_endpoint(4)
    assert ours.endswith(f":{status['tunnel']['listen_port']}")
    endpoints = {item["source"].partition(":")[0]: item["address"] for item in record["endpoints"]}
    assert endpoints == {"local": ours, "stun": ours}
    assert set(_asked(net)) == {ours}


def test_follows_while_stun_is_asked(net: Controlled) -> None:
    """What the server says is in WireGuard and in the maps; and WireGuard, which gets the answers
    of the STUN servers too, loses nothing."""
    asked = len(_asked(net))
    new_device(net, "web")
    await_followed(net)
    for values in ({"advertise_cidrs": CIDRS}, {"advertise_cidrs": CIDRS[1:]},
                   {"addresses": ["100.64.9.9", "200::9:9"]}, {"public_key": make_key().public}):
        net.api.update_device("web", **values)
        await_followed(net)
    gone = net.api.devices()["web"]["public_key"]
    net.api.delete_device("web")
    await_followed(net)
    assert gone not in state(net)["peers"]
    wait_until(lambda: len(_asked(net)) > asked + 5, "STUN requests")
    assert news(net) == []


def _resumed(request: dict[str, Any]) -> bool:
    return all(item.get("at_tail") for item in request["body"]) and \
        any(item.get("gt_revision") for item in request["body"])


def test_clock_is_set(net: Controlled, clock: WallClock) -> None:
    """A day ahead, a day behind, and right again: the relay goes on as if nothing had been."""
    for days in (1, -1, 0):
        asked, after = len(_asked(net)), net.api.last_request()
        clock.set(days)
        device = new_device(net, f"late{days}")
        await_followed(net)
        assert _is_now(net.commands.written_status()["list"]["applied_at"])
        net.api.wait_idle_stream()
        net.api.cut_streams("rst")
        assert _resumed(net.api.wait_request(EVENTS, after=after))
        net.api.delete_device(device["id"])
        await_followed(net)
        wait_until(lambda: len(_asked(net)) > asked, "STUN request")
        assert rates(net, after) <= REQUESTS_PER_S
        net.wait_state("watching")
    assert news(net) == []


def test_clock_is_set_and_certificate_is_not_valid(net: Controlled, clock: WallClock) -> None:
    """The last list stays, and when the clock is right nobody has to do anything."""
    net.api.ask("certificate", name="hour")
    for days, words in ((1, "expired"), (-1, "not yet valid")):
        after = net.api.last_request()
        net.api.cut_streams("rst")
        assert _resumed(net.api.wait_request(EVENTS, after=after))
        net.api.wait_idle_stream()
        right = wanted(net)
        tries = net.api.ask("network_state")["accepted"]
        clock.set(days)
        net.api.cut_streams("rst")
        told = await_told(net, "retrying", "certificate", words)
        assert _is_now(told["since"])
        new_device(net, f"late{days}")
        await_state(net, right, 0)
        assert said(net, words) == 1
        assert net.api.ask("network_state")["accepted"] - tries < TRIES
        after = net.api.last_request()
        clock.set(0)
        net.wait_state("watching")
        await_followed(net)
        assert _is_now(net.control()["since"])
        assert rates(net, after) <= REQUESTS_PER_S


def _restart_s(net: Controlled) -> float:
    """Kill the process that talks to the server: how long until there is another."""
    source = wait_until(daemon(net).source, "source")
    killed = time.monotonic()
    os.kill(source, signal.SIGKILL)
    wait_until(lambda: daemon(net).source() not in (None, source), "another source")
    return time.monotonic() - killed


def test_clock_is_set_and_source_dies(net: Controlled, clock: WallClock) -> None:
    """One that dies again and again has not lived long, whatever the clock says."""
    for _ in range(KILLS):
        _restart_s(net)
    for days in (1, -1):
        clock.set(days)
        assert _restart_s(net) >= RESTART_MAX_S
