# SPDX-License-Identifier: Apache-2.0
"""A route to one peer that somebody gave an MTU of its own: relayed packets do not heed it, and
`check` says so."""

import json
from collections.abc import Iterator

import pytest

from lab.owner import INTERFACE, Owner
from lab.topology import Topology


@pytest.fixture
def net(owner: type[Owner]) -> Iterator[Topology]:
    """A relay that runs, and two spokes."""
    with Topology(owner()) as network:
        network.add("spoke1", relay_only=True, over=4)
        network.add("spoke2", relay_only=True, over=6)
        network.prepare()
        network.run()
        yield network


def _told(net: Topology) -> list[dict[str, str]]:
    found = json.loads(net.commands.call("check", "--interface", INTERFACE, "--json").stdout)
    return [line for line in found if line["check"] == "mtu" and "do not heed" in line["finding"]]


def _change(net: Topology, family: int, name: str, *mtu: str) -> str:
    """Of the route that is there. Return: where to."""
    to = f"{net[name].address(family)}/{ {4: 32, 6: 128}[family] }"
    ours = () if net.owner.adopted else ("metric", "1024", "proto", "110")
    net.relay.run("ip", f"-{family}", "route", "change", to, "dev", INTERFACE, *ours, "mtu", *mtu)
    return to


@pytest.mark.kernel
def test_a_routes_mtu_is_said_not_to_be_heeded(net: Topology, family: int) -> None:
    assert _told(net) == []
    to = _change(net, family, "spoke2", "1300")
    found = _told(net)
    assert len(found) == 1 and found[0]["status"] == "WARN", found
    assert all(word in found[0]["finding"] for word in ("1 routes", to, "1300")), found
    assert f"ip link set {INTERFACE} mtu 1300" in found[0]["remedy"]
    _change(net, family, "spoke1", "lock", "1290")
    assert "2 routes" in _told(net)[0]["finding"]
    # One that is no lower than the interface's own changes nothing.
    for name in ("spoke1", "spoke2"):
        _change(net, family, name, "1420")
    assert _told(net) == []
