# SPDX-License-Identifier: Apache-2.0
"""From a registration key to a registered relay."""

import ipaddress
import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from registering import (METADATA, REGISTERED, REGISTRATION, STREAM, UPDATE, WITH_KEY,
                         Registering, lab_of_module, net, secret_file)

from lab.syscalls import CLONE_NEWUTS, unshare
from lab.wireguard import make_key
from lab.wait import LIMIT_S, wait_until

__all__ = ["lab_of_module", "net"]  # fixtures


def test_order_and_bodies(net: Registering) -> None:
    """What is asked, in which order and with which token; and the bodies, member by member."""
    net.registers()
    net.api.wait_idle_stream()
    assert net.steps() == REGISTERED
    look = net.api.requests(".*/devices", "GET")[0]
    assert json.loads(look["query"]["filter"]) == {"relay": True}
    body = net.last_body("POST", "/api/devices")
    local, mapped = body.pop("endpoints")
    ours = net.way.relay_endpoint(4)
    assert local == {"source": "local", "address": ours}
    assert mapped["address"] == ours
    assert mapped["source"] in ("stun:stun.nexodus.test:3478", "stun:stun.nexodus.test:3479")
    assert body == {"vpc_id": net.api.info["vpc"], "public_key": net.public(), "relay": True,
                    "hostname": os.uname().nodename, "os": "linux", "symmetric_nat": False}
    assert net.last_body("PUT", ".*") == {"type": "wireguard"}
    kinds = [watch["kind"] for watch in net.last_body("POST", "/api/events")]
    assert "device" in kinds


def renamed(hostname: bytes, function: Callable[[], object]) -> None:
    """Call it in a thread that has entered a UTS namespace of its own, where the host has that
    name; what it starts stays there."""
    error: list[BaseException] = []

    def enter() -> None:
        try:
            unshare(CLONE_NEWUTS)
            socket.sethostname(hostname)
            function()
        except BaseException as err:  # handed on, as the caller's own
            error.append(err)
    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if error:
        raise error[0]


@pytest.mark.parametrize(("hostname", "shown"), [
    (b"a\xffb", "a?b"), (b"\xed\xa0\x80", "???"), (b"\xc3" * 64, "?" * 64),
    (b"caf\xc3\xa9", "caf\u00e9"), (b"x\xe2\x80\xaey", "x???y")])
def test_host_name_is_no_text(net: Registering, hostname: bytes, shown: str) -> None:
    """It is registered under one that is."""
    renamed(hostname, net.registers)
    assert net.record()["hostname"] == shown
    assert net.last_body("POST", "/api/devices")["hostname"] == shown


def test_it_is_kept(net: Registering) -> None:
    """In a file of root's alone, without the key itself; and the next start asks for nothing."""
    daemon = net.registers()
    record = net.record()
    wait_until(lambda: os.path.exists(REGISTRATION), "registration.json")
    kept = net.registration()
    assert os.stat(REGISTRATION).st_mode & 0o7777 == 0o600
    assert kept["device_id"] == record["id"] and kept["device_token"].startswith("DT:")
    assert "RK:" not in json.dumps(kept)
    daemon.stop()
    net.api.revoke_key(net.reg_key)
    seen = net.api.last_request()
    net.registers("--service-url", net.api.service_url)
    assert net.steps(seen) == [STREAM]
    same = ("id", "ipv4_tunnel_ips", "ipv6_tunnel_ips", "relay", "hostname", "security_group_id")
    assert {name: net.record()[name] for name in same} == {name: record[name] for name in same}


NO_GROUP = "8ac43e59-4bdc-4225-a5ee-6161a9db9dc3"  # there is none with this id
WAYS = ["url", "file", "indented file", "environment", "environment file", "credential", "config", "config file"]


@pytest.mark.parametrize("way", [*WAYS, "bare", "bare file"])
def test_ways_to_give_the_key(net: Registering, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the command line, in a file, in the environment, as a credential of systemd's and in the
    configuration; whole, or without the URL."""
    key = net.reg_key["bearer_token"] if "bare" in way else net.reg_key["url"]
    options: tuple[str, ...] = ("--service-url", net.api.service_url) if "bare" in way else ()
    with ExitStack() as stack:
        path = stack.enter_context(secret_file(f"  {key} \t\r\n" if way == "indented file"
                                               else key + "\n"))
        if way in ("url", "bare"):
            options += ("--reg-key", key)
        elif way in ("file", "indented file", "bare file"):
            options += ("--reg-key-file", path)
        elif way == "environment":
            monkeypatch.setenv("NEX_RELAY_REG_KEY", key)
        elif way == "environment file":
            monkeypatch.setenv("NEX_RELAY_REG_KEY_FILE", path)
        elif way == "credential":
            os.makedirs("/run/lab/credentials", mode=0o700, exist_ok=True)
            stack.enter_context(secret_file(key, "/run/lab/credentials/reg-key"))
            monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/lab/credentials")
        else:
            line = f"reg-key = {key}" if way == "config" else f"reg-key-file = {path}"
            options += ("--config", stack.enter_context(secret_file(line + "\n", "/run/lab/conf")))
        net.registers(*options)
    assert net.steps()[:5] == [*WITH_KEY, METADATA]


def test_security_group_of_the_key(net: Registering) -> None:
    """The server ignores the group at first: it is applied by an update."""
    group = net.api.ask("group_add")["id"]
    net.reg_key = net.api.make_reg_key(security_group_id=group)
    net.registers()
    assert net.steps()[:6] == [*WITH_KEY, UPDATE, METADATA]
    assert "security_group_id" not in net.last_body("POST", "/api/devices")
    body = net.last_body("PATCH", ".*")
    assert body.pop("security_group_id") == group == net.record()["security_group_id"]
    assert body == {name: value for name, value in net.last_body("POST", "/api/devices").items()
                    if name not in ("os", "public_key")}


def test_another_key_of_the_same_vpc(net: Registering) -> None:
    """Keys are rotated: the relay has a token of its own, which is as good as before. In an outage
    it goes on with the list, and the new key need not even be a good one."""
    net.api.ask("device_add", public_key=make_key().public, hostname="spoke")
    net.registers().stop()
    kept = net.registration()
    for what in ("good", "outage", "revoked"):
        net.reg_key = net.api.make_reg_key()
        net.commands.down()
        if what == "outage":
            net.api.network("refuse", drop=True)
        elif what == "revoked":
            net.api.revoke_key(net.reg_key)
        seen = net.api.last_request()
        daemon = net.begin("--verbose", *net.credentials())
        if what == "outage":
            net.wait_message("ask for the registration key: connect to", "retrying", daemon)
            wait_until(lambda: len(net.commands.entries()) == 1, "the list")
            net.api.network("ok")
            daemon.signal(signal.SIGHUP)
        net.wait_message("following the VPC's devices", "watching")
        assert net.steps(seen) == [WITH_KEY[0], STREAM], what
        assert net.registration()["device_token"] == kept["device_token"]
        daemon.stop()


def test_key_of_another_vpc(net: Registering) -> None:
    """What is kept is of no use then: this key asks for a relay elsewhere, and the server says who
    has our public key."""
    net.registers().stop()
    other = net.api.ask("vpc_add", ipv4_cidr="10.99.0.0/16", ipv6_cidr="fd99::/64")["id"]
    net.reg_key = net.api.ask("key_add", vpc=other)
    net.begin("--verbose", *net.credentials())
    net.wait_message("somebody else has registered.*private.key", "refused")


def test_default_port(net: Registering) -> None:
    """Said or not, it is the same service, and the same registration."""
    net.registers().stop()
    seen = net.api.last_request()
    net.registers("--service-url", f"{net.api.service_url}:443")
    assert net.steps(seen) == [STREAM]


def test_registered_before(net: Registering) -> None:
    """Somebody with our key is there: it is us, whatever we have kept."""
    net.registers().stop()
    first = net.record()
    os.unlink(REGISTRATION)
    seen = net.api.last_request()
    net.registers()
    assert net.steps(seen) == [*WITH_KEY, UPDATE, METADATA, STREAM]
    assert net.api.requests("/api/devices/.*", "PATCH")[-1]["path"] == f"/api/devices/{first['id']}"
    assert net.record()["id"] == first["id"]
    assert net.record()["ipv4_tunnel_ips"] == first["ipv4_tunnel_ips"]


def test_from_nexd(net: Registering) -> None:
    """The key of a nexd that was the relay here: the same device, and nothing of it is lost."""
    os.makedirs("/var/lib/nexd", mode=0o700, exist_ok=True)
    path = "/var/lib/nexd/state.json"
    key = make_key()
    keys = {"private-key": key.private, "public-key": key.public}
    old = net.api.ask("device_add", public_key=keys["public-key"], hostname="was-nexd", relay=True,
                      metadata={"type": "wireguard"})
    net.reg_key = net.api.make_reg_key()
    with secret_file(json.dumps(keys | {"port": 51820}), path):
        daemon = net.begin(*net.credentials())
        # Another key has made that device: it may not change it.
        net.wait_message("somebody else has registered.*reg key does not have access", "refused")
        daemon.stop()
        user, password = net.api.info["username"], net.api.info["password"]
        with secret_file(password) as file:
            net.registers("--service-url", net.api.service_url, "--username", user,
                          "--password-file", file)
    assert net.record()["id"] == old["id"]
    assert net.record()["ipv4_tunnel_ips"] == old["ipv4_tunnel_ips"]


def test_requested_address(net: Registering) -> None:
    first = ipaddress.ip_network(net.api.vpc.ipv4)[77]
    net.registers(*net.credentials(), "--request-ip", str(first))
    assert net.last_body("POST", "/api/devices")["ipv4_tunnel_ips"] == [
        {"address": str(first), "cidr": net.api.vpc.ipv4}]
    assert net.record()["ipv4_tunnel_ips"][0]["address"] == str(first)


def test_requested_address_is_taken(net: Registering) -> None:
    """The server gives another one and says nothing: we say it."""
    first = str(ipaddress.ip_network(net.api.vpc.ipv4)[77])
    net.api.ask("device_add", public_key=make_key().public, addresses=[first])
    daemon = net.registers(*net.credentials(), "--request-ip", first)
    given = net.record()["ipv4_tunnel_ips"][0]["address"]
    words = f"asked for {first}, and the server gave {given}"
    net.wait_message(words)
    daemon.stop()
    net.registers(*net.credentials(), "--request-ip", first)  # as what it is already
    net.wait_message(words)


@pytest.mark.parametrize("address", ["192.0.2.9", "2001:db8::9"])
def test_local_endpoint(net: Registering, address: str) -> None:
    net.registers(*net.credentials(), "--local-endpoint-ip", address)
    local, mapped = net.last_body("POST", "/api/devices")["endpoints"]
    shown = f"[{address}]" if ":" in address else address
    assert local == {"source": "local", "address": f"{shown}:51820"}
    assert mapped["address"] == net.way.relay_endpoint(4)


@pytest.mark.parametrize("family", [4, 6])
def test_network_comes_late(net: Registering, family: int) -> None:
    """At first there is no way to a name server, and so no address of ours: who publishes none, or
    one alone, brings agents down."""
    net.api.ask("stun", mode="silent")
    net.api.ask("dns", mode="servfail")
    if family == 6:
        net.api.ask("dns_set", addresses=[net.way.address(6)])
    daemon = net.begin("--verbose", *net.credentials())
    net.wait_message("no STUN server answers")  # that is, the first look is over
    net.wait_message("Could not resolve host", "retrying", daemon)
    net.api.ask("dns", mode="ok")
    daemon.signal(signal.SIGHUP)
    net.wait_message("following the VPC's devices", "watching")
    ours = net.way.relay_endpoint(family)
    assert [item["address"] for item in net.last_body("POST", "/api/devices")["endpoints"]] == [
        ours, ours]
    assert any("no STUN server answers" in line for line in daemon.messages())


def test_ipv4_leads_nowhere(net: Registering) -> None:
    """The default route over IPv4 is one into a bridge of containers: agents get the address that
    has reached the server, too."""
    ours = f"{net.way.relay_endpoint(4).partition(':')[0]}/24"
    shown = net.relay.run("ip", "-j", "address", "show", "to", ours)
    device = json.loads(shown)[0]["ifname"]
    net.relay.run("ip", "address", "delete", ours, "dev", device)
    net.relay.run("ip", "link", "add", "br0", "type", "bridge")
    try:
        net.relay.run("ip", "address", "add", "172.17.0.1/16", "dev", "br0")
        net.relay.run("ip", "link", "set", "br0", "up")
        net.relay.run("ip", "route", "add", "default", "dev", "br0")
        net.resolv_conf(f"nameserver {net.way.address(6)}\n")
        net.api.ask("stun", mode="silent")
        net.registers()
        found = [item["address"] for item in net.last_body("POST", "/api/devices")["endpoints"]]
        assert found == ["172.17.0.1:51820", net.way.relay_endpoint(6)]
    finally:
        net.relay.run("ip", "link", "delete", "br0")
        net.relay.run("ip", "address", "add", ours, "dev", device)
        net.resolv_conf(net.api.resolv_conf())


def test_without_stun(net: Registering) -> None:
    """No STUN server answers: there are two endpoints nevertheless, both with an address, and
    nothing waits longer for them than three seconds."""
    net.api.ask("stun", mode="silent")
    net.registers()
    first, post = (net.api.requests(path)[-1]["time"] for path in ("/api/reg-keys/me",
                                                                   "/api/devices"))
    assert post - first < 3
    local, mapped = net.last_body("POST", "/api/devices")["endpoints"]
    assert local == {"source": "local", "address": net.way.relay_endpoint(4)}
    assert mapped == {"source": "stun:", "address": local["address"]}


def test_single_use_key(net: Registering) -> None:
    """Works once, for one device; which goes on without it, and with it when nothing was kept."""
    net.reg_key = net.api.make_reg_key(single_use=True)
    net.registers().stop()
    assert net.record()["id"] == net.reg_key["device_id"]
    os.unlink(REGISTRATION)
    net.registers().stop()
    assert net.record()["id"] == net.reg_key["device_id"]
    net.commands.down()
    net.api.update_device(net.reg_key["device_id"], relay=False)
    for name in os.listdir(os.path.dirname(REGISTRATION)):
        os.unlink(f"{os.path.dirname(REGISTRATION)}/{name}")
    net.begin(*net.credentials())
    net.wait_message("single use reg key exhausted", "refused")


def _trust(path: str, text: bytes) -> None:
    with open(f"{path}.new", "wb") as file:
        file.write(text)
    os.rename(f"{path}.new", path)


NO_CERTIFICATE = {"empty": b"", "text": b"# nothing\n", "key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n"
                  b"-----END PRIVATE KEY-----\n", "NULs": bytes(4096)}
BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize("what", [*NO_CERTIFICATE, "cut", "folder", "FIFO", "missing"])
def test_no_certificate_to_trust(net: Registering, tmp_path: Path, what: str) -> None:
    """Refused at the start, before anything is made."""
    path = tmp_path / "ca.pem"
    if what == "folder":
        path.mkdir()
    elif what == "FIFO":
        os.mkfifo(path)
    elif what == "cut":
        with open(net.api.ca_path, "rb") as file:
            path.write_bytes(file.read()[:-40])
    elif what != "missing":
        path.write_bytes(NO_CERTIFICATE[what])
    daemon = net.begin(*net.credentials(), "--ca-file", str(path))
    assert daemon.process.wait(LIMIT_S) == 1
    [line] = daemon.messages()
    reason = {"cut": "damaged", "folder": "no regular file",
              "FIFO": "no regular file", "missing": "No such file"}.get(what, "no certificate in it")
    assert "--ca-file" in line and str(path) in line and reason in line
    assert not os.path.exists("/run/nex-relay/wg0") and net.calls() == []


def test_no_certificate_any_more(net: Registering, tmp_path: Path) -> None:
    """What is trusted already stays so, and that is said; after a restart of the helper as well."""
    path = f"{tmp_path}/ca.pem"
    with open(net.api.ca_path, "rb") as file:
        good = file.read()
    _trust(path, good)
    os.chmod(path, 0o600)  # for root alone
    daemon = net.registers(*net.credentials(), "--ca-file", path)
    for bad, reason in ((b"", "no certificate in it"), (good[:-40], "damaged"),
                        (None, "No such file")):
        daemon.new_messages()
        if bad is None:
            os.unlink(path)
        else:
            _trust(path, bad)
        daemon.signal(signal.SIGHUP)
        wait_until(lambda reason=reason: [line for line in daemon.new_messages()
                                          if "ca-file" in line and reason in line], "message")
    net.wait_message("SIGHUP", "watching")
    net.api.cut_streams()
    wait_until(lambda: net.control()["state"] == "watching", "another stream")
    # A new helper gets the last good ones, and does not turn to the system's.
    source = daemon.source()
    os.kill(source or 0, signal.SIGKILL)
    wait_until(lambda: daemon.source() not in (None, source), "another helper")
    wait_until(lambda: net.control()["state"] == "watching", "another stream")
    _trust(path, BROKEN)  # seen when it is used
    daemon.signal(signal.SIGHUP)
    os.kill(daemon.source() or 0, signal.SIGKILL)
    net.wait_message("check the certificate of.*(blob|problem)", "retrying")
    _trust(path, good)  # seen at the next try, without a signal
    wait_until(lambda: net.control()["state"] == "watching", "trust")


@pytest.mark.parametrize("what, words", [
    ("expired", r"not accepted \(deleted, or expired\)"), ("revoked", "401: invalid reg key"),
    ("no vpc", "not one for a VPC"), ("no such group", "security_group_id")])
def test_keys_that_are_no_good(net: Registering, what: str, words: str) -> None:
    """Said once, and not asked again soon."""
    if what == "expired":
        net.api.ask("key_expire", key=net.reg_key["id"])
    elif what == "revoked":
        net.api.revoke_key(net.reg_key)
    elif what == "no vpc":
        shown = {name: value for name, value in net.reg_key.items() if name != "vpc_id"}
        net.api.set_fault(path="/api/reg-keys/me", status=200, body=json.dumps(shown))
    else:
        net.reg_key = net.api.make_reg_key(security_group_id=NO_GROUP)
    daemon = net.begin(*net.credentials())
    said = net.wait_message(words, "refused")
    assert net.control()["message"] in said
    assert net.waits_s(daemon) >= 30
    assert len(net.api.requests("/api/reg-keys/me")) == 1
