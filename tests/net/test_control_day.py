# SPDX-License-Identifier: Apache-2.0
"""A day without the api-server, which lasts 86 s for a relay in a hurry: it forwards what it knew,
asks now and then and not more often, and has what has become of the VPC soon after.

What it waits for after a failed call is not hurried; what it does by the clock is: it would look
for its own address every 20 ms, and for the whole list every 3.6 s.
"""

from collections.abc import Iterator
from itertools import count

import pytest
from following import (await_followed, await_told, daemon, flowing, new_device, rates,
                       state_of, state, undisturbed, wait_some, wanted)

from lab.controlled import Controlled
from lab.steady import Steady
from lab.wait import wait_until

EVENTS = "/api/events"
HURRY = 1000
HOUR_S = 3600 / HURRY
DEVICES = 60
REQUESTS_PER_HOUR = 20
LINES = 20
MAPPED = "203.0.113.77:51820"  # what STUN servers see from then on


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Controlled, Steady]]:
    with flowing(HURRY) as both:
        yield both


@pytest.fixture
def net(network: tuple[Controlled, Steady]) -> Iterator[Controlled]:
    with undisturbed(network) as running:
        yield running


def _change(net: Controlled, hour: int, numbers: Iterator[int]) -> None:
    """Devices come, go, move, get other keys and networks; what is gone is forgotten at noon."""
    net.api.ask("bulk_delete", count=2)
    net.api.add_many(3)
    for number in (next(numbers), next(numbers)):
        new_device(net, f"web{number}", advertise_cidrs=[f"10.{number + 1}.0.0/16"])
        if number > 6:
            net.api.delete_device(f"web{number - 6}")
            net.api.update_device(f"web{number - 2}", advertise_cidrs=[f"fd00:{number}::/48"])
    if hour == 12:
        net.api.ask("purge")


def _break(net: Controlled, hour: int) -> None:
    """The api-server fails, then it is not there, then it has no name, then it fails again."""
    if hour == 0:
        net.api.set_fault(path="/api/.*", status=503)
        net.api.cut_streams("rst")
        net.api.ask("stun", mapped=MAPPED)
    elif hour == 8:
        net.api.network("refuse", drop=True)
    elif hour == 12:
        net.api.ask("dns", mode="servfail")
    elif hour == 16:
        net.api.ask("dns", mode="ok")
        net.api.network("ok")


def test_day_without_the_server(net: Controlled) -> None:
    net.api.add_many(DEVICES)
    await_followed(net)
    right, numbers = wanted(net), count()
    before = net.api.last_request()
    daemon(net).new_messages()
    for hour in range(24):
        _break(net, hour)
        _change(net, hour, numbers)
        wait_some(HOUR_S)
        assert state(net) == state_of(right), hour
    await_told(net, "retrying")
    assert rates(net, before, window_s=HOUR_S) <= REQUESTS_PER_HOUR
    lines = daemon(net).new_messages()
    assert len(lines) <= LINES, lines

    after = net.api.last_request()
    net.api.ask("fault_clear")
    request = net.api.wait_request(EVENTS, after=after)
    assert not any(item.get("gt_revision") for item in request["body"])
    await_followed(net)
    wait_until(lambda: any(item["address"] == MAPPED for item in net.learn()["endpoints"]),
               lambda: f"{MAPPED} in {net.learn()['endpoints']}")
