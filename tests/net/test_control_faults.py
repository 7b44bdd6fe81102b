# SPDX-License-Identifier: Apache-2.0
"""What an api-server, or something on the way to it, can do wrong: the relay goes on with the last
list, says what is wrong in few words, takes no peer away, and follows again afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from following import (await_followed, await_state, await_told, begin_anew, daemon, flowing,
                       hurry_up, new_device, rates, said, state, undisturbed, wanted)

from lab.controlled import Controlled
from lab.steady import Steady
from lab.wait import wait_until

EVENTS = "/api/events"
HURRY = 30  # a call may take three seconds
LINES = 6  # on stderr, for one fault
REQUESTS_PER_S = 40  # in a hurry; test_control_rates.py has the real ones
MEMORY_KB = 80 << 10
NOT_FOUND = {"content_type": "application/json", "body": '{"error":"not found","resource":"vpc"}'}
DENIED = {"content_type": "application/json", "body": '{"error":"operation not allowed"}'}


@dataclass
class Case:
    """A fault; words are of the status while it lasts: first how it stands, then why."""

    name: str
    words: tuple[str, ...]
    events: dict[str, Any] = field(default_factory=dict)  # a fault of the stream
    every: dict[str, Any] = field(default_factory=dict)  # of all requests
    ask: tuple[str, dict[str, Any]] = ("", {})  # another command
    is_new: bool = False  # for a source that has followed nothing yet

    @property
    def follows(self) -> bool:
        """Nothing is wrong that keeps the relay from following."""
        return (self.words == ("watching",) and
                not {"silent", "rate", "no_tail"} & self.events.keys())


def _stream(name: str, *words: str, **values: Any) -> Case:
    return Case(name, words or ("watching",), events=values)


def _cut(name: str, **values: Any) -> Case:
    """Of the first list: what is followed already goes on being followed."""
    return Case(name, ("retrying", "cut"), events=values, is_new=True)


def _generated(what: str, *words: str, at: Any = "start", **values: Any) -> Case:
    return _stream(what, *words, generate=what, inject_at=at, **values)


def _status(status: int, state: str = "retrying", **values: Any) -> Case:
    words = (state, str(status)) if state == "retrying" else (state,)
    return _stream(f"{status} {values.get('content_type', '')}".strip(), *words, status=status,
                   **values)


def _network(mode: str, *words: str) -> Case:
    return Case(mode, ("retrying", *words), ask=("network", {"mode": mode, "drop": True}))


def _certificate(name: str, *words: str) -> Case:
    return Case(name, ("retrying", "certificate", *words), ask=("certificate", {"name": name}))


def _dns(mode: str, *words: str) -> Case:
    return Case(f"DNS {mode}", words, ask=("dns", {"mode": mode}))


CASES = [
    _network("refuse", "refused"),
    _network("stall_tls", "timed out"),
    _network("reset", "api.nexodus.test:443"),
    _network("plain", "TLS"),
    *(_dns(mode, "retrying", "Could not resolve host")
      for mode in ("nxdomain", "servfail", "refused")),
    *(_dns(mode, "retrying", "connect to api.nexodus.test:443") for mode in ("garbage", "silent")),
    _certificate("expired", "expired"),
    _certificate("not_yet_valid", "not yet valid"),
    _certificate("wrong_host", "another host"),
    _certificate("self_signed", "self"),
    _certificate("other_ca", "issuer"),
    _status(301, location=""),
    _status(302, location="https://api.nexodus.test/api/events?x"),
    _status(400, body='{"error":"request json is invalid"}'),
    _status(401, "revoked"),
    _status(403, "revoked", **DENIED),
    _status(403),  # Envoy, when it cannot ask the server who we are
    *(_status(status, generate="html") for status in (401, 403)),
    _status(404, "revoked", **NOT_FOUND),
    Case("404 of everything", ("retrying", "404"), every={"status": 404, "body": "no route"}),
    *(_status(status) for status in (409, 410, 429, 500, 502, 503, 504)),
    Case("500 of everything", ("retrying", "500"), every={"status": 500, "generate": "html"}),
    _stream("headers stop", "retrying", "timed out", stall_head_after=40),
    _stream("no answer", "retrying", "timed out", hang=True),
    _stream("byte by byte", "retrying", "timed out", rate=1),
    _stream("body byte by byte", "watching", rate=400),
    _stream("silent", silent=True),
    _cut("RST mid-record", cut_after=1500, how="rst"),
    _cut("FIN mid-record", cut_after=1500, how="fin"),
    _cut("cut at once", end_after=0, how="close"),
    _cut("one event and the end", end_after=1, how="final"),
    _stream("html", "retrying", "line 1", status=200, generate="html"),
    _stream("no events but a list", "retrying", "line 1", status=200, body="[]"),
    _generated("garbage", "retrying", "line 1"),
    _generated("truncated_utf8", "retrying", "UTF-8"),
    # Twice: in a hurry the relay opens the stream anew each second, and to read it takes longer
    # where others have the processors.
    _generated("long_document", size=100_000_000, count=2),
    _generated("deep", "retrying", "too deeply", size=100_000),
    _generated("duplicate_keys", "retrying", "twice", at=3),
    _generated("error_event", "retrying", "pq: canceling statement", at=2),
    _generated("null", "retrying", "object"),
    _generated("number", "retrying", "object"),
    _generated("nul_bytes", "retrying", "NUL"),
    _generated("wrong_types"),
    _generated("unknown_kind"),
    _generated("unknown_type"),
    _generated("delete_unknown"),
    _generated("delete_unknown", at="tail"),
    _stream("every event twice", repeat=True),
    _stream("another order", shuffle=True),
    _stream("tail never comes", no_tail=True, hide=["*"]),
    Case("a day ahead", ("watching",), ask=("set", {"clock_offset_s": 86400})),
    Case("a day behind", ("watching",), ask=("set", {"clock_offset_s": -86400})),
]


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Controlled, Steady]]:
    with flowing(HURRY) as both:
        both[0].api.ask("dns", ttl=0)
        both[0].api.add_many(20)
        yield both


@pytest.fixture
def net(network: tuple[Controlled, Steady]) -> Iterator[Controlled]:
    """In the end it follows every change again."""
    with undisturbed(network, keep=True) as running:
        yield running
        running.api.set(clock_offset_s=0)
    _change(running)
    await_followed(running)
    network[1].check()
    assert rates(running, 0) <= REQUESTS_PER_S
    assert running.api.violations() == []


def _change(net: Controlled) -> None:
    if "web" in net.api.devices():
        net.api.delete_device("web")
    else:
        new_device(net, "web", advertise_cidrs=["10.77.0.0/16", "fd00:77::/48"])


def _memory_kb(net: Controlled) -> int:
    """The most that the source has ever had."""
    with open(f"/proc/{daemon(net).source()}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


def _begin(net: Controlled, case: Case) -> None:
    number = 0
    if case.events or case.every:
        number = net.api.set_fault(**{"path": EVENTS if case.events else "/api/.*"} | case.events |
                                   case.every)
    if case.ask[0]:
        net.api.ask(case.ask[0], **case.ask[1])
    after = net.api.last_request()
    if case.is_new:
        begin_anew(net)
    else:
        hurry_up(net)
    if number:
        wait_until(lambda: net.api.fault_hits(number), "request with a fault")
    else:
        wait_until(lambda: net.api.last_request() > after or not case.follows, "request")


@pytest.mark.parametrize("at", ["start", "tail"])
def test_document_of_a_gigabyte(net: Controlled, at: str) -> None:
    """Is given up after a MiB, without waiting for its end, and never kept."""
    right, size = wanted(net), 1_000_000_000
    net.api.set_fault(path=EVENTS, generate="long_line", size=size, inject_at=at, count=1)
    before, after = said(net, "MiB"), net.api.last_request()
    hurry_up(net)
    request = wait_until(lambda: [one for one in net.api.requests(EVENTS, after=after)
                                  if one["fault"] and one["ending"]], "end of it")[0]
    assert request["ending"] == "client" and 1 << 20 < request["sent"] < size / 10, request
    await_followed(net)
    assert state(net)["peers"] == right
    assert said(net, "MiB") > before
    assert _memory_kb(net) < MEMORY_KB


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fault(net: Controlled, case: Case) -> None:
    right = wanted(net)
    _begin(net, case)
    await_told(net, *case.words)
    if case.follows:
        _change(net)
        await_followed(net)
    else:
        await_state(net, right, 0)
    lines = daemon(net).new_messages()
    assert len(lines) <= LINES, lines
    assert _memory_kb(net) < MEMORY_KB
