# SPDX-License-Identifier: Apache-2.0
"""A relay whose server does not know it any more."""

import os
import signal
from collections.abc import Iterator

import pytest
from following import (await_followed, await_state, await_told, daemon, following, hurry_up,
                       new_device, restart, said, state, wait_some, wanted)

from lab.controlled import Controlled
from lab.owner import INTERFACE
from lab.steady import Steady
from lab.wait import wait_until

HURRY = 30


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
    after = net.api.last_request()
    wait_some(1.5)
    assert len(net.api.requests(after=after)) <= 2  # a minute, in a hurry, and then more
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


@pytest.mark.parametrize("status", [400, 404, 410, 500])
def test_exit_on_revoke_stays(net: Controlled, status: int) -> None:
    """For whatever is not said of us."""
    restart(net, "--exit-on-revoke")
    net.wait_state("watching", daemon(net))
    net.api.set_fault(path="/api/.*", status=status)
    net.api.cut_streams()
    await_told(net, "retrying", str(status))
    assert daemon(net).process.poll() is None
    net.api.clear_faults()
    hurry_up(net)
    net.wait_state("watching", daemon(net))


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
    assert daemon(net).process.wait(10) == 1
    assert not net.relay.has_interface(INTERFACE)
    assert not os.path.exists(net.commands.pins)
    restart(net)
    net.wait_state("watching", daemon(net))
    net.learn()


def test_vpc_is_gone(net: Controlled) -> None:
    """The last one: there is nothing to come back to."""
    await_followed(net, 5)
    right = wanted(net)
    net.api.delete_vpc()
    net.api.cut_streams()
    await_told(net, "revoked")
    for _ in range(3):
        hurry_up(net)
        await_told(net, "revoked", "VPC")
    assert state(net)["peers"].keys() == right.keys()
    await_state(net, right, 0)
