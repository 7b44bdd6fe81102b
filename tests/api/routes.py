# SPDX-License-Identifier: Apache-2.0
"""From a request to its answer: faults, who calls, may they, how often, and the handler."""

import itertools
import re
import ssl
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from api import answers, devices, members, reading
from api.answers import Answer
from api.auth import Issuer
from api.faults import Fault, Faults
from api.journal import Entry, Journal
from api.model import Store
from api.rows import Device
from api.stream import Stream
from api.tokens import Caller, RateLimit, authenticate, kind_of
from api.wire import Outlet, Request

_ID = r"([^/]+)"
_Handler = Callable[..., Answer]
_ROUTES: list[tuple[str, re.Pattern[str], _Handler]] = [
    (method, re.compile(path), handler) for method, path, handler in [
        ("GET", rf"/api/reg-keys/{_ID}", reading.reg_key),
        ("GET", rf"/api/users/{_ID}", reading.user),
        ("GET", r"/api/fflags", reading.fflags),
        ("GET", r"/api/vpcs", reading.vpcs),
        ("GET", rf"/api/vpcs/{_ID}", reading.vpc),
        ("GET", rf"/api/vpcs/{_ID}/devices", reading.vpc_devices),
        ("GET", rf"/api/vpcs/{_ID}/metadata", reading.vpc_metadata),
        ("GET", rf"/api/vpcs/{_ID}/security-groups", reading.vpc_groups),
        ("GET", r"/api/security-groups", reading.groups),
        ("GET", rf"/api/security-groups/{_ID}", reading.group),
        ("GET", r"/api/devices", devices.list_devices),
        ("POST", r"/api/devices", devices.create),
        ("GET", rf"/api/devices/{_ID}", devices.get),
        ("PATCH", rf"/api/devices/{_ID}", devices.update),
        ("DELETE", rf"/api/devices/{_ID}", devices.delete),
        ("GET", rf"/api/devices/{_ID}/metadata", devices.list_metadata),
        ("DELETE", rf"/api/devices/{_ID}/metadata", devices.delete_metadata),
        ("GET", rf"/api/devices/{_ID}/metadata/{_ID}", devices.get_metadata),
        ("PUT", rf"/api/devices/{_ID}/metadata/{_ID}", devices.put_metadata),
        ("DELETE", rf"/api/devices/{_ID}/metadata/{_ID}", devices.delete_metadata),
    ]]
_EVENTS = re.compile(rf"/api/(?:events|vpcs/{_ID}/events)")
_CACHE = "no-cache, no-store, max-age=0, must-revalidate"


class Service:
    """The hosts behind the listener, and everything that control commands reach."""

    def __init__(self, store: Store, issuer: Issuer) -> None:
        self.store, self.issuer, self.settings = store, issuer, store.settings
        self.faults, self.journal, self.limit = Faults(), Journal(), RateLimit(store)
        self.streams: dict[int, Stream] = {}
        self._numbers = itertools.count(1)
        self._online: dict[str, int] = {}  # streams of a device

    def serve(self, request: Request, sock: ssl.SSLSocket) -> None:
        """Answer a request; Ended when nothing can follow on the connection."""
        token = kind_of(request)
        entry = self.journal.add(request, token)
        fault = self.faults.take(request.method, request.path, token)
        entry.fault = fault.number if fault else 0
        outlet = Outlet(sock, fault)
        try:
            self._answer(request, entry, outlet, fault)
        finally:
            entry.sent, entry.ending = outlet.sent, outlet.ending or "ok"

    def _answer(self, request: Request, entry: Entry, outlet: Outlet, fault: Fault | None) -> None:
        if fault and fault.delay_s:
            time.sleep(fault.delay_s)
        if fault and fault.hang:
            outlet.end("hang")
        is_stream = request.method == "POST" and bool(_EVENTS.fullmatch(request.path))
        replaced = fault is not None and fault.replaces(is_stream)
        if is_stream and not replaced:
            try:
                self._stream(request, entry, outlet, fault)
            except answers.Refused as err:
                self._send(err.answer, entry, outlet)
            return
        answer = None
        if not fault or not replaced or fault.execute:
            try:
                answer = self.handle(request, fault)
            except answers.Refused as err:
                answer = err.answer
        if fault and replaced:
            answer = self._wrong_answer(request, fault)
        assert answer
        self._send(answer, entry, outlet)

    def _wrong_answer(self, request: Request, fault: Fault) -> Answer:
        status = fault.status or (302 if fault.location is not None else 200)
        answer = Answer(status, fault.content(), dict(fault.headers))
        if fault.generate == "html":
            answer.content_type = "text/html"
        answer.content_type = fault.content_type or answer.content_type
        if fault.retry_after is not None:
            answer.headers["Retry-After"] = str(fault.retry_after)
        if status in (301, 302, 303, 307, 308):
            same = f"https://{request.headers.get('host')}{request.target}"
            answer.headers["Location"] = fault.location or same
        return answer

    def _send(self, answer: Answer, entry: Entry, outlet: Outlet) -> None:
        entry.status = answer.status
        headers = self._common() | answer.headers
        if answer.body:
            headers["Content-Type"] = answer.content_type
        if answer.status not in (204, 304):
            headers.setdefault("Content-Length", str(len(answer.body)))
        outlet.head(answer.status, headers)
        if answer.status not in (204, 304):
            outlet.body(answer.body)

    def _common(self) -> dict[str, str]:
        return {"Date": formatdate(self.settings.now(), usegmt=True), "Cache-Control": _CACHE,
                "server": "envoy"}

    def handle(self, request: Request, fault: Fault | None = None) -> Answer:
        """The right answer; Refused when it is an error."""
        with self.store.lock:
            if request.sni.startswith("auth."):
                return self.issuer.handle(request)
            if not request.sni.startswith("api."):
                raise answers.bare(404)
            if (request.method, request.path) == ("POST", "/device/login/start"):
                return self.issuer.login_start()
            found = [(handler, match) for method, pattern, handler in _ROUTES
                     if method == request.method and (match := pattern.fullmatch(request.path))]
            if not found:
                raise answers.text(404, "404 page not found")
            caller, headers = self._admit(request)
            handler, match = found[0]
            answer = handler(self.store, request, caller, *match.groups())
            answer.headers |= headers
        if fault and fault.hide and request.method == "GET":
            answer.body = _hidden(answer.body, fault.hide)
        return answer

    def _admit(self, request: Request) -> tuple[Caller, dict[str, str]]:
        caller = authenticate(request, self.store, self.issuer)
        headers = self.limit.count(caller.user.id, time.monotonic())
        if not caller.may(request.method, request.path):
            raise answers.bare(403)
        return caller, headers

    # Streams

    def _stream(self, request: Request, entry: Entry, outlet: Outlet, fault: Fault | None) -> None:
        match = _EVENTS.fullmatch(request.path)
        assert match
        if not request.sni.startswith("api."):
            raise answers.bare(404)
        with self.store.lock:
            caller, headers = self._admit(request)
            vpc_id = match.group(1) and reading.find_vpc(self.store, caller, match.group(1)).id
            stream = Stream(next(self._numbers), self.store, request, caller, fault, outlet)
            stream.prepare(members.load_any(request.body), vpc_id, request.query)
            device = caller.device
            if vpc_id:
                device = self.store.by_key.get(request.query.get("public_key", ""))
            self._count_online(device, 1)
            self.streams[stream.number] = stream
            self.store.watchers.add(stream.wake)
        try:
            status, own = stream.headers()
            entry.status = status
            outlet.head(status, self._common() | headers | own)
            stream.run()
        finally:
            with self.store.lock:
                del self.streams[stream.number]
                self.store.watchers.discard(stream.wake)
                stream.close()
                self._leave(device)

    def _count_online(self, device: Device | None, change: int) -> None:
        if device and self.settings.online_tracking:
            count = self._online.get(device.id, 0) + change
            self._online[device.id] = count
            self.store.set_online(device, count > 0)

    def _leave(self, device: Device | None) -> None:
        """Some seconds after its last stream a device is not online any more."""
        if not device or not self.settings.online_tracking:
            return

        def later() -> None:
            with self.store.lock:
                self._count_online(device, -1)

        timer = threading.Timer(self.settings.online_grace_s, later)
        timer.daemon = True
        timer.start()

    def cut_streams(self, how: str, partial: bytes = b"") -> int:
        """End every stream; how many they were."""
        with self.store.lock:
            streams = list(self.streams.values())
            for stream in streams:
                stream.cut(how, partial)
        return len(streams)

    def inject(self, record: bytes) -> int:
        """Send this on every stream; how many they are."""
        with self.store.lock:
            for stream in self.streams.values():
                stream.inject(record)
            return len(self.streams)


def _hidden(body: bytes, ids: list[str]) -> bytes:
    """A list without some of its objects."""
    rows: Any = members.load_any(body)
    if not isinstance(rows, list):
        return body
    return answers.dumps([row for row in rows if "*" not in ids and row.get("id") not in ids])
