# SPDX-License-Identifier: Apache-2.0
"""An api-server, or something on the way to it, that says that all is well, and then nothing that a
relay can use: it says which step that was, what it has expected there, and what has come."""

import base64
import json
import signal
from dataclasses import dataclass

import pytest
from registering import UUID, Registering, lab_of_module, net

__all__ = ["lab_of_module", "net"]  # fixtures
OTHER_KEY = "HPV5q6RaELodHvBtkfyiqp7QoRUFFWUxVUBdCxjLmmc="
ID = "f81bfc30-1f66-4b07-afed-47eb6b8a89c4"
HTML = "<!DOCTYPE html>\n<html><head><title>Welcome to the hotel</title></head></html>\n"


@dataclass(frozen=True)
class Step:
    """Of a registration."""

    path: str
    what: str  # it is called
    expected: str
    method: str = "GET"
    status: int = 200


STEPS = {
    "key": Step("/api/reg-keys/me", "ask for the registration key", "a registration key"),
    "vpc": Step("/api/vpcs/[^/]+", "ask for the VPC", "a VPC"),
    "relays": Step("/api/vpcs/[^/]+/devices", "ask whether the VPC has a relay already",
                   "a list of devices"),
    "create": Step("/api/devices", "register the device", "a device", "POST", 201),
}
BODIES = {
    "empty": ("", "an empty answer"),
    "html": (HTML, "no JSON: '<!DOCTYPE html> <html>"),
    "binary": ("\x02\x1b[2J\u202e", "no JSON: '??[2J"),
    "cut off": ('{"id": "f81bf', "no JSON: '{\"id\": "),
    "NaN": ('{"id": NaN}', "no JSON: '{\"id\": NaN}'"),
    "member twice": ('{"id": 1, "id": 2}', "no JSON: '{\"id\": 1, \"id\": 2}'"),
    "null": ("null", "null"),
    "a number": ("7\n", "a number"),
    "text": ('"ok"', "a string"),
    "array": ("[1]", "an array"),
    "other object": ('{"status": "UP", "gro\\u001bups": []}', "an object of status, gro?ups"),
    "an error": ('{"error": "try later"}', "an error: try later"),
}
WRONG = {  # members of the right answer
    "key": [("id", "x"), ("vpc_id", "../x"), ("id", None)],
    "vpc": [("id", ID), ("id", 7)],
    "create": [("id", None), ("vpc_id", ""), ("public_key", OTHER_KEY), ("public_key", "x")],
}


def _message(net: Registering, step: Step) -> str:
    """What is said of it; it is the last that was asked."""
    words = net.wait_message(f"{step.what}: ", "retrying")
    assert step.what in net.control()["message"]
    method, path, _ = net.calls()[-1]
    assert (method, path) == (step.method, UUID.sub("ID", step.path.replace("[^/]+", "ID")))
    return words


def _recovers(net: Registering) -> None:
    net.api.clear_faults()
    net.commands.daemons[-1].signal(signal.SIGHUP)
    net.wait_message("following the VPC's devices", "watching")


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("kind", BODIES)
def test_odd_answer(net: Registering, name: str, kind: str) -> None:
    step, (body, shown) = STEPS[name], BODIES[kind]
    net.api.set_fault(path=step.path, method=step.method, status=step.status, body=body)
    net.begin("--verbose", *net.credentials())
    said = _message(net, step)
    assert f"{step.what}: expected {step.expected}, got " in said
    if name == "relays":  # which is not parsed as a whole
        shown = f"'{body[:5].strip()}" if body and kind not in ("html", "binary") else shown
        shown = shown.removeprefix("no JSON: ")
    assert shown in said, said
    _recovers(net)


@pytest.mark.parametrize(("name", "member", "value"),
                         [(name, *row) for name, rows in WRONG.items() for row in rows])
def test_wrong_member(net: Registering, name: str, member: str, value: object) -> None:
    """Of an answer that is right but for that."""
    step = STEPS[name]
    vpc = net.api.info["vpc"]
    right = {"key": net.reg_key, "vpc": {"id": vpc, "ipv4_cidr": net.api.vpc.ipv4},
             "create": {"id": ID, "vpc_id": vpc, "public_key": OTHER_KEY}}[name]
    body = {key: text for key, text in (right | {member: value}).items() if text is not None}
    net.api.set_fault(path=step.path, method=step.method, status=step.status,
                      body=json.dumps(body))
    net.begin("--verbose", *net.credentials())
    said = _message(net, step)
    assert f"expected {step.expected}, got " in said
    if value == OTHER_KEY:
        assert "one of another public key" in said
    elif name == "vpc" and value == ID:
        assert "another VPC" in said
    else:
        assert f"without {member}" in said or f"{member} is not" in said, said


@pytest.mark.parametrize("name", STEPS)
def test_other_success(net: Registering, name: str) -> None:
    """A status that says that all is well, but not the one that it should be."""
    step = STEPS[name]
    for status in {200, 201, 202, 204} - {step.status}:
        net.api.set_fault(path=step.path, method=step.method, status=status, body=HTML)
        daemon = net.begin("--verbose", *net.credentials())
        said = _message(net, step)
        assert f"{step.what}: expected HTTP status {step.status}, got {status}" in said
        daemon.stop()
        net.api.clear_faults()


@pytest.mark.parametrize("pad", range(0, 80, 8))
def test_no_secret_is_repeated(net: Registering, pad: int) -> None:
    """Nor a part of one, wherever what is shown ends."""
    token = net.reg_key["bearer_token"].removeprefix("RK:")
    net.api.set_fault(path=STEPS["vpc"].path, status=200, body=f"{'- ' * (pad // 2)}{token} x")
    daemon = net.begin("--verbose", *net.credentials())
    said = _message(net, STEPS["vpc"])
    assert "no JSON" in said
    shown = "\n".join(daemon.messages()) + json.dumps(net.control())
    assert not any(token[at:at + 5] in shown for at in range(len(token) - 4))


@pytest.mark.parametrize(("body", "words"), [
    ("", "empty: not a JSON array"), (HTML, "line 1, column 1: not a JSON array"),
    ('[{"id": "x"}, ', "cut off: the array does not end")])
def test_odd_list(net: Registering, body: str, words: str) -> None:
    """Of a relay that has to ask for the list, as it has no token that may open a stream."""
    net.api.set(seal="none")
    net.api.set_fault(path=STEPS["relays"].path, skip=1, status=200, body=body)
    net.begin("--verbose", *net.credentials())
    net.wait_message(f"the device list: .*{words}", "retrying")
    _recovers(net)


@pytest.mark.parametrize(("name", "shown"), [
    (b"a\xed\xa0\x80b", ""), (b"\xc0\x9b", ""), (b"\xf4\x90\x80\x80", ""),
    (b"\\ud800", ""), (b"a\nb", ""), (b"caf\xc3\xa9", ": e caf\u00e9 e")])
def test_error_that_is_not_utf8(net: Registering, name: bytes, shown: str) -> None:
    """Then it is no JSON, and nothing of it is shown; what `status` says is, in all that read it."""
    body = b'{"error":"e ' + name + b' e"}'
    net.api.set_fault(path="/api/events", method="POST", status=500,
                      body_b64=base64.b64encode(body).decode())
    net.begin("--verbose", *net.credentials())
    net.wait_message("HTTP status 500", "retrying")
    texts = [net.commands.written_status()["control"]["message"],
             (net.commands.status() or {})["control"]["message"],
             net.commands.call("status", "--interface", net.commands.interface).stdout]
    assert all(f"HTTP status 500{shown}" in text for text in texts), texts
    assert shown or not any(" e" in text.partition("HTTP status 500")[2].partition("\n")[0]
                            for text in texts), texts
    _recovers(net)
