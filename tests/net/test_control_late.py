# SPDX-License-Identifier: Apache-2.0
"""The server draws a revision before it commits, and a watch that has sent a higher one by then never
comes to it. The relay looks again: within a minute it has what the server's list has."""

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from api_client import Client
from api_fixtures import new_public_key
from following import (await_followed, flowing, new_device, state, undisturbed, wait_some,
                       wanted)

from lab.controlled import Controlled
from lab.steady import Steady
from lab.wait import wait_until

EVENTS = "/api/events"
LIST = "/api/vpcs/[^/]+/devices"
HURRY = 30
LOOK_S = 30 / HURRY  # at least, between two looks
COMMIT_S = 0.9 * LOOK_S
QUIET_S = 120 / HURRY  # a stream that is silent is opened anew
CIDRS = ["10.77.0.0/16", "fd00:77::/48"]


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Controlled, Steady]]:
    with flowing(HURRY) as both:
        yield both


@pytest.fixture
def net(network: tuple[Controlled, Steady]) -> Iterator[Controlled]:
    before = network[0].api.set()
    with undisturbed(network) as running:
        yield running
        running.api.set(**before)


def _sequence(net: Controlled) -> int:
    """The newest revision that was drawn."""
    return int(net.api.ask("bulk_add", count=0)["revision"])


def _overtaken(net: Controlled, command: str, **values: Any) -> None:
    """A command that is committed after a later one was followed."""
    before = _sequence(net)
    with ThreadPoolExecutor(1) as pool:
        late: Future[Any] = pool.submit(net.api.ask, command, commit_s=60, **values)
        wait_until(lambda: _sequence(net) > before, "revision of the late one")
        first = new_device(net, f"first {os.urandom(2).hex()}")
        wait_until(lambda: first["public_key"] in state(net)["peers"], "first one")
        assert not late.done()
        net.api.ask("commit")
        late.result(10)


def test_addition(net: Controlled) -> None:
    _overtaken(net, "device_add", public_key=new_public_key(), hostname="late",
               advertise_cidrs=CIDRS)
    await_followed(net)


def test_change(net: Controlled) -> None:
    new_device(net, "late")
    await_followed(net)
    _overtaken(net, "device_update", device="late", addresses=["100.64.9.9", "200::9:9"],
               advertise_cidrs=CIDRS)
    await_followed(net)


def test_deletion(net: Controlled) -> None:
    """A device that is gone is not relayed for ever."""
    late = new_device(net, "late", advertise_cidrs=CIDRS)
    await_followed(net)
    _overtaken(net, "device_delete", device="late")
    await_followed(net)
    assert late["public_key"] not in state(net)["peers"]


def test_deletion_with_the_stream_cut(net: Controlled) -> None:
    """As the server and its proxy do all the time: to resume is no look."""
    net.api.set(write_deadline_s=0.3, route_timeout_s=0.5)
    new_device(net, "late")
    await_followed(net)
    _overtaken(net, "device_delete", device="late")
    await_followed(net)


class Writer:
    """Somebody who registers devices, changes some of them and deletes others."""

    def __init__(self, net: Controlled, number: int) -> None:
        self._user = Client(net.api, net.api.ask("access_token"))
        self._vpc, self._number = net.api.info["vpc"], number

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        reply = self._user(method, path, body)
        assert reply.status < 300, reply.body
        return reply.json()

    def work(self) -> None:
        """For some seconds."""
        for at in range(6):
            name = f"web-{self._number}-{at}"
            device = self._ask("POST", "/api/devices", {
                "vpc_id": self._vpc, "public_key": new_public_key(), "hostname": name})
            path = f"/api/devices/{device['id']}"
            if at % 3:
                self._ask("PATCH", path, {"advertise_cidrs": [
                    f"10.77.{self._number * 6 + at}.0/24",
                    f"fd00:77:{self._number:x}:{at:x}::/64"]})
            if at % 2:
                self._ask("DELETE", path)


def test_writers_side_by_side(net: Controlled) -> None:
    """No difference is left a minute later, at a bounded number of requests; and none are made when
    all has been quiet for a while."""
    net.api.set(commit_s=COMMIT_S, write_deadline_s=None, route_timeout_s=None)
    after, began = net.api.last_request(), time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(Writer(net, number).work) for number in range(8)]:
            done.result(120)
    await_followed(net)
    assert len(wanted(net)) > 8 * 3
    taken = time.monotonic() - began
    asked = net.api.requests(EVENTS, after=after)
    assert len(asked) <= taken / LOOK_S + taken / QUIET_S + 2
    assert not net.api.requests(LIST, after=after)
    wait_some(2 * LOOK_S * 4 / 3)  # what is due
    after = net.api.last_request()
    wait_some(0.9 * QUIET_S)
    assert len(net.api.requests(after=after)) <= 2
