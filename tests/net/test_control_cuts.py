# SPDX-License-Identifier: Apache-2.0
"""A relay whose hour lasts 3.6 s: what it does once in a while, after a long gap, and when its
stream is cut after any byte of many events.

NEX_CUTS=all cuts after every byte, otherwise after every 97th; test_watch_stream.c has every byte.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from following import (await_followed, await_state, await_told, begin_anew, event, flowing,
                       hurry_up, inject_until, new_device, undisturbed, wait_some, wanted)

from lab.controlled import Controlled
from lab.steady import Steady
from lab.wait import LIMIT_S, wait_until

EVENTS = "/api/events"
STEP = 1 if os.environ.get("NEX_CUTS") == "all" else 97
BATCH = 500  # cuts that the stand-in is told of at once
END = 1000  # bytes that may be more or less another time, the tails among them
HURRY = 1000


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Controlled, Steady]]:
    with flowing(HURRY) as both:
        yield both


@pytest.fixture
def net(network: tuple[Controlled, Steady]) -> Iterator[Controlled]:
    with undisturbed(network) as running:
        yield running


@contextmanager
def _deleted_routes(net: Controlled) -> Iterator[Callable[[], list[str]]]:
    """What ip(8) says of the relay host's routes that have gone since the block was entered."""
    with tempfile.NamedTemporaryFile("r", dir="/run/lab", encoding="utf-8") as said:
        with open(said.name, "wb") as out:
            monitor = net.relay.start(["stdbuf", "-oL", "ip", "-4", "monitor", "route"], stdout=out)

        def deleted() -> list[str]:
            said.seek(0)
            return [line for line in said if line.startswith("Deleted")]

        def listens() -> list[str]:
            for verb in ("add", "delete"):
                net.relay.run("ip", "route", verb, "unreachable", "192.0.2.254/32")
            return deleted()
        try:
            wait_until(listens, "ip that listens", poll_s=0.1)
            yield deleted
        finally:
            monitor.terminate()
            monitor.wait(LIMIT_S)


def test_whole_list_every_hour(net: Controlled) -> None:
    """A transaction that commits late is not in the stream: here a deletion that was not told, and
    one that the server itself has never heard of."""
    device = new_device(net, "web")
    await_followed(net)
    route = device["ipv4_tunnel_ips"][0]["address"]
    with _deleted_routes(net) as deleted:  # which may be for a moment only
        inject_until(net, lambda: any(route in line for line in deleted()),
                     record=event(device, "delete"))
    await_followed(net)


def test_long_gap(net: Controlled) -> None:
    """Deletions may have been forgotten meanwhile: everything is asked for anew."""
    gone = new_device(net, "gone")
    await_followed(net)
    right = wanted(net)
    net.api.network("refuse", drop=True)
    await_told(net, "retrying", "refused")
    net.api.delete_device(gone["id"])
    net.api.ask("purge")
    wait_some(4)  # of which the relay thinks that it is an hour
    await_state(net, right, 0)
    after = net.api.last_request()
    net.api.network("ok")
    request = net.api.wait_request(EVENTS, after=after)
    assert not any(item.get("gt_revision") for item in request["body"])
    await_followed(net)


def _cut_after(net: Controlled, bytes_of: range) -> None:
    """Each connection is cut a step later than the one before, until all have been."""
    hows = ("rst", "fin", "close")
    for at in bytes_of:
        net.api.set_fault(path=EVENTS, cut_after=at, how=hows[at // STEP % 3], count=1)


def _await_cuts(net: Controlled, anew: bool = False) -> None:
    """anew: it may begin anew, and so has not to wait when it says that it is never whole."""
    def left() -> int:
        if anew and net.control().get("state") == "retrying":
            hurry_up(net)
        return sum(not fault["hits"] for fault in net.api.ask("faults"))
    while many := left():
        wait_until(lambda many=many: left() < many, "another cut", poll_s=0.1)
    net.api.clear_faults()


def _cut_first_state(net: Controlled, bytes_of: range) -> None:
    net.api.network("refuse")  # or what goes on yet would be cut
    begin_anew(net)
    net.api.ask("requests_clear")
    _cut_after(net, bytes_of)
    net.api.network("ok")
    _await_cuts(net, anew=True)
    cut = [request for request in net.api.requests(EVENTS) if request["fault"]]
    assert len(cut) == len(bytes_of)
    assert not any(item.get("gt_revision") for request in cut for item in request["body"])


def test_cut_after_any_byte(net: Controlled) -> None:
    """Of the first state, which then begins anew; and of what follows, which then goes on."""
    net.api.add_many(48)
    await_followed(net)
    right, after = wanted(net), net.api.last_request()
    hurry_up(net)
    net.api.wait_request(EVENTS, after=after)
    whole = net.api.wait_idle_stream()
    net.api.cut_streams("fin")
    size = wait_until(lambda: max(request["sent"] for request in
                                  net.api.requests(EVENTS, after=after)), "size")
    assert whole["events"] > 50 and size > 30000
    for begin in range(7, size - END, BATCH * STEP):
        _cut_first_state(net, range(begin, min(begin + BATCH * STEP, size - END), STEP))
        await_state(net, right, 0)

    net.api.wait_idle_stream()
    _cut_after(net, range(7, size // 20, STEP))
    net.api.cut_streams("rst")
    net.api.ask("bulk_delete", count=48)
    _await_cuts(net)
    await_followed(net)
