# SPDX-License-Identifier: Apache-2.0
"""Somebody gives the relay another private key while it runs. A run keeps the identity that it
began with; the next one takes the new key."""

import os

import pytest
from own_interface import is_applied, net

from lab import wgshow
from lab.owner import INTERFACE, STATE
from lab.topology import Topology
from lab.traffic import ping
from lab.wait import wait_until
from lab.wireguard import Key, make_key

__all__ = ["net"]  # a fixture
PATH = f"{STATE}/private.key"


def _write(key: Key) -> None:
    with open(PATH, "w", encoding="ascii") as file:
        file.write(key.private + "\n")


def _said(net: Topology, *words: str) -> int:
    return sum(all(word in line for word in words) for line in net.commands.daemons[-1].messages())


def _state_error(net: Topology) -> str | None:
    return net.commands.status()["state"]["error"]


def _looks(net: Topology) -> None:
    """The relay has read WireGuard once more: a port that is not ours is put back."""
    net.relay.run("wg", "set", INTERFACE, "listen-port", "40404")
    wait_until(lambda: net.relay.run("wg", "show", INTERFACE, "listen-port").strip() == "51820",
               "our port")


@pytest.mark.kernel
def test_file_and_interface(net: Topology) -> None:
    """What cannot be put back is left, and nobody is told that it was put back."""
    net.run()
    new = make_key()
    _write(new)
    net.relay.run("wg", "set", INTERFACE, "private-key", PATH)
    told = wait_until(lambda: _state_error(net), "error in status")
    assert "another key" in told and INTERFACE in told and "restart" in told
    assert told in net.commands.call("status", "--interface", INTERFACE).stdout
    for _ in range(3):
        _looks(net)
        assert is_applied(net)
    assert wgshow.public_key(net.relay, INTERFACE) == new.public
    assert net.commands.status()["tunnel"]["error"] is None
    assert _said(net, "another key") == 1, net.commands.daemons[-1].messages()
    # Only the port was, and within one second that is one change.
    assert 1 <= _said(net, "putting that back") <= 3
    # The rest is looked after as before.
    net.relay.run("ip", "route", "del", "100.64.0.2/32")
    wait_until(lambda: "100.64.0.2/32" in wgshow.routes(net.relay, INTERFACE), "our route")
    # The next run takes it.
    net.commands.daemons[-1].stop()
    net.device.public_key = new.public
    net.publish()
    net.run()
    assert wgshow.public_key(net.relay, INTERFACE) == new.public
    assert _state_error(net) is None and is_applied(net)


def test_only_the_key_is_said(net: Topology) -> None:
    """Nothing was put back, and nothing is said of that."""
    net.run()
    _write(make_key())
    net.relay.run("wg", "set", INTERFACE, "private-key", PATH)
    wait_until(lambda: _state_error(net), "error in status")
    assert _said(net, "putting that back") == 0, net.commands.daemons[-1].messages()


@pytest.mark.kernel
def test_the_old_one_comes_back(net: Topology) -> None:
    """Into the file: then it is put back on the interface, too, and all is well."""
    net.run()
    _write(make_key())
    net.relay.run("wg", "set", INTERFACE, "private-key", PATH)
    wait_until(lambda: _state_error(net), "error in status")
    _write(net.key)
    _looks(net)
    wait_until(lambda: wgshow.public_key(net.relay, INTERFACE) == net.key.public, "our key")
    wait_until(lambda: is_applied(net), "peers")
    wait_until(lambda: _state_error(net) is None, "no error in status")
    net.connect()
    for family in (4, 6):
        answer = ping(net["spoke1"].node, net["spoke2"].address(family))
        assert answer.complete, answer.output


def test_the_file_alone(net: Topology) -> None:
    """Forwarding goes on with the old one, which the interface still has."""
    net.run()
    _write(make_key())
    told = wait_until(lambda: _state_error(net), "error in status")
    assert "another key" in told and INTERFACE not in told
    assert wgshow.public_key(net.relay, INTERFACE) == net.key.public
    assert is_applied(net) and _said(net, "putting that back") == 0


def test_the_interface_is_removed(net: Topology) -> None:
    """It is not made with another identity."""
    net.run()
    _write(make_key())
    net.relay.run("ip", "link", "delete", INTERFACE)
    wait_until(lambda: _said(net, "private.key", "another key"), "message")
    assert not net.relay.has_interface(INTERFACE)
    os.unlink(PATH)
    net.owner.prepare(net.relay, net.device, net.key, 1420)
    wait_until(lambda: net.relay.has_interface(INTERFACE), "wg0")
    wait_until(lambda: is_applied(net), "peers")
    assert wgshow.public_key(net.relay, INTERFACE) == net.key.public
