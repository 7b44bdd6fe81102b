# SPDX-License-Identifier: Apache-2.0
"""The binary that was built here goes on working when the host's libraries are Debian 13's."""

import re
from collections.abc import Iterator

import pytest
from following import await_followed, daemon, following, new_device, wanted

from lab import newer_libraries
from lab import relay as relay_module
from lab.controlled import Controlled
from lab.traffic import ping
from lab.wait import wait_until

pytestmark = pytest.mark.skipif(bool(newer_libraries.unmet()), reason=newer_libraries.unmet())


@pytest.fixture(scope="module")
def net() -> Iterator[Controlled]:
    """Two spokes, and a relay that has registered itself with a key and follows.

    Both tunnels run over IPv6: that wireguard-go loses a packet of a burst when it has peers over
    IPv4 as well (findings/wireguard-go-sends-to-a-quarter-of-an-ipv6-address.sh)."""
    with newer_libraries.program(relay_module.BINARY) as program, \
            pytest.MonkeyPatch.context() as patch:
        patch.setattr(relay_module, "BINARY", program)
        with following(1, over=(6, 6)) as network:
            yield network


def _libraries(pid: int) -> set[str]:
    """Shared libraries that a process has loaded."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
        return set(re.findall(r"/\S+\.so[.\d]*$", file.read(), re.MULTILINE))


def test_every_library_is_the_newer_one(net: Controlled) -> None:
    source = wait_until(daemon(net).source, "source")
    for pid in (daemon(net).pid, source):
        loaded = _libraries(pid)
        assert loaded
        assert all(path.startswith(f"{newer_libraries.ROOT}/usr/") for path in loaded), loaded
    assert any("libcurl" in path for path in _libraries(source))


def test_relay_is_registered(net: Controlled) -> None:
    devices = net.api.devices().values()
    assert net.device.public_key in {device["public_key"] for device in devices}


def test_spokes_reach_each_other(net: Controlled, family: int) -> None:
    before = net.commands.packets("forwarded", family)
    for one, other in (("spoke1", "spoke2"), ("spoke2", "spoke1")):
        done = ping(net[one].node, net[other].address(family), count=3)
        assert done.received == 3
    assert net.commands.packets("forwarded", family) >= before + 12


def test_devices_come_and_go(net: Controlled) -> None:
    new = new_device(net, "web")
    await_followed(net)
    assert new["public_key"] in wanted(net)
    net.api.delete_device("web")
    await_followed(net)
    assert new["public_key"] not in wanted(net)


def test_one_helper_is_enough(net: Controlled) -> None:
    """What went before has killed none."""
    assert not [line for line in daemon(net).messages() if "starting another" in line]
    assert net.api.violations() == []
