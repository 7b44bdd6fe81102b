# SPDX-License-Identifier: Apache-2.0
"""The watch: what is asked for, and the events that answer it."""

import os
import random
import select
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from api import answers, members
from api.answers import dumps
from api.faults import Fault, Record
from api.model import Store
from api.tokens import Caller
from api.wire import Outlet, Request, framed, is_gone

BATCH = 64 * 1024
HEADERS = {"Content-Type": "application/json;stream=watch", "Transfer-Encoding": "chunked"}
_NAMES = ("vpc-id", "device-id", "service-network-id")


class Event(NamedTuple):
    """One event; row_id is "" for a tail."""

    kind: str
    type: str
    row_id: str
    record: bytes


class Watch:
    """One kind of a stream."""

    def __init__(self, store: Store, kind: str, wanted: Callable[[Any], bool], revision: int,
                 at_tail: bool) -> None:
        self.kind, self.at_tail = kind, at_tail
        self._store, self._wanted = store, wanted
        self._table = store.tables[kind]
        self.revision = revision  # up to which the table has been looked at
        self._page: deque[Any] = deque()
        self._sent: set[str] = set()

    def next(self) -> Event | None:
        """The next event; None when there is nothing to say. Holds the lock for a page only."""
        while True:
            if not self._page:
                with self._store.lock:
                    rows, self.revision = self._table.after(self.revision, self._wanted,
                                                            self._store.settings.page_rows)
                    self._page.extend((row.id, row.deleted, row.record()) for row in rows)
            if not self._page:
                break
            row_id, deleted, record = self._page.popleft()
            if not self.at_tail:
                if deleted and row_id not in self._sent:
                    continue  # nobody has heard of it on this connection
                self._sent.add(row_id)
            return Event(self.kind, "delete" if deleted else "change", row_id, record)
        if self.at_tail:
            return None
        self.at_tail = True
        self._sent.clear()
        return Event(self.kind, "tail", "", dumps({"kind": self.kind, "type": "tail"}) + b"\n\n")


class Plan:
    """What a fault does to the events of a stream."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._held: dict[str, list[Record]] = {}  # until the kind's tail, by kind
        self._told: set[str] = set()  # kinds whose tail was sent
        self._count = 0
        at = fault.inject_at
        self._at = "tail" if at is None and fault.injected() else at
        if self._at == "start":
            self._at = 0

    def without_tail(self, kind: str) -> None:
        """There will be none of this kind: nothing is held until then."""
        self._told.add(kind)

    def begin(self) -> list[Record]:
        """Before the first event."""
        return self._injected() if self._at == 0 else []

    def at_rest(self) -> list[Record]:
        """When everything has been sent."""
        return self._injected() if self._at == "tail" else []

    def apply(self, event: Event) -> list[Record]:
        """The records in place of an event."""
        fault = self._fault
        if event.row_id in fault.hide or ("*" in fault.hide and event.kind == "device"
                                          and event.row_id):
            return []
        records = [event.record] * (2 if fault.repeat else 1)
        if event.type == "tail":
            records = [] if fault.no_tail else [event.record]
            if fault.shuffle:
                held = self._held.pop(event.kind, [])
                random.Random(1).shuffle(held)
                records = held + records
                self._told.add(event.kind)
        elif fault.shuffle and event.kind not in self._told:
            self._held.setdefault(event.kind, []).extend(records)
            records = []
        self._count += 1
        if self._at == self._count:
            records = records + self._injected()
        return records

    def is_over(self) -> bool:
        """Has the fault had its events?"""
        return self._fault.end_after is not None and self._count >= self._fault.end_after

    def _injected(self) -> list[Record]:
        self._at = None
        return self._fault.injected()


class Stream:
    """One answer that goes on until something ends it."""

    def __init__(self, number: int, store: Store, request: Request, caller: Caller,
                 fault: Fault | None, outlet: Outlet) -> None:
        self.number, self.request, self.caller, self.outlet = number, request, caller, outlet
        self._store = store
        self._fault = fault
        self._plan = Plan(fault) if fault else None
        self.watches: list[Watch] = []
        self._complaint = b""
        self._eventfd = -1  # until prepare()
        self._queue: deque[bytes] = deque()
        self._cut: tuple[str, bytes] | None = None
        self.events = 0
        self.written: deque[tuple[float, int]] = deque(maxlen=1000)  # when how many were
        self.is_idle = False  # everything has been sent

    # From other threads

    def wake(self) -> None:
        """Something has changed."""
        os.eventfd_write(self._eventfd, 1)

    def inject(self, record: bytes) -> None:
        """Send this as it is."""
        self._queue.append(record)
        self.wake()

    def cut(self, how: str, partial: bytes) -> None:
        """End it, maybe within a record of which only this is sent."""
        self._cut = how, partial
        self.wake()

    # From the connection's own

    def prepare(self, watches: Any, vpc_id: str | None, query: dict[str, str]) -> None:
        """Understand the request; Refused when it makes no sense."""
        if not isinstance(watches, list) or not all(isinstance(item, dict) for item in watches):
            raise answers.bad_json("json: cannot unmarshal into Go value of type []models.Watch")
        key = query.get("public_key")
        if vpc_id and key and key not in self._store.by_key:
            raise answers.not_found("device")
        for at, item in enumerate(watches):
            kind = members.text(item, "kind") or ""
            options = item.get("options")
            if options is not None and not isinstance(options, dict):
                raise answers.bad_json("json: cannot unmarshal options")
            if kind in ("site", "service-network"):
                raise answers.not_allowed(f"{kind}s support is disabled")
            if kind not in self._store.tables:
                self._complaint = dumps({"error": "unknown kind", "field": f"request[{at}].kind"})
                continue
            wanted = self._wanted(kind, options or {}, at, vpc_id)
            at_tail = bool(members.flag(item, "at_tail"))
            if at_tail and self._plan:
                self._plan.without_tail(kind)
            self.watches.append(Watch(self._store, kind, wanted,
                                      members.number(item, "gt_revision"), at_tail))
        self._eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def _wanted(self, kind: str, options: dict[str, Any], at: int,
                vpc_id: str | None) -> Callable[[Any], bool]:
        """Which rows of the kind belong to the watch."""
        ids = {name: members.identifier(options, name) for name in _NAMES}
        wanted_vpc = vpc_id or ids["vpc-id"]
        if kind == "device-metadata":
            return self._wanted_metadata(options, ids["device-id"], wanted_vpc, bool(vpc_id))
        if not wanted_vpc:
            raise answers.invalid("required", f"request[{at}].options.vpc-id")
        vpc = self._store.vpc_of(self.caller.user, wanted_vpc)
        if kind == "device":
            return lambda row: row.vpc is vpc
        if kind == "vpc":
            return lambda row: row.organization_id == vpc.organization_id
        if not self._store.settings.security_groups_enabled:
            raise answers.not_allowed("security-groups support is disabled")
        return lambda row: row.vpc.organization_id == vpc.organization_id

    def _wanted_metadata(self, options: dict[str, Any], device_id: str | None,
                         vpc_id: str | None, by_path: bool) -> Callable[[Any], bool]:
        if not device_id and not vpc_id:
            raise answers.base(400, "device-id or vpc-id required")
        vpc = self._store.vpc_of(self.caller.user, vpc_id) if vpc_id else None
        key = None if by_path else members.text(options, "key")
        if key:
            return lambda row: row.key == key  # of every device of the service
        prefixes = options.get("prefixes" if by_path else "prefix") or [""]
        starts = tuple(prefixes) if isinstance(prefixes, list) else (str(prefixes),)
        return lambda row: (row.key.startswith(starts) and
                            (row.device.id == device_id if device_id else row.device.vpc is vpc))

    def headers(self) -> tuple[int, dict[str, str]]:
        """Status and headers: an unknown kind gets an error, and yet a stream."""
        if self._complaint:
            return 400, HEADERS | {"Content-Type": answers.JSON}
        return 200, dict(HEADERS)

    def run(self) -> None:
        """Send events until the connection ends: Ended is raised, always."""
        settings, began = self._store.settings, self.request.began
        deadline = settings.route_timeout_s if self.request.path == "/api/events" else None
        if self._complaint:
            self.outlet.chunk(self._complaint)
        pending = self._plan.begin() if self._plan else []
        while True:
            pending += self._gather()
            late = settings.write_deadline_s
            if pending and late is not None and time.monotonic() > began + late:
                self.outlet.end("close")  # the event is lost, and so is the stream
            if pending:
                self.written.append((time.monotonic(), len(pending)))
                self._write(pending)
                self.events += len(pending)
                pending = []
                if self._plan and self._plan.is_over():
                    self._end()
                continue
            if self._plan and self._plan.is_over():
                self._end()
            self._check_cut()
            self.is_idle = True
            self._wait(None if deadline is None else began + deadline)
            self.is_idle = False

    def _write(self, records: list[Record]) -> None:
        at_once: list[bytes] = []
        for record in records:
            if isinstance(record, bytes):
                at_once.append(framed(record))
                continue
            for piece in record:
                at_once.append(framed(piece))
                self.outlet.body(b"".join(at_once))
                at_once.clear()
        if at_once:
            self.outlet.body(b"".join(at_once))

    def close(self) -> None:
        """After run(), when nobody can wake it any more."""
        os.close(self._eventfd)

    def _end(self) -> None:
        assert self._fault
        self.outlet.end(self._fault.how)

    def _check_cut(self) -> None:
        if self._cut:
            how, partial = self._cut
            if partial:
                self.outlet.body(framed(partial + bytes(100))[:-102])
            self.outlet.end(how)

    def _gather(self) -> list[Record]:
        """Records, of every watch in turn, for about one batch."""
        records: list[Record] = []
        while self._queue:
            records.append(self._queue.popleft())
        if self._fault and self._fault.silent:
            return records
        size, limit = 0, BATCH
        progress = not self._cut
        while progress and size < limit:
            progress = False
            for watch in reversed(self.watches):
                event = watch.next()
                if event is None:
                    continue
                progress = True
                size += len(event.record)
                if not self._plan:
                    records.append(event.record)
                    continue
                records += self._plan.apply(event)
                if self._plan.is_over():
                    return records + self._plan.at_rest()
        if self._plan and not progress:
            records += self._plan.at_rest()
        return records

    def _wait(self, deadline: float | None) -> None:
        """Until there is something to do; not beyond the proxy's patience."""
        poll = select.poll()
        poll.register(self._eventfd, select.POLLIN)
        poll.register(self.outlet.sock, select.POLLIN)
        left = None if deadline is None else max(0, deadline - time.monotonic())
        ready = {fd for fd, _ in poll.poll(None if left is None else left * 1000 + 1)}
        if self._eventfd in ready:
            os.eventfd_read(self._eventfd)
        if ready - {self._eventfd} and is_gone(self.outlet.sock, 0):
            self.outlet.end("close")
        if deadline is not None and time.monotonic() >= deadline:
            self.outlet.end("close")
