# SPDX-License-Identifier: Apache-2.0
"""What the stand-in does when it is told to misbehave, and its DNS and STUN servers."""

import json
import socket
import ssl
import struct
import subprocess
import time
from typing import Any

import pytest
from api_client import Client
from api_fixtures import Tenant, new_public_key, server, tenant  # noqa: F401
from conftest import ROOT

from lab.api_server import DOMAIN, ApiServer

ME = "/api/reg-keys/me"


def raw_socket(server: ApiServer) -> socket.socket:
    return socket.create_connection((server.addresses[0], server.port), 5)


def test_status(server: ApiServer, tenant: Tenant) -> None:
    """As often as wanted, after as many as wanted, with Retry-After; and only where wanted."""
    number = server.set_fault(path=ME, skip=1, count=2, status=429, retry_after=7, body="slow")
    assert [tenant.rk("GET", ME).status for _ in range(5)] == [200, 429, 429, 200, 200]
    assert server.fault_hits(number) == 2
    assert [request["fault"] for request in server.requests(ME)[-5:]] == [0, number, number, 0, 0]
    server.set_fault(path="/api/devices", method="POST", status=503, execute=True, count=1)
    body = {"vpc_id": tenant.id, "public_key": new_public_key()}
    assert [tenant.rk("POST", "/api/devices", body).status for _ in range(2)] == [503, 409]
    server.set_fault(path=ME, status=302, location="")
    reply = tenant.rk("GET", ME)
    assert (reply.status, reply.headers["Location"]) == (302, f"https://api.{DOMAIN}{ME}")


@pytest.mark.parametrize(("fault", "check"), [
    ({"generate": "html"}, lambda reply: b"<html>" in reply.body
     and reply.headers["Content-Type"] == "text/html"),
    ({"generate": "garbage", "size": 50}, lambda reply: len(reply.body) == 50),
    ({"generate": "deep", "size": 100000}, lambda reply: reply.body.count(b"[") == 100000),
    ({"generate": "long_line", "size": 10**6}, lambda reply: b"a" * 10**6 in reply.body),
    ({"body_b64": "AAEC"}, lambda reply: reply.body == b"\0\1\2"),
    ({"status": 410}, lambda reply: (reply.status, reply.body) == (410, b"")),
])
def test_bodies(server: ApiServer, tenant: Tenant, fault: dict[str, Any], check: Any) -> None:
    server.set_fault(path=ME, count=1, **fault)
    assert check(tenant.rk("GET", ME))


def test_slow_and_silent(server: ApiServer, tenant: Tenant) -> None:
    server.set_fault(path=ME, count=1, rate=4000)
    began = time.monotonic()
    assert tenant.rk("GET", ME).status == 200
    assert time.monotonic() - began > 0.1
    for fault in ({"stall_head_after": 20}, {"hang": True}):
        server.set_fault(path=ME, count=1, **fault)
        with pytest.raises(TimeoutError):
            impatient(tenant.rk)
    server.set_fault(path="/api/events", count=1, silent=True)
    stream = tenant.device().watch(tenant.watch("device"))
    assert stream.response.status == 200 and stream.silent()
    stream.close()


def impatient(client: Client) -> None:
    """A request that waits for a moment only."""
    with raw_socket(client.server) as raw:
        context = ssl.create_default_context(cafile=client.server.ca_path)
        with context.wrap_socket(raw, server_hostname=f"api.{DOMAIN}") as sock:
            sock.sendall(f"GET {ME} HTTP/1.1\r\nHost: api.{DOMAIN}\r\n"
                         f"Authorization: Bearer {client.token}\r\n\r\n".encode())
            sock.settimeout(0.1)
            while sock.recv(4096):
                pass


@pytest.mark.parametrize(("how", "ended"), [("rst", "reset"), ("fin", "torn"), ("close", "cut"),
                                            ("final", "clean")])
def test_cuts(server: ApiServer, tenant: Tenant, how: str, ended: str) -> None:
    """By bytes, by events, and on command: everything before the cut arrives."""
    client = tenant.device()
    server.set_fault(path="/api/events", count=1, cut_after=100, how=how if how != "final"
                     else "close")
    stream = client.watch(tenant.watch("device"))
    assert stream.end() == (ended if how != "final" else "cut")
    assert len(stream.body) == 100 - len("xxx\r\n")
    server.set_fault(path="/api/events", count=1, end_after=2, how=how)
    stream = client.watch(tenant.watch("device"), tenant.watch("vpc"))
    assert stream.end() == ended and stream.body.count(b"\n\n") == 2
    for mid_record in (False, True) if how != "final" else (False,):
        stream = client.watch(tenant.watch("device"))
        stream.tails(["device"])
        before = len(stream.body)
        assert server.cut_streams(how, mid_record) >= 1
        assert stream.end() == ended
        assert (b"\n\n" not in stream.body[before:]) and (len(stream.body) > before) == mid_record


def test_strange_streams(server: ApiServer, tenant: Tenant) -> None:
    client, other = tenant.device(), tenant.add("other")

    def body_with(**fault: Any) -> bytes:
        number = server.set_fault(path="/api/events", end_after=3, how="final", **fault)
        stream = client.watch(tenant.watch("device"))
        assert stream.end() == "clean"
        server.ask("fault_clear", number=number)
        return stream.body

    plain = body_with()
    assert plain.endswith(b'{"kind":"device","type":"tail"}\n\n') and plain.count(b"change") == 2
    assert b"tail" not in body_with(no_tail=True)
    assert body_with(repeat=True).count(b"change") == 4
    assert body_with(shuffle=True).endswith(b'"tail"}\n\n')
    assert body_with(generate="unknown_kind", inject_at="start").startswith(
        b'{"kind":"quantum-tunnel"')
    assert body_with(generate="error_event").endswith(b'user request"}}\n\n')
    assert body_with(inject=[{"kind": "device", "type": "delete", "value": {}}, "x"],
                     inject_at=1).count(b'{"kind":"device","type":"delete","value":{}}\n\nx') == 1
    server.set_fault(path="/api/events", count=1, generate="error_event", end_after=0, how="final")
    stream = client.watch(tenant.watch("device", at_tail=True, gt_revision=2**62))
    assert stream.end() == "clean" and stream.body.count(b"error") == 2
    server.set_fault(path="/api/events", count=1, shuffle=True)
    stream = client.watch(tenant.watch("device", at_tail=True))
    assert (stream.next() or {})["type"] == "change"  # no tail comes that it would wait for
    stream.close()
    number = server.set_fault(hide=[other["id"]])
    assert other["id"] not in str(client("GET", f"/api/vpcs/{tenant.id}/devices").json())
    stream = client.watch(tenant.watch("device"))
    assert other["id"] not in str(stream.tails(["device"]))
    server.ask("fault_clear", number=number)
    assert server.ask("inject", what="delete_unknown") >= 1
    assert (stream.next() or {})["type"] == "delete"
    server.ask("inject", record={"kind": "device", "type": "change", "value": {"revision": 1}})
    assert (stream.next() or {})["value"] == {"revision": 1}
    stream.close()
    server.set_fault(hide=["*"], count=1)
    assert client("GET", f"/api/vpcs/{tenant.id}/devices").json() == []


def test_network(server: ApiServer, tenant: Tenant) -> None:
    server.network("refuse", drop=True)
    with pytest.raises(ConnectionRefusedError):
        raw_socket(server)
    server.network("stall_tls", count=1)
    with raw_socket(server) as sock:
        sock.sendall(b"\x16\x03\x01")
        sock.settimeout(0.1)
        with pytest.raises(TimeoutError):
            sock.recv(1)
    for mode, error in (("reset", ConnectionError), ("plain", ssl.SSLError)):
        server.network(mode, count=1)
        with pytest.raises(error):
            tenant.rk("GET", ME)
    assert tenant.rk("GET", ME).status == 200


@pytest.mark.parametrize(("name", "words"), [
    ("expired", "expired"), ("not_yet_valid", "not yet valid"), ("wrong_host", "not valid for"),
    ("self_signed", "self-signed"), ("other_ca", "unable to get local issuer")])
def test_certificates(server: ApiServer, tenant: Tenant, name: str, words: str) -> None:
    server.ask("certificate", name=name)
    with pytest.raises(ssl.SSLCertVerificationError, match=words):
        tenant.rk("GET", ME)


def test_needs_sni(server: ApiServer) -> None:
    context = ssl.create_default_context(cafile=server.ca_path)
    context.check_hostname = False
    with raw_socket(server) as raw, pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        context.wrap_socket(raw)


def test_clock(server: ApiServer, tenant: Tenant) -> None:
    server.set(clock_offset_s=-86400)
    assert time.strftime("%d %b", time.gmtime(time.time() - 86400)) in tenant.rk(
        "GET", ME).headers["Date"]


def test_violations(server: ApiServer, tenant: Tenant) -> None:
    """What is wrong with a request is noted, and secrets are not."""
    server.ask("requests_clear")
    tenant.rk("POST", "/api/devices", '{"a":1,"a":2}', **{"User-Agent": "", "Accept": "*/*"})
    tenant.rk("GET", "/api/vpcs?token=RK:abc")
    noted = server.violations()
    for words in ("user-agent", "accept '*/*'", "comes twice", "secret in the URL"):
        assert any(words in line for line in noted), noted
    assert tenant.rk.token not in json.dumps(server.requests())


def test_names(server: ApiServer, tenant: Tenant) -> None:  # noqa: F811 - mends the server
    def ask(name: str, kind: int, port: int = 53) -> tuple[int, bytes]:
        labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.1)
            query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels
            sock.sendto(query + struct.pack("!BHH", 0, kind, 1), ("127.0.0.1", port))
            reply = sock.recv(512)
        return reply[3] & 15, reply[-4:] if reply[7] and kind == 1 else reply[-16:] * reply[7]

    assert ask(f"api.{DOMAIN}", 1) == (0, socket.inet_aton("127.0.0.1"))
    assert ask(f"api.{DOMAIN}", 28) == (0, socket.inet_pton(socket.AF_INET6, "::1"))
    assert ask("example.net", 1) == (3, b"")
    server.ask("dns", mode="servfail", only="A")
    assert [ask(f"x.{DOMAIN}", kind)[0] for kind in (1, 28)] == [2, 0]
    server.ask("dns", mode="silent", only="")
    with pytest.raises(TimeoutError):
        ask(f"api.{DOMAIN}", 1)
    server.ask("dns", mode="ok")
    server.ask("dns_set", name=f"stun.{DOMAIN}", addresses=["192.0.2.7"])
    assert ask(f"STUN.{DOMAIN}", 1) == (0, socket.inet_aton("192.0.2.7"))


def test_stun(server: ApiServer, tenant: Tenant) -> None:  # noqa: F811 - mends the server
    def ask() -> tuple[bytes, int]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.1)
            sock.bind(("127.0.0.1", 0))
            sock.sendto(struct.pack("!HHI", 1, 0, 0x2112A442) + b"transaction.",
                        ("127.0.0.1", 3478))
            return sock.recv(512), sock.getsockname()[1]

    reply, port = ask()
    assert reply[:20] == struct.pack("!HHI", 0x0101, 12, 0x2112A442) + b"transaction."
    assert reply[20:26] == struct.pack("!HHBB", 0x0020, 8, 0, 1)
    assert struct.unpack("!HI", reply[26:]) == (port ^ 0x2112, 0x7F000001 ^ 0x2112A442)
    server.ask("stun", mapped="198.51.100.9:4500")
    assert struct.unpack("!H", ask()[0][26:28])[0] == 4500 ^ 0x2112
    server.ask("stun", mode="error")
    assert ask()[0][:2] == b"\x01\x11"
    server.ask("stun", mode="silent", server=0)
    with pytest.raises(TimeoutError):
        ask()


def test_ctl(server: ApiServer, tenant: Tenant) -> None:  # noqa: F811 - its VPC
    """The commands from a shell."""
    def ctl(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([f"{ROOT}/tests/api/ctl", *argv], capture_output=True, text=True,
                              check=False)

    done = ctl(server.state_dir, "device-add", f"public_key={new_public_key()}", "hostname=web",
               f"vpc={tenant.id}", f"owner={tenant.id}", 'advertise_cidrs=["10.77.0.0/24"]')
    assert json.loads(done.stdout)["advertise_cidrs"] == ["10.77.0.0/24"]
    wrong = ctl(server.state_dir, "device-delete", "device=nobody")
    assert (wrong.returncode, wrong.stderr) == (1, "ctl: ValueError: no device 'nobody'\n")
    assert ctl().returncode == 2
