# SPDX-License-Identifier: Apache-2.0
"""A relay that a user lets in: name and password, or the device flow; and how long that holds."""

import json
import time
from collections.abc import Iterator

import pytest
from registering import (METADATA, STREAM, UPDATE, Registering, lab_of_module, net,
                         secret_file)

from lab.relay import Daemon
from lab.wait import wait_until
from lab.wireguard import make_key

__all__ = ["lab_of_module", "net"]  # fixtures
CODES, TOKENS = ".*/auth/device", ".*/token"


@pytest.fixture
def password(net: Registering) -> Iterator[tuple[str, ...]]:
    """Options of `run` for the user who is there from the start."""
    with secret_file(net.api.info["password"] + "\n") as path:
        yield ("--service-url", net.api.service_url, "--username", net.api.info["username"],
               "--password-file", path)


def grants(net: Registering) -> list[str]:
    """What was asked of the token endpoint, in order."""
    return [part.partition("=")[2].rpartition("%3A")[2]
            for request in net.api.requests(TOKENS, "POST")
            for part in request["body"].split("&") if "grant_type=" in part]


def as_user(calls: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [(method, path, "user" if token == "RK" else token) for method, path, token in calls]


def begin_login(net: Registering, *options: str) -> Daemon:
    """Start a relay that has to be let in by somebody, and wait until it says how."""
    daemon = net.begin("--verbose", "--service-url", net.api.service_url, *options)
    net.wait_message("enter the code", "waiting for a login")
    return daemon


def codes(net: Registering, daemon: Daemon) -> list[str]:
    return [line.rpartition(" ")[2] for line in daemon.messages() if "enter the code" in line]


def test_password(net: Registering, password: tuple[str, ...]) -> None:
    """The user's own VPC; the registration is the same as with a key, with another token."""
    net.registers(*password)
    seen = [call for call in net.steps() if call[1].startswith("/api/")]
    assert seen[:6] == as_user([
        ("GET", "/api/users/me", "user"), ("GET", "/api/vpcs/ID", "user"),
        ("GET", "/api/vpcs/ID/devices", "user"), ("POST", "/api/devices", "user"), METADATA,
        STREAM])
    assert grants(net) == ["password"]
    assert net.record()["vpc_id"] == net.api.info["user"]
    assert "refresh_token" not in net.registration()  # there is a device token


def test_password_and_vpc(net: Registering, password: tuple[str, ...]) -> None:
    """Another VPC, and a group: applied by an update, for the server ignores it at first."""
    vpc = net.api.ask("vpc_add", ipv4_cidr="10.99.0.0/16", ipv6_cidr="fd99::/64")["id"]
    group = net.api.ask("group_add", vpc=vpc)["id"]
    net.registers(*password, "--vpc-id", vpc.upper(), "--security-group-id", group)
    seen = net.calls()
    assert ("GET", "/api/users/me", "user") not in seen
    assert as_user([UPDATE])[0] in seen
    record, = net.api.ask("devices", vpc=vpc)
    assert (record["vpc_id"], record["security_group_id"]) == (vpc, group)
    assert net.registration()["vpc_id"] == vpc


def test_wrong_password(net: Registering, password: tuple[str, ...]) -> None:
    with secret_file("Wrong%&+= password\n", "/run/lab/wrong") as path:
        daemon = net.begin(*password[:-1], path)
        said = net.wait_message("password: HTTP status 401: invalid_grant: Invalid user cred",
                                "refused")
    assert "Wrong" not in said and net.waits_s(daemon) >= 30
    assert grants(net) == ["password"]
    assert net.api.devices() == {}


def test_odd_password(net: Registering) -> None:
    """Nothing of it is lost on its way into a form."""
    user = net.api.ask("user_add", username="a+b=c@example.net", password="p&ss=w+rd%20 ;ü\"\\")
    with secret_file("p&ss=w+rd%20 ;ü\"\\") as path:
        net.registers("--service-url", net.api.service_url, "--username", user["username"],
                      "--password-file", path)
    assert [device["owner_id"] for device in net.api.ask("devices", vpc=user["id"])] == [user["id"]]


def test_device_flow(net: Registering) -> None:
    """The URL and the code are said, on stderr and by `status`; when somebody has entered it there,
    the relay is registered in that user's VPC."""
    net.api.set(poll_interval_s=1)
    user = net.other_user()
    daemon = begin_login(net)
    code, = codes(net, daemon)
    message = net.control()["message"]
    assert f"https://auth.nexodus.test/realms/nexodus/device?user_code={code}" in message
    assert f"enter the code {code}" in message
    assert net.commands.status()["control"]["message"] == message
    net.api.ask("approve", user_code=code, username=user["username"])
    net.wait_message("following the VPC's devices", "watching")
    record, = net.api.ask("devices", vpc=user["id"])
    assert record["owner_id"] == user["id"]
    assert set(grants(net)) == {"device_code"}
    daemon.stop()
    seen = net.api.last_request()
    net.registers("--service-url", net.api.service_url)
    assert net.steps(seen) == [STREAM]  # nobody is asked again


def test_denied_then_a_new_code(net: Registering) -> None:
    net.api.set(poll_interval_s=1)
    daemon = begin_login(net)
    net.api.ask("approve", user_code=codes(net, daemon)[0], deny=True)
    net.wait_message("it was denied")
    wait_until(lambda: len(codes(net, daemon)) == 2, "another code")
    net.api.ask("approve", user_code=codes(net, daemon)[1])
    net.wait_message("following the VPC's devices", "watching")


def test_expired_then_a_new_code(net: Registering) -> None:
    net.api.set(poll_interval_s=1, device_code_s=1)
    daemon = begin_login(net)
    wait_until(lambda: len(codes(net, daemon)) == 2, "another code")
    net.api.set(device_code_s=60)
    first = len(codes(net, daemon))
    wait_until(lambda: len(codes(net, daemon)) > first, "a code that stays")
    net.api.ask("approve", user_code=codes(net, daemon)[-1])
    net.wait_message("following the VPC's devices", "watching")
    assert any("code has expired" in line for line in daemon.messages())


def test_slow_down(net: Registering) -> None:
    """Five seconds more between two questions, and no less."""
    net.api.set(poll_interval_s=1)
    net.api.set_fault(path=TOKENS, status=400, body='{"error":"slow_down"}', count=1)
    begin_login(net)
    net.api.ask("approve")
    net.wait_message("following the VPC's devices", "watching")
    first, second = (request["time"] for request in net.api.requests(TOKENS, "POST"))
    assert second - first >= 5.9


def test_pause_while_waiting_for_a_login(net: Registering) -> None:
    """A login server that wants no question for so long gets none, whatever the interval is."""
    net.api.set(poll_interval_s=1)
    net.api.set_fault(path=TOKENS, status=429, retry_after=4, count=1)
    begin_login(net)
    net.api.ask("approve")
    net.wait_message("following the VPC's devices", "watching")
    first, second = (request["time"] for request in net.api.requests(TOKENS, "POST"))
    assert second - first >= 3.9


def test_login_server_in_trouble(net: Registering) -> None:
    """What is lost while somebody is entering the code is asked again."""
    net.api.set(poll_interval_s=1)
    net.api.set_fault(path=TOKENS, status=503, count=1)
    daemon = begin_login(net)
    net.api.ask("approve")
    net.wait_message("following the VPC's devices", "watching")
    assert len(codes(net, daemon)) == 1 and len(grants(net)) == 2


def test_token_is_lost_on_its_way(net: Registering) -> None:
    """The server takes the code for used: there is a new one."""
    net.api.set(poll_interval_s=1)
    net.api.set_fault(path=TOKENS, cut_after=0, count=1)
    daemon = begin_login(net)
    net.api.ask("approve")
    wait_until(lambda: len(codes(net, daemon)) == 2, "another code")
    net.api.ask("approve")
    net.wait_message("following the VPC's devices", "watching")


@pytest.mark.parametrize("offset", [-3600, 3600])
def test_clock_skew(net: Registering, password: tuple[str, ...], offset: int) -> None:
    """Said once; and it works nevertheless."""
    net.api.set(clock_offset_s=offset, seal="none", access_token_s=31)
    daemon = net.registers(*password)
    way = "behind" if offset > 0 else "ahead of"
    first = len(grants(net))
    renew(net)
    wait_until(lambda: len(grants(net)) > first, "a second login")
    lines = [line for line in daemon.messages() if "this host's clock is" in line]
    assert len(lines) == 1 and way in lines[0]
    assert any(f"is {abs(offset) + slip} s" in lines[0] for slip in (-1, 0, 1))


def renew(net: Registering) -> None:
    """Let the token come to its end: the next stream needs another. It has 30 seconds left then,
    and is renewed because of that."""
    asked = next(request["time"] for request in reversed(net.api.requests(TOKENS, "POST")))

    wait_until(lambda: time.time() > asked + 1.1, "end of the token")
    net.api.cut_streams()


def test_no_device_token(net: Registering, password: tuple[str, ...]) -> None:
    """An old server: the user's token is renewed whenever it ends, with the password never asked
    again; across restarts too."""
    net.api.set(seal="none", access_token_s=31, rotate_refresh=True)
    daemon = net.registers(*password)
    assert any("gives no device token: going on with the user's login" in line
               for line in daemon.messages())
    for number in (1, 2):
        renew(net)
        wait_until(lambda: grants(net) == ["password"] + ["refresh_token"] * number, "renewal")
        net.api.wait_idle_stream()
    wait_until(lambda: net.control()["state"] == "watching", "all well")
    daemon.stop()
    seen = net.api.last_request()
    net.registers("--service-url", net.api.service_url)
    assert grants(net) == ["password", *["refresh_token"] * 3]
    assert ("PATCH", "/api/devices/ID", "user") in net.calls(seen)
    assert net.record()["relay"]


def test_renewal_is_no_news(net: Registering, password: tuple[str, ...]) -> None:
    """What is followed is followed on, and so it says."""
    net.api.set(seal="none", access_token_s=31)
    daemon = net.registers(*password)
    daemon.new_messages()
    renew(net)
    wait_until(lambda: grants(net) == ["password", "refresh_token"], "renewal")
    net.api.wait_idle_stream()
    net.api.ask("device_add", public_key=make_key().public, hostname="spoke")
    wait_until(lambda: len(net.commands.entries()) == 1, "spoke")
    net.wait_state("watching")
    assert not [line for line in daemon.new_messages() if "logging in" in line]


def test_pause_longer_than_the_code(net: Registering) -> None:
    """Nobody is shown a code that is over; and the server has its pause."""
    net.api.set(poll_interval_s=1, device_code_s=3)
    net.api.set_fault(path=TOKENS, status=429, retry_after=30, count=1)
    begin_login(net)
    net.wait_message("code has expired; trying again in (2[0-9]|30) s", "retrying")


def test_sessions_end(net: Registering, password: tuple[str, ...]) -> None:
    """Somebody ends all sessions: neither token is good any more, and it logs in again."""
    net.api.set(seal="none")
    daemon = net.registers(*password)
    net.api.ask("sessions_revoke")
    net.api.cut_streams()
    wait_until(lambda: grants(net) == ["password", "refresh_token", "password"], "another login")
    wait_until(lambda: net.control()["state"] == "watching", "all well")
    assert any("the login has expired" in line for line in daemon.messages())


@pytest.mark.parametrize("status", [401, 403, 404])
def test_something_else_answers(net: Registering, password: tuple[str, ...], status: int) -> None:
    """A page of what stands before the login server: the session has not ended by that, and what
    passes in a moment is not waited for as a refusal is."""
    net.api.set(seal="none")
    daemon = net.registers(*password)
    daemon.stop()
    net.api.set_fault(path=TOKENS, status=status, generate="html")
    net.begin("--service-url", net.api.service_url)
    net.wait_message(f"renew the login: HTTP status {status}", "retrying")
    net.api.clear_faults()
    net.wait_state("watching")
    assert set(grants(net)) == {"password", "refresh_token"} and grants(net)[0] == "password"
    assert grants(net).count("password") == 1


@pytest.mark.parametrize("change, words", [
    ({"issuer": "https://other.nexodus.test/realms/nexodus"}, "does not describe itself"),
    ({"token_endpoint": "http://auth.nexodus.test/token"}, "does not describe itself")])
def test_login_server_is_another(net: Registering, password: tuple[str, ...],
                                 change: dict[str, str], words: str) -> None:
    """The password is not sent to it."""

    told = {"issuer": "https://auth.nexodus.test/realms/nexodus",
            "token_endpoint": "https://auth.nexodus.test/realms/nexodus/protocol/token"} | change
    net.api.set_fault(path=".*/openid-configuration", status=200, body=json.dumps(told))
    net.begin(*password)
    net.wait_message(words, "retrying")
    assert grants(net) == []


def test_url_that_is_not_https(net: Registering) -> None:
    done = net.commands.call("run", "--interface", "wg0", "--service-url", "http://nexodus.test")
    assert done.returncode != 0 and "https" in done.stderr
    assert net.api.requests() == []
