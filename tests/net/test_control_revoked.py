# SPDX-License-Identifier: Apache-2.0
"""A relay whose server does not know it any more."""

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from following import (await_followed, await_state, await_told, daemon, following, hurry_up,
                       new_device, restart, said, state, wait_some, wanted)

from lab.controlled import Controlled
from lab.owner import INTERFACE
from lab.steady import Steady
from lab.wait import LIMIT_S, wait_until

HURRY = 30
MINUTE_S = 60 / HURRY


@pytest.fixture(scope="module")
def net() -> Iterator[Controlled]:
    with following(HURRY) as network:
        yield network


def _forget(net: Controlled, how: str) -> None:
    before = said(net, "warning")
    if how == "device":
        net.api.delete_device(net.device.public_key)
        await_told(net, "revoked", "gone from the VPC")
    else:
        net.api.ask("token_renew", device=net.device.public_key)
    net.api.cut_streams()
    await_told(net, "revoked", "not accepted")
    after, began = net.api.last_request(), time.monotonic()
    wait_some(1.5)
    most = 2 + (time.monotonic() - began - 1.5) / MINUTE_S  # and later and later
    assert len(net.api.requests(after=after)) <= most
    assert said(net, "warning") <= before + 2, "\n".join(daemon(net).messages())


@pytest.mark.parametrize("how", ["device", "token"])
def test_not_known_any_more(net: Controlled, how: str) -> None:
    """Said plainly, asked rarely, and everything stays. Started anew it registers anew."""
    right = wanted(net)
    with Steady(net) as steady:
        _forget(net, how)
        new_device(net, f"unheard-of-{how}")
        await_state(net, right, 0)
        restart(net)
        net.wait_state("watching", daemon(net))
        net.learn()
        await_followed(net)
        steady.check()


def _kill_source(net: Controlled) -> int:
    """As who is out of memory does; the number of the last request before."""
    source = wait_until(daemon(net).source, "source")
    after = net.api.last_request()
    os.kill(source, signal.SIGKILL)
    wait_until(lambda: daemon(net).source() not in (None, source), "another source")
    return after


@pytest.mark.parametrize("kept", ["kept", "lost"])
@pytest.mark.parametrize("how", ["device", "token"])
def test_source_dies_when_revoked(net: Controlled, how: str, kept: str) -> None:
    """The next one does not register either, even where what was kept has gone: only who starts the
    relay may have that."""
    _forget(net, how)
    if kept == "lost":
        os.unlink(net.saved("registration.json"))
    for _ in range(2):
        after = _kill_source(net)
        await_told(net, "revoked")
        wait_some(1)
        await_told(net, "revoked")
        assert net.api.requests("/api/reg-keys/me|/api/devices", after=after) == []
    restart(net)
    net.wait_state("watching", daemon(net))
    net.learn()


def test_revoked_while_there_is_no_source(net: Controlled) -> None:
    """It was let in: who comes next registers no more than the one who died."""
    net.api.ask("token_renew", device=net.device.public_key)
    after = _kill_source(net)
    await_told(net, "revoked", "not accepted")
    assert net.api.requests("/api/reg-keys/me|/api/devices", after=after) == []
    restart(net)
    net.wait_state("watching", daemon(net))
    net.learn()


EVENTS = "/api/events"
LIST = "/api/vpcs/[^/]+/devices"
HTML = {"generate": "html"}  # of something on the way: no api-server says so
ELSEWHERE: list[tuple[int, dict[str, Any]]] = [
    (400, {}), (404, {}), (410, {}), (500, {}), (403, {}), (401, HTML), (403, HTML), (404, HTML)]


@pytest.mark.parametrize(("status", "fault"), ELSEWHERE)
def test_exit_on_revoke_stays(net: Controlled, status: int, fault: dict[str, Any]) -> None:
    """For whatever is not said of us."""
    restart(net, "--exit-on-revoke")
    net.wait_state("watching", daemon(net))
    net.api.set_fault(path="/api/.*", status=status, **fault)
    net.api.cut_streams()
    await_told(net, "retrying", str(status))
    assert daemon(net).process.poll() is None
    net.api.clear_faults()
    hurry_up(net)
    net.wait_state("watching", daemon(net))


@pytest.mark.parametrize("whole", [False, True], ids=["without us", "empty"])
@pytest.mark.parametrize("polled", [False, True], ids=["stream", "polled"])
def test_exit_on_revoke_stays_without_us(net: Controlled, whole: bool, polled: bool) -> None:
    """A list is not what the server says of us: it is asked."""
    restart(net, "--exit-on-revoke")
    net.wait_state("watching", daemon(net))
    right = wanted(net)
    own = net.learn()["id"]
    if polled:
        net.api.set_fault(path=EVENTS, status=404, body="404 page not found")
    net.api.set_fault(path=LIST if polled else EVENTS, hide=["*"] if whole else [own])
    after = net.api.last_request()
    hurry_up(net)
    await_told(net, "retrying", "not in the list")
    net.api.wait_request(f"/api/devices/{own}", "GET", after)
    await_state(net, right)
    assert daemon(net).process.poll() is None
    net.api.clear_faults()
    hurry_up(net)
    await_told(net, "watching")


def test_exit_on_revoke_asks_again(net: Controlled) -> None:
    """Whether our device is still there is asked until there is an answer: the first one is none."""
    restart(net, "--exit-on-revoke")
    net.wait_state("watching", daemon(net))
    own = net.learn()["id"]
    number = net.api.set_fault(path=f"/api/devices/{own}", method="GET", status=502, **HTML)
    net.api.delete_device(net.device.public_key)
    wait_until(lambda: net.api.fault_hits(number) >= 2, "second question")
    assert daemon(net).process.poll() is None
    net.api.clear_faults()
    assert daemon(net).process.wait(LIMIT_S) == 1
    restart(net)
    net.wait_state("watching", daemon(net))
    net.learn()


@pytest.mark.parametrize(("status", "fault"), [(403, {}), (401, HTML), (403, HTML)])
def test_kept_when_something_else_denies(net: Controlled, status: int,
                                         fault: dict[str, Any]) -> None:
    """A start meets something on the way that lets nobody through: the device token is not thrown
    away for it, nothing registered again, and the list of before forwarded."""
    net.wait_state("watching", daemon(net))
    right = wanted(net)
    daemon(net).stop()
    with open(net.saved("registration.json"), encoding="ascii") as file:
        kept = json.load(file)
    net.api.set_fault(path="/api/.*", status=status, **fault)
    after = net.api.last_request()
    restart(net)
    await_told(net, "retrying", str(status))
    await_state(net, right)
    net.api.clear_faults()
    hurry_up(net)
    net.wait_state("watching", daemon(net))
    assert net.api.requests("/api/reg-keys/me", after=after) == []
    with open(net.saved("registration.json"), encoding="ascii") as file:
        assert json.load(file) == kept


@pytest.mark.parametrize("how", ["device", "token", "start"])
def test_exit_on_revoke(net: Controlled, how: str) -> None:
    """Everything is taken back, and nothing registered again."""
    restart(net, "--exit-on-revoke")
    net.wait_state("watching", daemon(net))
    net.learn()
    if how == "start":
        daemon(net).stop()
        net.api.ask("token_renew", device=net.device.public_key)
        restart(net, "--exit-on-revoke")
    elif how == "token":
        net.api.ask("token_renew", device=net.device.public_key)
        net.api.cut_streams()
    else:
        net.api.delete_device(net.device.public_key)
    assert daemon(net).process.wait(LIMIT_S) == 1
    assert not net.relay.has_interface(INTERFACE)
    assert not os.path.exists(net.commands.pins)
    restart(net)
    net.wait_state("watching", daemon(net))
    net.learn()


def test_vpc_is_gone(net: Controlled) -> None:
    """The last one: there is nothing to come back to."""
    await_followed(net)
    right = wanted(net)
    net.api.delete_vpc()
    net.api.cut_streams()
    await_told(net, "revoked")
    for _ in range(3):
        hurry_up(net)
        await_told(net, "revoked", "VPC")
    assert state(net)["peers"].keys() == right.keys()
    await_state(net, right, 0)
