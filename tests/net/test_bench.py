# SPDX-License-Identifier: Apache-2.0
"""A measurement that cannot be made ends, and says why: no number comes of waiting."""

import os
import subprocess

import pytest
from conftest import ROOT

from lab import world
from lab.followed import Followed, Stuck
from lab.wait import LIMIT_S

CONTROL = os.path.join(ROOT, "tools", "bench", "control")


def _control(*options: str, **more: str) -> subprocess.CompletedProcess[str]:
    """In a world of its own, as outside of tests."""
    environment = {name: value for name, value in os.environ.items() if name != world.MARK} | more
    return subprocess.run([CONTROL, *options], capture_output=True, text=True, timeout=LIMIT_S,
                          check=False, env=environment)


def test_more_devices_than_there_is_room_for() -> None:
    """The relay would refuse the list."""
    done = _control("--devices", "100000")
    assert done.returncode == 2 and done.stdout == ""
    assert "--devices" in done.stderr and "65536" in done.stderr and "wireguard-go" in done.stderr


def test_no_relay() -> None:
    done = _control("--devices", "2", NEX_RELAY_BINARY="/bin/false")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("control: ") and "Traceback" not in done.stderr


def test_list_is_refused() -> None:
    """As when it is too long: nothing that would be waited for comes, and the relay has said so."""
    with Followed(2) as net:
        net.relay.run("ip", "link", "add", "other", "type", "veth", "peer", "name", "end")
        net.relay.run("ip", "address", "add", "100.64.0.1/10", "dev", "other")
        net.relay.run("ip", "link", "set", "other", "up")
        try:
            with pytest.raises(Stuck, match="(?s)refused.*another range.*warning: .*another range"):
                net.first_sync()
        finally:
            net.relay.run("ip", "link", "delete", "other")


def test_what_never_comes() -> None:
    """The relay's messages are told, and that it has ended."""
    with Followed(2) as net:
        net.count += 1
        with pytest.raises(TimeoutError, match="(?s)all devices.*following the VPC's devices"):
            net.first_sync(seconds=3)
        net.daemon.kill()
        with pytest.raises(Stuck, match="(?s)ended.*following the VPC's devices"):
            net.changes(1)
