# SPDX-License-Identifier: Apache-2.0
"""The unprivileged process dies: log and `status` say how, and when another is started; once all is
well again they say nothing of it."""

import os
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from following import following

from lab.controlled import Controlled
from lab.relay import Daemon
from lab.wait import wait_until

TIMES = 5  # in a row; by then it is a second or more until the next one is started
LINE = re.compile(r"the helper process was killed by SIG(\w+).*; starting another in [\d.]+ s")


@pytest.fixture(scope="module")
def net() -> Iterator[Controlled]:
    with following(1) as network:
        yield network


def _die(net: Controlled, daemon: Daemon, number: int) -> dict[str, Any]:
    """Kill it; what `status` says before there is another."""
    source = wait_until(daemon.source, "helper process")
    os.kill(source, number)

    def told() -> dict[str, Any] | None:
        written = net.commands.written_status()  # once it is of this one, and not of one before
        helper = written["helper"] or {}
        return written if signal.Signals(number).name in helper.get("error", "") else None
    return wait_until(told, "status of its end")


def _said(daemon: Daemon) -> list[str]:
    return [found[1] for found in map(LINE.search, daemon.new_messages()) if found]


def test_status_says_how_it_died(net: Controlled) -> None:
    daemon = net.commands.daemons[-1]
    for _ in range(TIMES):
        source = wait_until(daemon.source, "helper process")
        os.kill(source, signal.SIGKILL)
        wait_until(lambda last=source: daemon.source() != last, "its end")
    for number in (signal.SIGSEGV, signal.SIGSYS):
        daemon.new_messages()
        written = _die(net, daemon, number)
        assert written["helper"]["error"] == f"was killed by {number.name}"
        assert written["helper"]["error"] in written["control"]["message"]
        assert written["control"]["since"] == written["helper"]["since"]
        assert written["helper"]["retry_at"] > written["helper"]["since"]
        text = net.commands.call("status").stdout
        assert number.name in text and "starting another at" in text
        net.wait_state("watching")
        assert net.commands.written_status()["helper"] is None
        assert _said(daemon) == [number.name[3:]]


def test_server_was_heard(net: Controlled) -> None:
    """When: not before it stands so, and not in the future."""
    net.wait_state("watching")
    control = net.control()
    assert control["heard_at"] >= control["since"][:-4]
    assert f"server last heard at {control['heard_at']}" in net.commands.call("status").stdout
