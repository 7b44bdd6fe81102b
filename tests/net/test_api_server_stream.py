# SPDX-License-Identifier: Apache-2.0
"""The stand-in's watch: framing, order, revisions, resume, deletes, and how it ends by itself."""

import json
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from api_client import Client, Events
from api_fixtures import (RELAY_METADATA, Tenant, new_public_key, server,  # noqa: F401
                          tenant)

from lab.api_server import ApiServer
from lab.wait import wait_until

KINDS = ("security-group", "device", "device-metadata")
Event = dict[str, Any]


def watches(tenant: Tenant, **values: Any) -> list[Event]:
    """The three kinds as a relay asks for them."""
    key = {"options": {"key": "relay"}}
    return [tenant.watch(kind, **values, **(key if kind == "device-metadata" else {}))
            for kind in KINDS]


def of_kind(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event.get("kind") == kind]


def ids(events: list[Event]) -> list[str]:
    return [event["value"]["id"] for event in events if "value" in event]


def test_first_state(server: ApiServer, tenant: Tenant) -> None:
    """Everything in order of revision, the tails of each kind, other tenants' metadata."""
    stranger = Tenant(server)
    foreign = stranger.add("relay", metadata=RELAY_METADATA)
    devices = [tenant.add(name) for name in ("a", "b", "c")]
    server.ask("metadata_put", device=devices[0]["id"], value=RELAY_METADATA)
    server.ask("group_add", vpc=tenant.id, description="a<b",
               inbound=[{"ip_protocol": "tcp", "from_port": 22, "to_port": 22}])
    server.update_device(devices[0]["id"], hostname="a2")
    stream = Client(server, devices[0]["token"]).watch(*watches(tenant))
    assert stream.response.status == 200
    assert stream.response.headers["Content-Type"] == "application/json;stream=watch"
    events = stream.tails(KINDS)
    assert {event["kind"] for event in events[:3]} == set(KINDS)  # they take turns
    order = [events.index({"kind": kind, "type": "tail"}) for kind in KINDS]
    assert max(order) == order[KINDS.index("device")]
    seen = of_kind(events, "device")
    assert [row["hostname"] for row in (event.get("value", {}) for event in seen) if row][:2] == [
        "b", "c"]
    revisions = [event["value"]["revision"] for event in seen if "value" in event]
    assert revisions == sorted(set(revisions)) and "bearer_token" not in seen[0]["value"]
    owners = {event["value"]["device_id"] for event in of_kind(events, "device-metadata")
              if "value" in event}
    assert owners >= {foreign["id"], devices[0]["id"]}
    assert foreign["id"] not in ids(seen)
    assert [event["value"]["description"] for event in of_kind(events, "security-group")
            if "value" in event] == ["default vpc security group", "a<b"]
    assert b"a\\u003cb" in stream.body and stream.silent()
    for record in stream.body.split(b"\n\n")[:-1]:
        assert record == json.dumps(json.loads(record), separators=(",", ":")).replace(
            "<", "\\u003c").encode()
    stream.close()


def test_framing(server: ApiServer, tenant: Tenant) -> None:
    """On the wire: the head at once, then one chunk for each event and its two newlines."""
    client, body = tenant.device(), json.dumps([tenant.watch("vpc", at_tail=True)])
    connection, response = client.open("POST", "/api/events", body)
    raw = b""
    while not raw.endswith(b"}\n\n\r\n"):
        raw += connection.sock.recv(65536)
    event = rb'\{"kind":"vpc","type":"change","value":\{.*\}\}\n\n'
    assert re.fullmatch(rb"[0-9a-f]+\r\n" + event + rb"\r\n", raw)
    size, _, rest = raw.partition(b"\r\n")
    assert int(size, 16) == len(rest) - 2
    assert response.headers["Transfer-Encoding"] == "chunked"
    connection.close()


def test_changes_and_deletes(server: ApiServer, tenant: Tenant) -> None:
    client = tenant.device()
    stream = client.watch(*watches(tenant))
    stream.tails(KINDS)
    made = tenant.add("new")
    assert stream.until("device", "change")[-1]["value"]["id"] == made["id"]
    server.delete_device(made["id"])
    gone = stream.until("device", "delete")[-1]["value"]
    assert (gone["id"], gone["public_key"]) == (made["id"], "") and "bearer_token" not in gone
    stream.close()


def test_resume(server: ApiServer, tenant: Tenant) -> None:
    """With at_tail everything newer comes, deletes too, and no tail; without it deletes of what
    was not sent on the connection are held back until the tail."""
    client, kept, gone = tenant.device(), tenant.add("kept"), tenant.add("gone")
    first = client.watch(tenant.watch("device"))
    before = max(event["value"]["revision"] for event in first.tails(["device"])[:-1])
    first.close()
    server.delete_device(gone["id"])
    server.update_device(kept["id"], hostname="kept2")
    own = {"gt_revision": before}
    resumed = client.watch(tenant.watch("device", at_tail=True, **own))
    assert ids(resumed.until("device", "change"))[-2:] == [gone["id"], kept["id"]]
    assert resumed.silent()
    flawed = client.watch(tenant.watch("device", **own))
    assert gone["id"] not in ids(flawed.tails(["device"]))
    whole = client.watch(tenant.watch("device"))
    assert gone["id"] not in ids(whole.tails(["device"]))
    assert server.ask("purge") >= 1
    late = client.watch(tenant.watch("device", at_tail=True, **own))
    assert gone["id"] not in ids(late.until("device", "change"))
    for stream in (resumed, flawed, whole, late):
        stream.close()


def _late(server: ApiServer, tenant: Tenant, what: str, device: str) -> dict[str, Any]:
    """A device is added, changed or deleted by somebody whose transaction takes long."""
    if what == "added":
        return tenant.add("late", commit_s=60)
    values = {"hostname": "late"} if what == "changed" else {}
    return server.ask({"changed": "device_update", "deleted": "device_delete"}[what],
                      device=device, commit_s=60, **values)


@pytest.mark.parametrize("what", ["added", "changed", "deleted"])
def test_late_commit(server: ApiServer, tenant: Tenant, what: str) -> None:
    """Its revision is drawn before one that is committed first. A watch that has sent that one never
    comes to it, nor does a resumed one; a watch from below does, and so does the list."""
    old, client = tenant.add("old"), tenant.device("watcher")
    stream = client.watch(tenant.watch("device"))
    before = max(event["value"]["revision"] for event in stream.tails(["device"])[:-1])
    with ThreadPoolExecutor(1) as pool:
        drawn = server.ask("bulk_add", count=0)["revision"]
        writing = pool.submit(_late, server, tenant, what, old["id"])
        wait_until(lambda: server.ask("bulk_add", count=0)["revision"] > drawn, "its revision")
        first = tenant.add("first")
        assert not writing.done()
        server.ask("commit")
        late = writing.result(10)
    assert before < late["revision"] < first["revision"]
    second = tenant.add("second")
    assert ids([stream.next() or {}, stream.next() or {}]) == [first["id"], second["id"]]
    assert stream.silent()
    resumed = client.watch(tenant.watch("device", at_tail=True, gt_revision=first["revision"]))
    assert ids([resumed.next() or {}]) == [second["id"]] and resumed.silent()
    below = client.watch(tenant.watch("device", at_tail=True, gt_revision=before))
    seen = [below.next() or {} for _ in range(3)]
    assert ids(seen) == [late["id"], first["id"], second["id"]]
    assert seen[0]["type"] == ("delete" if what == "deleted" else "change")
    listed = {row["hostname"] for row in client("GET", f"/api/vpcs/{tenant.id}/devices").json()}
    assert listed == {"watcher", "first", "second"} | {
        "added": {"old", "late"}, "changed": {"late"}, "deleted": set()}[what]
    for opened in (stream, resumed, below):
        opened.close()


def test_writers_side_by_side(server: ApiServer, tenant: Tenant) -> None:
    """Each of them commits when it likes, and what each has done is there."""
    server.set(commit_s=0.3)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: tenant.user(
            "POST", "/api/devices", {"vpc_id": tenant.id, "public_key": new_public_key(),
                                     "hostname": f"web{number}"}), range(40)))
        assert {reply.status for reply in made} == {201}
        gone = list(pool.map(lambda reply: tenant.user(
            "DELETE", f"/api/devices/{reply.json()['id']}"), made[:20]))
    assert {reply.status for reply in gone} == {200}
    left = tenant.user("GET", f"/api/vpcs/{tenant.id}/devices").json()
    assert {row["id"] for row in left} == {reply.json()["id"] for reply in made[20:]}
    assert len({row["ipv4_tunnel_ips"][0]["address"] for row in left}) == 20


def test_many_devices(server: ApiServer, tenant: Tenant) -> None:
    """Pages of a hundred; a burst of changes leaves the newest of each device."""
    server.add_many(2000, vpc=tenant.id)
    client = tenant.device()
    stream = client.watch(tenant.watch("device"))
    events = stream.tails(["device"])
    assert len(set(ids(events))) == len(events) - 1 == 2001
    server.ask("bulk_update", vpc=tenant.id, count=300, times=3)
    changed = [stream.next() for _ in range(300)]
    assert {event["value"]["endpoints"][0]["address"] for event in changed if event} == {
        "192.0.2.4:51820"}
    assert stream.silent()
    stream.close()


def _at_rest(server: ApiServer) -> None:
    """Every stream has sent what there was, and waits for a change that wakes it."""
    wait_until(lambda: all(stream["idle"] for stream in server.ask("streams")), "idle streams")


def test_online(server: ApiServer, tenant: Tenant) -> None:
    """It is a change of the device that wakes nobody."""
    server.set(online_grace_s=0)
    made = tenant.add("phone")
    watcher = tenant.device("watcher").watch(tenant.watch("device"))
    watcher.tails(["device"])
    _at_rest(server)
    phone = Client(server, made["token"]).watch(tenant.watch("device", at_tail=True))
    assert server.ask("device_get", device=made["id"])["online"] is True
    assert watcher.silent()
    tenant.add("another")
    assert made["id"] in ids([watcher.next() or {}, watcher.next() or {}])
    phone.close()
    wait_until(lambda: not server.ask("device_get", device=made["id"])["online"], "offline phone")
    watcher.close()


def test_security_group_of_another_vpc(server: ApiServer, tenant: Tenant) -> None:
    """Nobody is told, until something else changes."""
    vpc = server.ask("vpc_add", owner=tenant.id)
    stream = tenant.device().watch(tenant.watch("security-group"))
    stream.tails(["security-group"])
    _at_rest(server)
    server.ask("group_add", vpc=vpc["id"])
    assert stream.silent()
    server.ask("group_add", vpc=tenant.id, description="seen")
    assert [(stream.next() or {})["value"]["description"] for _ in range(2)] == ["group", "seen"]
    stream.close()


@pytest.mark.parametrize(("body", "status", "words"), [
    ("{", 400, "request json is invalid: "),
    ("[1]", 400, "request json is invalid: "),
    ('[{"kind":"device"}]', 400, '{"error":"required","field":"request[0].options.vpc-id"}'),
    ('[{"kind":"device-metadata"}]', 400, '{"error":"device-id or vpc-id required"}'),
    ('[{"kind":"device","options":{"vpc-id":""}}]', 400, "invalid UUID length: 0"),
    (f'[{{"kind":"device","options":{{"vpc-id":"{uuid.uuid4()}"}}}}]', 404, '"resource":"vpc"'),
    ('[{"kind":"site"}]', 405, "operation not allowed"),
    ('[{"kind":"device","gt_revision":-1}]', 400, "vpc-id"),
])
def test_watch_refused(tenant: Tenant, body: str, status: int, words: str) -> None:
    reply = tenant.device()("POST", "/api/events", body)
    assert (reply.status, words in reply.body.decode()) == (status, True), reply.body


def test_unknown_kind_and_nothing(tenant: Tenant) -> None:
    """An error, and yet a stream behind it; an empty list is a stream of nothing."""
    client = tenant.device()
    stream = client.watch(tenant.watch("vpc"), {"kind": "device-list"})
    assert stream.response.status == 400
    while b'"tail"' not in stream.body:
        assert stream.pump()
    assert stream.body.startswith(b'{"error":"unknown kind"')
    stream.close()
    silent = client.watch()
    assert silent.response.status == 200 and silent.silent()
    silent.close()


def test_events_of_a_vpc(server: ApiServer, tenant: Tenant) -> None:
    """The other path: by public key, with `prefixes`, without the proxy's limit."""
    server.set(route_timeout_s=0.05)
    made = tenant.add("phone", metadata=RELAY_METADATA)
    server.ask("metadata_put", device=made["id"], key="other", value=[1])
    client, path = tenant.device(), f"/api/vpcs/{tenant.id}/events"
    assert client("POST", path + "?public_key=x", []).status == 404
    stream = client.watch({"kind": "device-metadata", "options": {"prefixes": ["oth"]}}, path=path)
    assert [event["value"]["key"] for event in stream.tails(["device-metadata"])[:-1]] == ["other"]
    assert stream.silent(0.15) and not stream.ended
    stream.close()
    assert client.watch(path="/api/events").end() == "cut"


def test_write_deadline(server: ApiServer, tenant: Tenant) -> None:
    """An idle stream lives on; the first event after the deadline is lost, and the stream ends
    without its last chunk."""
    client = tenant.device()
    server.set(write_deadline_s=3)
    stream = client.watch(tenant.watch("device"))
    stream.tails(["device"])
    revision = server.ask("devices", vpc=tenant.id)[0]["revision"]
    assert stream.silent(3.3)
    made = tenant.add("lost")
    assert stream.next() is None and stream.ended == "cut"
    again = client.watch(tenant.watch("device", gt_revision=revision, at_tail=True))
    assert made["id"] in ids(again.until("device", "change"))
    again.close()


def test_token_of_a_deleted_device(server: ApiServer, tenant: Tenant) -> None:
    """Its stream goes on, the next one gets 401."""
    made = tenant.add("gone")
    client = Client(server, made["token"])
    stream: Events = client.watch(tenant.watch("device"))
    stream.tails(["device"])
    server.delete_device(made["id"])
    assert ids(stream.until("device", "delete")) == [made["id"]]
    stream.close()
    assert client("POST", "/api/events", []).status == 401


def test_both_families(tenant: Tenant) -> None:
    for address in ("127.0.0.1", "::1"):
        assert tenant.rk("GET", "/api/reg-keys/me", address=address).status == 200
