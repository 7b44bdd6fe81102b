# SPDX-License-Identifier: Apache-2.0
"""Devices whose record makes no sense have no peer. That is told once, by stream as by list, and
counted for as long as they are there."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from following import (await_followed, await_state, await_told, daemon, event, flowing, hurry_up,
                       inject, new_device, undisturbed, wanted)

from lab.controlled import Controlled
from lab.steady import Steady
from lab.wait import wait_until

EVENTS = "/api/events"
LIST = "/api/vpcs/[^/]+/devices"
HURRY = 200  # a list every 75 ms, and the stream is tried after 1.5 s
ODD = {"allowed_ips": ["garbage"]}

Tell = Callable[[list[dict[str, Any]]], None]


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Controlled, Steady]]:
    with flowing(HURRY) as both:
        yield both


@pytest.fixture
def net(network: tuple[Controlled, Steady]) -> Iterator[Controlled]:
    with undisturbed(network) as running:
        yield running


def _tell_by_stream(net: Controlled) -> Tell:
    def tell(odd: list[dict[str, Any]]) -> None:
        for device in odd:
            inject(net, record=event(device))
    return tell


def _tell_by_list(net: Controlled) -> Tell:
    """There is no stream; these records are in the list in place of those of the same id."""
    net.api.set_fault(path=EVENTS, status=404, body="404 page not found")
    hurry_up(net)
    await_told(net, "watching", "asking every 15 s")
    numbers: list[int] = []

    def tell(odd: list[dict[str, Any]]) -> None:
        devices = {device["id"]: device for device in [*net.api.devices().values(), *odd]}
        for number in numbers:
            net.api.ask("fault_clear", number=number)
        numbers[:] = [net.api.set_fault(path=LIST, status=200,
                                        body=json.dumps(list(devices.values())),
                                        content_type="application/json")]
    return tell


@pytest.fixture(params=[_tell_by_stream, _tell_by_list], ids=["stream", "list"])
def tell(net: Controlled, request: pytest.FixtureRequest) -> Tell:
    """Have the server say this of devices."""
    return request.param(net)


def _await_skipped(net: Controlled, count: int) -> None:
    wait_until(lambda: net.commands.written_status()["list"]["skipped"] == count,
               lambda: f"{count} skipped: {net.commands.written_status()['list']}")


def _warnings(net: Controlled) -> list[str]:
    return [line for line in daemon(net).new_messages() if "skipping it" in line]


def test_becomes_odd_and_is_mended(net: Controlled, tell: Tell) -> None:
    """It loses its peer, with a word of it; and one of a CIDR only its CIDR."""
    web = new_device(net, "web")
    await_followed(net)
    right = wanted(net)
    del right[web["public_key"]]
    tell([web | ODD])
    await_state(net, right)
    _await_skipped(net, 1)
    warnings = _warnings(net)
    assert len(warnings) == 1 and "device 'web': " in warnings[0]
    tell([web | {"advertise_cidrs": ["10.77.0.0/16", "garbage"]}])
    await_state(net, right | {web["public_key"]: wanted(net)[web["public_key"]] |
                              {"10.77.0.0/16"}})
    _await_skipped(net, 1)
    warnings = _warnings(net)
    assert len(warnings) == 1 and "'garbage'" in warnings[0]
    tell([web])
    await_followed(net)
    _await_skipped(net, 0)
    assert not _warnings(net)


def test_odd_from_the_start_is_deleted(net: Controlled, tell: Tell) -> None:
    """Nothing else has changed: the count is right nevertheless."""
    new_device(net, "web")
    await_followed(net)
    strangers = [new_device(net, f"odd{number}") for number in range(2)]
    for stranger in strangers:
        net.api.delete_device(stranger["id"])
    await_followed(net)
    tell([stranger | ODD for stranger in strangers])
    _await_skipped(net, 2)
    await_followed(net)
    for stranger in strangers if not net.api.ask("faults") else ():  # there is a stream
        inject(net, record=event(stranger, "delete"))
    tell([])
    _await_skipped(net, 0)
    assert len(_warnings(net)) == 2


def test_told_once(net: Controlled) -> None:
    """Neither the next list nor the next try of the stream makes it news."""
    web = new_device(net, "web")
    await_followed(net)
    _tell_by_list(net)([web | ODD])
    _await_skipped(net, 1)
    after = net.api.last_request()
    wait_until(lambda: len(net.api.requests(EVENTS, after=after)) >= 3, "tries of the stream")
    lists = len(net.api.requests(LIST, after=after))
    wait_until(lambda: len(net.api.requests(LIST, after=after)) > lists + 3, "more lists")
    messages = daemon(net).new_messages()
    assert sum("device 'web': " in line for line in messages) == 1
    assert any(" 1 skipped" in line for line in messages)
