# SPDX-License-Identifier: Apache-2.0
"""Under a unit that bounds capabilities the helper stays root: it owns what the relay keeps, and
sees none of it; and it follows the server all the same."""

import os
import resource
from collections.abc import Iterator

import pytest
from registering import REGISTRATION, Registering, lab_of_module, net

from lab.relay import Daemon
from lab.wait import wait_until

__all__ = ["lab_of_module", "net"]  # fixtures
BOUNDED = ["setpriv", "--bounding-set", "-setuid,-setgid", "--inh-caps", "-setuid,-setgid", "--"]


@pytest.fixture
def bounded(net: Registering) -> Iterator[Daemon]:
    unbounded = net.commands.run_argv
    net.commands.run_argv = lambda *options: [  # type: ignore[method-assign]
        *BOUNDED, *unbounded(*options)]
    try:
        yield net.registers()
    finally:
        net.commands.run_argv = unbounded  # type: ignore[method-assign]


def _uid(pid: int) -> int:
    return os.stat(f"/proc/{pid}").st_uid


def test_files_of_etc_are_replaced(net: Registering, bounded: Daemon) -> None:
    """As DHCP clients do it: the helper cannot see the new one, says so, and another takes over."""
    helper = wait_until(bounded.source, "helper process")
    assert _uid(helper) == 0 and os.path.exists(REGISTRATION)
    net.resolv_conf(net.api.resolv_conf())
    net.api.cut_streams()
    wait_until(lambda: bounded.source() not in (None, helper), "another helper process")
    net.wait_message("the helper process has ended because a file of /etc was replaced", "watching",
                     bounded)


def test_stacks_larger_than_the_memory(net: Registering) -> None:
    """As a unit's LimitSTACK= may have it: names are resolved all the same, which takes a thread."""
    before = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (4 << 30, before[1]))
    try:
        net.registers()
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, before)
