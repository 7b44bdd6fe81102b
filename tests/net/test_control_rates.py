# SPDX-License-Identifier: Apache-2.0
"""How often the relay asks a server that does not do as it should, and how much it says: the real
times, nothing is in a hurry here.

On a busy machine everything may be late, so that nothing is too late; but the relay counts from an
answer that it has got, so that nothing is too early, and in so much time there is no more than so
much.
"""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest
from following import (await_followed, await_state, await_told, begin_anew, daemon, event, flowing,
                       hurry_up, inject_until, new_device, news, nothing_more, restart, said, state,
                       state_of, undisturbed, wait_some, wanted)

from lab.controlled import Controlled
from lab.steady import Steady
from lab.wait import LIMIT_S, wait_until

EVENTS = "/api/events"
AT_ONCE = 8  # resumed without a pause in 10 s
FIRST_S = 0.8  # of the back-off, and half of that at least
RETRY_AFTER_S = 10
UNDER_WAY_S = 2  # of a request: sent before the answer to another came, and seen after it


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Controlled, Steady]]:
    with flowing(0) as both:
        yield both


@pytest.fixture
def net(network: tuple[Controlled, Steady]) -> Iterator[Controlled]:
    with undisturbed(network) as running:
        yield running
    wait_some(1)  # there may be another whole list, which has been asked for just now


def _began(net: Controlled) -> list[float]:
    return [request["began"] for request in net.api.requests(EVENTS)]


def test_pauses_grow_and_end_by_themselves(net: Controlled) -> None:
    """0.8 s, 1.6 s, 3.2 s ..., each with a jitter of a half; and nobody has to do anything."""
    number = net.api.set_fault(path=EVENTS, status=503)
    net.api.cut_streams()
    wait_until(lambda: net.api.fault_hits(number) >= 3, "third try")
    net.api.clear_faults()
    new_device(net, "web")
    net.wait_state("watching")
    await_followed(net)
    began = _began(net)
    pauses = [later - earlier for earlier, later in zip(began, began[1:])]
    assert len(pauses) >= 3, began
    for number, pause in enumerate(pauses[:3]):
        assert pause >= FIRST_S * 2 ** number / 2, pauses


def test_retry_after(net: Controlled) -> None:
    """No request at all before."""
    number = net.api.set_fault(path=EVENTS, status=429, retry_after=2, count=1)
    net.api.cut_streams()
    wait_until(lambda: net.api.fault_hits(number), "429")
    await_told(net, "retrying", "429")
    refused = net.api.requests()[-1]["began"]
    net.wait_state("watching")
    later = [request["began"] - refused for request in net.api.requests()
             if request["began"] > refused]
    assert later[0] >= 2, later


def test_retry_after_outlives_the_source(net: Controlled) -> None:
    """Who comes next knows when it may ask."""
    number = net.api.set_fault(path=EVENTS, status=429, retry_after=RETRY_AFTER_S,
                               count=1)
    net.api.cut_streams()
    wait_until(lambda: net.api.fault_hits(number), "429")
    await_told(net, "retrying", "429")
    refused = net.api.requests()[-1]["began"]
    source = daemon(net).source()
    assert source
    os.kill(source, signal.SIGKILL)
    await_told(net, "retrying", "Retry-After")
    net.wait_state("watching")
    later = [request["began"] - refused for request in net.api.requests()
             if request["began"] > refused]
    assert later[0] >= RETRY_AFTER_S - 0.1, later
    assert said(net, "Retry-After", "trying again in") == 1


@pytest.mark.parametrize("end", ["cut", "killed"])
def test_retry_after_of_another_request(net: Controlled, end: str) -> None:
    """The limit is the owner's: the stream is not opened before either."""
    net.api.update_device(net.learn()["id"], endpoints=[])  # so that there is something to publish
    number = net.api.set_fault(path="/api/devices/[^/]+", method="PATCH", status=429,
                               retry_after=RETRY_AFTER_S)
    restart(net)
    net.wait_state("watching", daemon(net))
    wait_until(lambda: net.api.fault_hits(number), "429")
    refused = net.api.requests("/api/devices/.*", "PATCH")[-1]["began"]
    source = daemon(net).source()
    assert source
    if end == "cut":
        net.api.cut_streams()
    else:
        os.kill(source, signal.SIGKILL)
    await_told(net, "retrying", "Retry-After")
    new_device(net, "web")
    net.api.clear_faults()
    net.wait_state("watching")
    await_followed(net)
    # Not those that were under way when it came.
    later = [request["began"] - refused for request in net.api.requests()
             if request["began"] > refused + UNDER_WAY_S]
    assert later[0] >= RETRY_AFTER_S - 0.1, later


def _storm(net: Controlled, seconds: float) -> float:
    """Signals for so long; a moment just before the last one."""
    until = time.monotonic() + seconds
    while (now := time.monotonic()) < until:
        last = now
        hurry_up(net)
        wait_some(0.01)
    return last


@pytest.mark.parametrize("fault", [{}, {"status": 429}, {"hang": True}, {"silent": True}],
                         ids=["all is well", "429", "no answer", "silent"])
def test_many_signals_are_one_request_a_second(net: Controlled, fault: dict[str, Any]) -> None:
    """What is wanted in the meantime is not forgotten: it comes a second after the last. Where it
    is refused, there is a second try."""
    began = time.monotonic()
    if fault:
        net.api.set_fault(path=EVENTS, **fault)
    last = _storm(net, 4)
    if fault:
        net.api.clear_faults()
    wait_until(lambda: [at for at in _began(net) if at >= last or fault], "another request")
    wait_some(1.5)
    seen = _began(net)
    most = (time.monotonic() - began) * (2 if "status" in fault else 1) + 2
    assert len(seen) <= most, seen


def _queries(net: Controlled) -> int:
    return len(net.api.ask("dns")["queries"])


def test_signals_leave_questions_to_the_name_server_alone(net: Controlled) -> None:
    """One that is slower than they come answers nevertheless, and is not asked at each of them."""
    net.api.ask("dns", delay_s=0.15)
    after, before, began = net.api.last_request(), _queries(net), time.monotonic()
    net.api.cut_streams("fin")
    while not net.api.requests(EVENTS, after=after):
        assert time.monotonic() < began + LIMIT_S, net.control()
        hurry_up(net)
        wait_some(0.2)
    _storm(net, 2)
    assert _queries(net) - before < 13 * (time.monotonic() - began)
    net.api.ask("dns", delay_s=0)
    net.wait_state("watching")


@pytest.mark.parametrize("retry_after", [RETRY_AFTER_S, "date"])
def test_signal_does_not_go_before_retry_after(net: Controlled, retry_after: int | str) -> None:
    """It is said once when it will be; and then there is one request, and the whole list."""
    at = int(time.time() + RETRY_AFTER_S)
    not_before = at - time.time() + time.monotonic()
    number = net.api.set_fault(path=EVENTS, status=429, count=1, retry_after=retry_after if
                               retry_after != "date" else formatdate(at, usegmt=True))
    net.api.cut_streams()
    wait_until(lambda: net.api.fault_hits(number), "429")
    await_told(net, "retrying", "429")
    refused = net.api.requests(EVENTS)[-1]["began"]
    if retry_after != "date":
        not_before = refused + RETRY_AFTER_S
    new_device(net, "web")
    before = said(net, "asks again in", "because the server wants that")
    _storm(net, 1)
    wait_until(lambda: said(net, "asks again in", "because the server wants that") > before,
               "word of it")
    net.wait_state("watching")
    await_followed(net)
    assert said(net, "asks again in", "because the server wants that") == before + 1
    later = [request["began"] for request in net.api.requests() if request["began"] > refused]
    assert later[0] >= not_before - 0.1, (later, not_before)
    assert len(later) <= 2, later


def test_stream_that_is_always_cut(net: Controlled) -> None:
    """Some are resumed at once, as is normal; then there are pauses. What comes is followed
    nevertheless."""
    began = time.monotonic()
    net.api.set_fault(path=EVENTS, end_after=1, how="rst")
    begin_anew(net)
    await_told(net, "retrying", "cut at once")
    wait_some(2)
    seen = _began(net)
    assert len(seen) <= AT_ONCE + 3 + (time.monotonic() - began) / (FIRST_S / 2), seen
    assert len(daemon(net).new_messages()) <= 10


def test_warnings_do_not_fill_the_journal(net: Controlled) -> None:
    """Devices that make no sense, on a stream that is cut before its tail each time; the source
    goes on, too."""
    device, began = new_device(net, "web"), time.monotonic()
    await_followed(net)
    right = wanted(net)
    records = [event(device, id=f"00000000-0000-4000-8000-{number:012}", public_key="no key")
               for number in range(40)]
    net.api.set_fault(path=EVENTS, inject=records, inject_at="start", end_after=2, how="fin")
    begin_anew(net)
    source = daemon(net).source()
    for _ in range(5):
        after = net.api.last_request()
        hurry_up(net)
        net.api.wait_request(EVENTS, after=after)
        await_told(net, "retrying", "cut at once")
    await_state(net, right, 0)
    lines = daemon(net).new_messages()
    assert 20 < len(lines) < 80 * (1 + (time.monotonic() - began) // 60), lines
    assert any("further messages of this kind suppressed" in line for line in lines)
    assert daemon(net).source() == source


def _conflicts(lines: list[str]) -> list[str]:
    return [line for line in lines if "claimed " in line]


def test_device_that_is_renamed_in_a_loop(net: Controlled) -> None:
    """Others' conflicts are no news then; and that of an exit node that is renamed itself fills no
    journal: it is said how much was left out."""
    exits = {f"exit{number}": new_device(net, f"exit{number}",
                                         advertise_cidrs=["0.0.0.0/0", "::/0"])
             for number in range(22)}
    other, running = new_device(net, "other"), daemon(net)
    wait_until(lambda: "other" in net.commands.peers(), "devices")
    wait_until(lambda: len(_conflicts(running.messages()[running.seen:])) >= 21, "conflicts")
    # They came one by one, and each has changed the number of those that are not named.
    before = _conflicts(running.messages())
    assert len({line for line in before if "by two devices" in line}) == len(
        [line for line in before if "by two devices" in line])
    running.new_messages()
    winner = re.findall(r"'(exit\d+)' has it", "\n".join(before))[-1]
    for device, word, times in ((other, "loop", 40), (exits[winner], "turn", 10)):
        assert not _conflicts(running.new_messages())
        for number in range(times):
            name = f"{word}-{number}"
            inject_until(net, lambda want=name: want in net.commands.peers(),
                         record=event(device, hostname=name))
    assert len(_conflicts(running.messages()[running.seen:])) < 150
    assert any("'turn-9'" in trouble["text"] for trouble in net.commands.status()["troubles"])
    wait_until(lambda: any(" further messages of this kind suppressed, the last: " in line
                           for line in running.messages()[running.seen:]), "number")


def test_burst_of_changes(net: Controlled) -> None:
    """100 changes of each of 100 devices at once: the last of each is what stays."""
    # What is injected is in no database: no stream is to end over it.
    before = net.api.set()
    net.api.set(write_deadline_s=None, route_timeout_s=None)
    net.api.cut_streams()
    net.api.add_many(100)
    await_followed(net)
    net.api.wait_idle_stream()
    right, records = wanted(net), []
    devices = [device for name, device in net.api.devices().items() if name.startswith("bulk-")]
    nothing_more(net)
    for turn in range(100):
        for number, device in enumerate(devices):
            cidrs = [f"10.{100 + turn}.{number}.0/24", f"fd00:{100 + turn}:{number + 1}::/48"]
            records.append(json.dumps(event(device, advertise_cidrs=cidrs)) + "\n\n")
            if turn == 99:
                right[device["public_key"]] |= set(cidrs)
    inject_until(net, lambda: state(net) == state_of(right), raw="".join(records))
    net.api.set(**before)
    assert news(net) == []
