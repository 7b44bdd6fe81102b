# SPDX-License-Identifier: Apache-2.0
"""How often the relay asks a server that does not do as it should, and how much it says: the real
times, nothing is in a hurry here."""

import json
import os
import signal
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any

import pytest
from following import (await_followed, await_state, await_told, begin_anew, daemon, event, flowing,
                       hurry_up, new_device, rates, restart, said, undisturbed, wait_some, wanted)

from lab import strace
from lab.controlled import Controlled
from lab.steady import Steady
from lab.wait import wait_until

EVENTS = "/api/events"
AT_ONCE = 8  # resumed without a pause in 10 s
FIRST_S = 0.8  # of the back-off, and half of that at least


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
    wait_until(lambda: net.api.fault_hits(number) == 3, "third try")
    net.api.clear_faults()
    new_device(net, "web")
    net.wait_state("watching")
    await_followed(net)
    began = _began(net)
    pauses = [later - earlier for earlier, later in zip(began, began[1:])]
    assert len(pauses) == 3, began
    for number, pause in enumerate(pauses):
        step = FIRST_S * 2 ** number
        assert step / 2 <= pause < step + 0.3, pauses


def test_retry_after(net: Controlled) -> None:
    """No request at all before, and soon after."""
    number = net.api.set_fault(path=EVENTS, status=429, retry_after=2, count=1)
    net.api.cut_streams()
    wait_until(lambda: net.api.fault_hits(number), "429")
    await_told(net, "retrying", "429")
    refused = net.api.requests()[-1]["began"]
    net.wait_state("watching")
    later = [request["began"] - refused for request in net.api.requests()
             if request["began"] > refused]
    assert 2 <= later[0] < 3.3, later


def test_retry_after_outlives_the_source(net: Controlled) -> None:
    """Who comes next knows when it may ask."""
    number = net.api.set_fault(path=EVENTS, status=429, retry_after=4, count=1)
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
    assert 3.9 <= later[0] < 5.5, later
    assert said(net, "Retry-After", "trying again in") == 1


@pytest.mark.parametrize("end", ["cut", "killed"])
def test_retry_after_of_another_request(net: Controlled, end: str) -> None:
    """The limit is the owner's: the stream is not opened before either."""
    net.api.update_device(net.learn()["id"], endpoints=[])  # so that there is something to publish
    number = net.api.set_fault(path="/api/devices/[^/]+", method="PATCH", status=429, retry_after=4)
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
             if request["began"] > refused + 0.1]
    assert 3.9 <= later[0] < 5.5, later


def _storm(net: Controlled, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        hurry_up(net)
        wait_some(0.01)


@pytest.mark.parametrize("fault", [{}, {"status": 429}, {"hang": True}, {"silent": True}],
                         ids=["all is well", "429", "no answer", "silent"])
def test_many_signals_are_one_request_a_second(net: Controlled, fault: dict[str, Any]) -> None:
    """What is wanted in the meantime is not forgotten: it comes a second after the last."""
    if fault:
        net.api.set_fault(path=EVENTS, **fault)
    _storm(net, 4)
    last = time.monotonic()
    if fault:
        net.api.clear_faults()
    wait_some(1.5)
    began = _began(net)
    assert 1 <= len(began) <= (3 if "hang" in fault else 8 if "status" in fault else 6), began
    assert rates(net, 0, window_s=0.7) <= (3 if "status" in fault else 1), began
    if not fault:
        assert began[-1] > last - 0.1


def _queries(net: Controlled) -> int:
    return len(net.api.ask("dns")["queries"])


def test_signals_leave_questions_to_the_name_server_alone(net: Controlled) -> None:
    """One that is slower than they come answers nevertheless, and is not asked at each of them."""
    net.api.ask("dns", delay_s=0.15)
    after, before, until = net.api.last_request(), _queries(net), time.monotonic() + 10
    net.api.cut_streams("fin")
    while not net.api.requests(EVENTS, after=after):
        assert time.monotonic() < until, net.control()
        hurry_up(net)
        wait_some(0.2)
    _storm(net, 2)
    assert _queries(net) - before < 40
    net.api.ask("dns", delay_s=0)
    net.wait_state("watching")


def test_other_name_servers_while_the_border_is_full(net: Controlled) -> None:
    """What the source cannot be told just now it is told later, and it is not blamed for that."""
    source, right, met = daemon(net).source(), net.api.resolv_conf(), []
    before = said(net, "the source process")
    for place in range(1, 5):
        with strace.injected(net.relay, daemon(net).pid, f"error=EAGAIN:when={place}",
                             ("sendmsg",)) as now:
            net.resolv_conf(f"{right}nameserver 192.0.2.{place}\n")
            new_device(net, f"web{place}")
            await_followed(net)
            after = net.api.last_request()
            net.api.cut_streams()
            wait_until(lambda last=after: net.api.requests(EVENTS, after=last), "another stream")
        met += now
    net.resolv_conf(right)
    assert len(met) >= 2, met  # the servers, and the answer to who will be asked now
    assert daemon(net).source() == source
    assert said(net, "the source process") == before


@pytest.mark.parametrize("retry_after", [3, "date"])
def test_signal_does_not_go_before_retry_after(net: Controlled, retry_after: int | str) -> None:
    """It is said once when it will be; and then there is one request, and the whole list."""
    if retry_after == "date":
        retry_after = formatdate(time.time() + 4, usegmt=True)
    number = net.api.set_fault(path=EVENTS, status=429, retry_after=retry_after, count=1)
    net.api.cut_streams()
    wait_until(lambda: net.api.fault_hits(number), "429")
    await_told(net, "retrying", "429")
    refused = net.api.requests(EVENTS)[-1]["began"]
    new_device(net, "web")
    before = said(net, "asks again in", "because the server wants that")
    _storm(net, 2)
    assert said(net, "asks again in", "because the server wants that") == before + 1
    net.wait_state("watching")
    await_followed(net)
    later = [request["began"] - refused for request in net.api.requests()
             if request["began"] > refused]
    assert 2.9 <= later[0] < 4.5, later
    assert len(later) <= 2, later


def test_stream_that_is_always_cut(net: Controlled) -> None:
    """Some are resumed at once, as is normal; then there are pauses. What comes is followed
    nevertheless."""
    net.api.set_fault(path=EVENTS, end_after=1, how="rst")
    begin_anew(net)
    await_told(net, "retrying", "cut at once")
    wait_some(2)
    assert rates(net, 0) <= AT_ONCE + 3
    assert len(_began(net)) <= AT_ONCE + 3 + 2 / (FIRST_S / 2)
    assert len(daemon(net).new_messages()) <= 10


def test_warnings_do_not_fill_the_journal(net: Controlled) -> None:
    """Devices that make no sense, on a stream that is cut before its tail each time; the source
    goes on, too."""
    device = new_device(net, "web")
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
    assert 20 < len(lines) < 80, lines
    assert any("lines in a minute" in line for line in lines)
    assert daemon(net).source() == source


def test_burst_of_changes(net: Controlled) -> None:
    """100 changes of each of 100 devices at once: the last of each is what stays."""
    net.api.add_many(100)
    await_followed(net)
    right, records = wanted(net), []
    devices = [device for name, device in net.api.devices().items() if name.startswith("bulk-")]
    daemon(net).new_messages()
    for turn in range(100):
        for number, device in enumerate(devices):
            cidrs = [f"10.{100 + turn}.{number}.0/24", f"fd00:{100 + turn}:{number + 1}::/48"]
            records.append(json.dumps(event(device, advertise_cidrs=cidrs)) + "\n\n")
            if turn == 99:
                right[device["public_key"]] |= set(cidrs)
    net.api.ask("inject", raw="".join(records))
    await_state(net, right)
    assert daemon(net).new_messages() == []
