# SPDX-License-Identifier: Apache-2.0
"""The relay is killed between any two steps of its registration, and started again: there is one
device, one metadata of it, and it relays."""

import os
import signal
from collections.abc import Iterator

import pytest
from registering import REGISTRATION, STREAM, Registering, lab_of_module, net

from lab.relay import Daemon
from lab.wait import wait_until

__all__ = ["lab_of_module", "net"]  # fixtures

# What is asked, in order; a key with a group, so that all of them come.
STEPS = [("GET", "/api/reg-keys/me"), ("GET", "/api/vpcs/[^/]+"), ("GET", "/api/vpcs/.*/devices"),
         ("POST", "/api/devices"), ("PATCH", "/api/devices/[^/]+"),
         ("PUT", "/api/devices/.*/metadata/relay"), ("POST", "/api/events")]
CHANGES = ("POST", "PATCH", "PUT")


def places() -> Iterator[tuple[str, str, bool]]:
    """Before a request is carried out; and after it, when it changes something."""
    for method, path in STEPS:
        yield method, path, False
        if method in CHANGES and path != "/api/events":
            yield method, path, True


def hold(net: Registering, method: str, path: str, done: bool) -> None:
    """Let this request come, be carried out or not, and have no answer."""
    what = {"stall_head_after": 0} if done else {"hang": True}
    net.api.set_fault(path=path, method=method, count=1, **what)


def check_registered(net: Registering, daemon: Daemon) -> None:
    """It is the only relay, and follows the VPC as that device."""
    net.wait_message("following the VPC's devices", "watching", daemon)
    record = net.record()
    relays = [device["id"] for device in net.api.ask("devices") if device["relay"]]
    assert relays == [record["id"]]
    wait_until(lambda: os.path.exists(REGISTRATION) and
               net.registration()["device_id"] == record["id"], "registration.json")
    shown = net.api.ask("metadata", device=record["id"])
    assert shown == {"relay": {"type": "wireguard"}}
    assert record["security_group_id"] == net.reg_key["security_group_id"]
    wait_until(lambda: net.commands.is_loaded(daemon), "list that is loaded")


@pytest.mark.parametrize("victim", ["node", "source"])
def test_killed_between_steps(net: Registering, victim: str) -> None:
    group = net.api.ask("group_add")["id"]
    for method, path, done in places():
        net.empty()
        net.reg_key = net.api.make_reg_key(security_group_id=group)
        hold(net, method, path, done)
        daemon = net.begin("--verbose", *net.credentials())
        wait_until(lambda: any(fault.get("hits") for fault in net.api.ask("faults")),
                   lambda: f"{method} {path}: {net.calls()}")
        if done:  # carried out, but the answer is not here
            wait_until(lambda: net.api.requests(path, method)[-1]["status"], "answer")
        assert not os.path.exists(REGISTRATION) or path == "/api/events"
        if victim == "node":
            daemon.kill()
            daemon = net.begin("--verbose", *net.credentials())
        else:
            os.kill(wait_until(daemon.source, "source"), signal.SIGKILL)
        check_registered(net, daemon)
        assert STREAM in net.calls()


def test_killed_while_it_keeps(net: Registering) -> None:
    """A file that was half written is not there; what is there is whole, and a rest of it is no
    trouble."""
    daemon = net.registers()
    daemon.kill()
    with open(f"{REGISTRATION}.new", "w", encoding="ascii") as file:
        file.write('{"version": 1, "api"')
    os.unlink(REGISTRATION)
    net.registers()
    wait_until(lambda: os.path.exists(REGISTRATION), "registration.json")
    assert not os.path.exists(f"{REGISTRATION}.new")
    assert net.registration()["device_id"] == net.record()["id"]
