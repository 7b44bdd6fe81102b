# SPDX-License-Identifier: Apache-2.0
"""Whether a relay may be the relay: another one is there already, what was kept is of no use, the
device token is no good; and what it does when it is not wanted any more."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from registering import (METADATA, REGISTERED, REGISTRATION, STREAM, UPDATE, WITH_KEY, Registering,
                         lab_of_module, net, secret_file)

from lab import footprint
from lab.wait import LIMIT_S, wait_until
from lab.wireguard import make_key

__all__ = ["lab_of_module", "net"]  # fixtures
OTHER_KEY = "HPV5q6RaELodHvBtkfyiqp7QoRUFFWUxVUBdCxjLmmc="
LOOK_S = 12  # every ten seconds it looks whether its files are there
GONE = {"by its key": "delete", "by its token": "token"}


def test_another_relay(net: Registering) -> None:
    """Nothing is registered, and the message names the relay that is there; nothing of that one is
    changed. When it is deleted, this one registers by itself."""
    other = net.api.ask("device_add", public_key=OTHER_KEY, hostname="first", relay=True)
    daemon = net.begin("--verbose", *net.credentials())
    said = net.wait_message(f"a relay already, 'first' .device {other['id']}.", "refused")
    assert net.waits_s(daemon) >= 30 and "nothing was registered" in said
    assert net.calls() == WITH_KEY[:3]
    assert net.api.ask("devices") == [other]
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(net.calls()) == 6, "another look")
    net.wait_message("a relay already", "refused")
    net.api.delete_device("first")
    daemon.signal(signal.SIGHUP)
    net.wait_message("following the VPC's devices", "watching")
    assert net.steps()[6:] == REGISTERED


def test_another_relay_at_the_last_moment(net: Registering) -> None:
    """Two that are started together both find none, if they look and then wait for STUN: the look
    is the last thing before the registration."""
    net.api.ask("stun", mode="silent")
    daemon = net.begin("--verbose", *net.credentials())
    wait_until(lambda: net.api.requests("/api/vpcs/[^/]*"), "a look at the VPC")
    asked = len(net.api.ask("stun")[0]["requests"])
    wait_until(lambda: len(net.api.ask("stun")[0]["requests"]) > asked + 1, "waiting for STUN")
    net.api.ask("device_add", public_key=OTHER_KEY, hostname="first", relay=True)
    net.wait_message("a relay already, 'first'", "refused", daemon)
    assert net.calls() == WITH_KEY[:3]


def test_device_of_another_vpc(net: Registering) -> None:
    """The server leaves our device where it is, in another VPC: this one is not announced there as
    the relay of here."""
    net.registers().stop()
    os.unlink(REGISTRATION)
    other = net.api.ask("vpc_add", ipv4_cidr="10.99.0.0/16", ipv6_cidr="fd99::/64")["id"]
    elsewhere = net.record() | {"vpc_id": other}
    del elsewhere["token"]
    net.api.set_fault(path="/api/devices/[^/]*", method="PATCH", status=200,
                      content_type="application/json", body=json.dumps(elsewhere))
    net.api.ask("requests_clear")
    net.begin("--verbose", *net.credentials())
    net.wait_message("update the device: expected a device, got one of another VPC", "retrying")
    assert net.calls() == [*WITH_KEY, UPDATE]
    net.api.clear_faults()
    net.wait_message("following the VPC's devices", "watching")


def test_another_relay_later(net: Registering) -> None:
    """Agents may take either: that is said, once for each that comes. Nothing else changes."""
    daemon = net.registers()
    words = "the VPC has another relay, 'other'"
    for count in (1, 2):
        device = net.api.ask("device_add", public_key=OTHER_KEY, hostname="other", relay=True)
        wait_until(lambda count=count: sum(words in line for line in daemon.messages()) == count,
                   "word of it")
        assert any(device["id"] in line for line in daemon.messages() if words in line)
        net.api.update_device("other", advertise_cidrs=["10.77.0.0/16"])
        net.api.delete_device("other")
        wait_until(lambda: net.commands.entries() == {}, "end of it")
    assert sum(words in line for line in daemon.messages()) == 2
    net.wait_state("watching")


def test_two_other_relays_are_told_once(net: Registering) -> None:
    """Whatever events they have; when the one that was told of goes, the other is told."""
    net.registers()
    words = "the VPC has another relay, "
    others = [net.api.ask("device_add", public_key=make_key().public, hostname=f"other{number}",
                          relay=True) for number in range(2)]
    net.wait_message(words)
    for turn in range(5):
        for other in others:
            net.api.update_device(other["id"], hostname=f"{other['hostname']}-{turn}")
    for other in others:
        wait_until(lambda name=f"{other['hostname']}-4": name in net.commands.peers(), "last name")
    said = [line for line in net.commands.daemons[-1].messages() if words in line]
    assert len(said) == 1 and "'other0" in said[0], said
    net.api.delete_device(others[0]["id"])
    net.wait_message(f"{words}'other1-4'")
    net.api.delete_device(others[1]["id"])


def test_no_relay_any_more(net: Registering) -> None:
    """Agents do not use it, and nobody would know why."""
    daemon = net.registers()
    assert not any("no relay any more" in line for line in daemon.messages())
    net.api.update_device(net.record()["id"], relay=False)
    net.wait_message("no relay any more at the server.*remove registration.json", "watching")
    daemon.stop()
    os.unlink(REGISTRATION)
    daemon = net.registers()
    assert net.record()["relay"]
    assert not any("no relay any more" in line for line in daemon.messages())


def test_hostile_name_of_another_relay(net: Registering) -> None:
    """Is shown without what a terminal would act on."""
    net.api.ask("device_add", public_key=OTHER_KEY, hostname="\x1b[2Jx\u202e\n" + "y" * 300, relay=True)
    daemon = net.begin("--verbose", *net.credentials())
    net.wait_message("a relay already", "refused")
    assert not set("".join(daemon.messages()) + net.control()["message"]) & set("\x1b\u202e")


def test_spokes_are_no_relays(net: Registering) -> None:
    net.api.ask("device_add", public_key=OTHER_KEY, hostname="spoke")
    net.registers()


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "cut off": lambda kept: json.dumps(kept)[:-20],
    "empty": lambda kept: "",
    "NULs": lambda kept: "\0" * 500,
    "no object": lambda kept: [kept],
    "later version": lambda kept: kept | {"version": 2},
    "no version": lambda kept: kept | {"version": None},
    "other server": lambda kept: kept | {"api": "https://api.example.com"},
    "other key pair": lambda kept: kept | {"public_key": OTHER_KEY},
    "no device": lambda kept: {name: kept[name] for name in kept if name != "device_id"},
    "device is no id": lambda kept: kept | {"device_id": "../vpcs"},
    "line end in the token": lambda kept: kept | {"device_token": "DT:a\r\nX: y"},
    "token is a number": lambda kept: kept | {"device_token": 7},
    "token is too long": lambda kept: kept | {"device_token": "D" * 9000},
}


def test_what_was_kept_is_of_no_use(net: Registering) -> None:
    """It registers anew, as the same device, and keeps that."""
    net.registers().stop()
    good, first = net.registration(), net.record()
    for name, damage in DAMAGE.items():
        bad = damage(dict(good))
        with open(REGISTRATION, "w", encoding="utf-8") as file:
            file.write(bad if isinstance(bad, str) else json.dumps(bad))
        seen = net.api.last_request()
        net.registers().stop()
        assert net.steps(seen)[:6] == [*WITH_KEY, UPDATE, METADATA], name
        assert net.record()["id"] == first["id"], name
        assert net.registration() == good, name


@pytest.mark.parametrize(("how", "words"), [("mode", "others can read"), ("owner", "others can read"),
                                            ("link", "Too many"), ("folder", "not a regular file")])
def test_what_was_kept_is_not_safe(net: Registering, how: str, words: str) -> None:
    """It is said, not used, and where it can be, replaced."""
    net.registers().stop()
    first = net.record()
    if how == "mode":
        os.chmod(REGISTRATION, 0o644)
    elif how == "owner":
        os.chown(REGISTRATION, 1000, 1000)
    elif how == "link":
        os.rename(REGISTRATION, f"{REGISTRATION}.real")
        os.symlink(f"{REGISTRATION}.real", REGISTRATION)
    else:
        os.unlink(REGISTRATION)
        os.mkdir(REGISTRATION)
    seen = net.api.last_request()
    daemon = net.registers()
    assert any(words in line and REGISTRATION in line for line in daemon.messages())
    assert net.steps(seen)[:6] == [*WITH_KEY, UPDATE, METADATA]
    assert net.record()["id"] == first["id"]
    if how == "folder":
        daemon.stop()
        os.rmdir(REGISTRATION)
        return
    assert os.lstat(REGISTRATION).st_mode & 0o177777 == 0o100600
    assert os.lstat(REGISTRATION).st_uid == 0
    if how == "link":
        os.unlink(f"{REGISTRATION}.real")


def test_other_vpc(net: Registering) -> None:
    """The same user with another VPC: what was kept is of the first one."""
    vpc = net.api.ask("vpc_add", ipv4_cidr="10.98.0.0/16", ipv6_cidr="fd98::/64")["id"]
    with secret_file(net.api.info["password"]) as path:
        user = ("--service-url", net.api.service_url, "--username", net.api.info["username"],
                "--password-file", path)
        net.registers(*user).stop()
        net.registers(*user, "--vpc-id", vpc)
    assert [device["vpc_id"] for device in net.api.ask("devices", vpc=vpc)] == [vpc]
    assert net.registration()["vpc_id"] == vpc


@pytest.mark.parametrize("what", ["token", "device"])
def test_token_is_refused_at_the_start(net: Registering, what: str) -> None:
    """Who has a key registers anew."""
    net.registers().stop()
    first = net.record()
    if what == "token":
        net.api.ask("token_renew", device=first["id"])
    else:
        net.api.delete_device(first["id"])
    seen = net.api.last_request()
    daemon = net.registers()
    again = [*WITH_KEY, UPDATE, METADATA] if what == "token" else [*WITH_KEY, METADATA]
    assert net.steps(seen) == [
        STREAM, *again, STREAM]
    assert any("not accepted any more: registering again" in line for line in daemon.messages())
    assert (net.record()["id"] == first["id"]) == (what == "token")
    wait_until(lambda: net.registration()["device_id"] == net.record()["id"], "registration.json")


def test_token_is_refused_for_once(net: Registering) -> None:
    """By a server that is not itself; the key has been deleted meanwhile, as it may be. The token
    is asked for again, and not given up for a key that is no good either."""
    net.registers().stop()
    net.api.revoke_key(net.reg_key)
    net.api.set_fault(path="/api/events", status=401, count=1, content_type="application/json",
                      body='{"error":"invalid device token"}')
    daemon = net.begin("--verbose", *net.credentials())
    net.wait_message("neither the token that is kept nor the registration key", "revoked")
    daemon.signal(signal.SIGHUP)
    net.wait_message("following the VPC's devices", "watching")


def test_nobody_can_register_again(net: Registering) -> None:
    """Without a key it is said how a relay gets in anew."""
    net.registers().stop()
    net.api.delete_device(net.record()["id"])
    net.begin("--verbose", "--service-url", net.api.service_url)
    net.wait_message("to register anew, remove registration.json and restart", "revoked")


def test_registration_is_removed_as_it_was_said(net: Registering) -> None:
    """Who does that has the time that they need: it is not brought back."""
    net.registers().stop()
    net.api.delete_device(net.record()["id"])
    net.begin("--verbose", "--service-url", net.api.service_url)
    net.wait_message("to register anew, remove registration.json and restart", "revoked")
    os.unlink(REGISTRATION)
    time.sleep(LOOK_S)
    assert not os.path.exists(REGISTRATION)
    assert net.commands.written_status()["state"]["error"] is None


def test_told_to_look_while_it_registers_again(net: Registering) -> None:
    """SIGHUP in the middle of it: the one registration goes on, and there is no stream before."""
    net.registers().stop()
    net.api.ask("token_renew", device=net.record()["id"])
    net.api.set_fault(path="/api/vpcs/[^/]+", delay_s=0.5, count=1)
    seen = net.api.last_request()
    daemon = net.begin("--verbose", *net.credentials())
    wait_until(lambda: any(fault.get("hits") for fault in net.api.ask("faults")), "registration")
    daemon.signal(signal.SIGHUP)
    net.wait_message("following the VPC's devices", "watching")
    assert net.steps(seen) == [
        STREAM, *WITH_KEY, UPDATE, METADATA, STREAM]


def test_token_is_refused_and_there_is_no_key(net: Registering) -> None:
    """It says so, and waits for long."""
    net.registers().stop()
    net.api.delete_device(net.record()["id"])
    seen = net.api.last_request()
    daemon = net.begin("--service-url", net.api.service_url)
    net.wait_message("this relay's token is not accepted", "revoked")
    assert net.waits_s(daemon) >= 30
    assert net.steps(seen) == [STREAM]


def test_room_on_the_disk_before_the_end(net: Registering) -> None:
    """What a full disk had no room for is written at the end, long before it would be tried again:
    the next start has a token."""
    folder = "/run/lab/full"
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder], check=True)
    try:
        with open(f"{folder}/filler", "wb", buffering=0) as file:
            file.write(bytes(4096 * 12))  # there is room for a key
            daemon = net.begin("--verbose", *net.credentials(), "--state-dir", folder)
            net.wait_message("following the VPC's devices", "watching")
            wait_until(lambda: os.path.exists(f"{folder}/registration.json"), "registration")
            daemon.stop()
            os.unlink(f"{folder}/registration.json")
            with suppress(OSError):
                while file.write(bytes(4096)):
                    pass
        daemon = net.begin("--verbose", *net.credentials(), "--state-dir", folder)
        net.wait_message("registration.json: No space left", "watching")
        os.unlink(f"{folder}/filler")
        daemon.stop()
        with open(f"{folder}/registration.json", encoding="utf-8") as file:
            assert json.load(file)["device_token"].startswith("DT:")
    finally:
        for running in net.commands.daemons:
            running.stop()
        subprocess.run(["umount", folder], check=True)


def test_key_is_deleted_while_it_is_the_token(net: Registering) -> None:
    """Where the server gives no other: it is the key that is said to be refused."""
    net.api.set(seal="none")
    daemon = net.registers()
    net.api.revoke_key(net.reg_key)
    daemon.signal(signal.SIGHUP)
    net.wait_message("the registration key is not accepted any more", "revoked")
    assert not any("its device was deleted" in line for line in daemon.messages())


@pytest.mark.parametrize("seal", ["other", "none"])
def test_no_token_that_opens(net: Registering, seal: str) -> None:
    """A registration key may not open a stream: the list is asked for with it, now and then, and
    nothing is tried that the key may not do. The next start registers anew."""
    net.api.set(seal=seal)
    daemon = net.registers()
    words = "cannot be opened" if seal == "other" else "gives no device token"
    assert sum(words in line for line in daemon.messages()) == 1
    asks = ("GET", "/api/vpcs/ID/devices", "RK")
    assert net.calls() == [*WITH_KEY, METADATA, asks]
    net.api.ask("device_add", public_key=OTHER_KEY, hostname="spoke")
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: OTHER_KEY in net.commands.entries(), "the new device")
    assert set(net.calls()[5:]) == {asks}
    daemon.stop()
    assert "device_token" not in net.registration()
    net.api.set(seal="aes")
    net.registers()
    assert STREAM in net.calls()


def test_source_dies_and_there_is_no_token(net: Registering) -> None:
    """The next one goes on with the key, and as the device that was registered."""
    net.api.set(seal="none")
    daemon = net.registers()
    source, seen = daemon.source(), net.api.last_request()
    assert source
    os.kill(source, signal.SIGKILL)
    wait_until(lambda: ("GET", "/api/vpcs/ID/devices", "RK") in net.calls(seen), "the list")
    net.wait_message("following the VPC's devices", "watching")
    assert {call[:2] for call in net.calls(seen)} <= {
        ("GET", "/api/vpcs/ID/devices"), ("PATCH", "/api/devices/ID")}  # where it is reached


def test_old_seal(net: Registering) -> None:
    net.api.set(seal="chacha")
    net.registers()
    assert net.steps()[-1] == STREAM


@pytest.mark.parametrize("how", GONE)
def test_exit_on_revoke(net: Registering, how: str) -> None:
    """Everything is taken back, and the status is 1."""
    before = footprint.take(net.relay)
    daemon = net.registers(*net.credentials(), "--exit-on-revoke")
    record = net.record()
    if GONE[how] == "delete":
        net.api.delete_device(record["id"])
    else:
        net.api.revoke_device_token(record["id"])
        net.api.cut_streams()
    assert daemon.process.wait(LIMIT_S) == 1
    assert footprint.difference(before, footprint.take(net.relay)) == []
    told = [line for line in daemon.messages() if "this relay's" in line]
    assert told and not any("forwarding" in line for line in told), told


@pytest.mark.parametrize("how", GONE)
def test_revoked(net: Registering, how: str) -> None:
    """Without that option it forwards with what it has, and says how it stands."""
    net.api.ask("device_add", public_key=OTHER_KEY, hostname="spoke")
    daemon = net.registers()
    wait_until(lambda: OTHER_KEY in net.commands.entries(), "the list")
    if GONE[how] == "delete":
        net.api.delete_device(net.record()["id"])
    else:
        net.api.revoke_device_token(net.record()["id"])
        net.api.cut_streams()
    net.wait_message("forwarding with the last list", "revoked")
    assert OTHER_KEY in net.commands.entries()
    assert daemon.process.poll() is None


def test_what_is_said_of_the_service(net: Registering) -> None:
    """It is the service's, also while the list from disk is forwarded with."""
    net.registers().stop()
    net.api.network("refuse", drop=True)
    net.api.ask("stun", mode="silent")
    net.begin("--service-url", net.api.service_url)
    line = net.wait_message("no STUN server answers")
    assert "https://api.nexodus.test: no STUN server answers" in line
    assert net.commands.written_status()["list"]["from_disk"]
    net.api.network("ok")


def test_certificate_is_not_checked(net: Registering) -> None:
    """Only when that was asked for, which is said."""
    net.api.ask("certificate", name="self_signed")
    daemon = net.begin("--verbose", *net.credentials())
    net.wait_message("certificate", "retrying")
    assert net.api.requests() == []
    daemon.stop()
    net.registers(*net.credentials(), "--insecure-skip-tls-verify")
    assert any("is not checked" in line for line in net.commands.daemons[-1].messages())
    assert os.path.exists(REGISTRATION)


def test_nothing_else_is_written(net: Registering) -> None:
    """What is secret is in two files of root's, and in no other."""
    net.registers()
    wait_until(lambda: os.path.exists(f"{os.path.dirname(REGISTRATION)}/devices.json"), "the list")
    found = {}
    for folder in (os.path.dirname(REGISTRATION), "/run/nex-relay", "/etc/nex-relay", "/tmp"):
        for place, _, names in os.walk(folder):
            for path in (os.path.join(place, name) for name in names):
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as file:
                        found[path] = file.read()
    holders = {path for path, content in found.items()
               if any(secret.encode() in content for secret in net.secrets())}
    assert {os.path.basename(path) for path in holders} == {"registration.json", "private.key"}
    assert all(os.stat(path).st_mode & 0o077 == 0 for path in holders)
