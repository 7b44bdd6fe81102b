# SPDX-License-Identifier: Apache-2.0
"""An api-server, and a name server, that have addresses of one family only."""

from collections.abc import Iterator

import pytest
from following import await_followed, following, new_device

from lab.controlled import Controlled
from lab.traffic import ping


class OverIpv4(Controlled):
    """By IPv4 alone."""

    def server_addresses(self) -> list[str]:
        return [self.way.address(4)]


class OverIpv6(Controlled):
    """By IPv6 alone."""

    def server_addresses(self) -> list[str]:
        return [self.way.address(6)]


@pytest.fixture(scope="module", params=[OverIpv4, OverIpv6], ids=["ipv4", "ipv6"])
def net(request: pytest.FixtureRequest) -> Iterator[Controlled]:
    """A relay that has registered and follows."""
    with following(1, request.param) as network:
        yield network


def test_follows(net: Controlled) -> None:
    """A device comes and goes, and a cut stream goes on."""
    device = new_device(net, "web")
    await_followed(net)
    net.api.cut_streams("rst")
    net.api.delete_device(device["id"])
    await_followed(net)
    assert net.api.violations() == []


def test_relays_both_families(net: Controlled) -> None:
    for family in (4, 6):
        assert ping(net["spoke1"].node, net["spoke2"].address(family)).complete


def test_publishes_endpoints(net: Controlled) -> None:
    """At least two, the local one first, also where no STUN server can be asked."""
    endpoints = net.learn()["endpoints"]
    assert len(endpoints) >= 2 and endpoints[0]["source"] == "local"
    assert not any("invalid" in item["address"] for item in endpoints)
