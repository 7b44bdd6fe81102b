# SPDX-License-Identifier: Apache-2.0
"""Secrets are not where somebody else could read them: in arguments, environment, core files."""

import json
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
from registering import Registering, lab_of_module, net, secret_file

from lab.relay import Daemon
from lab.wait import wait_until

__all__ = ["lab_of_module", "net"]  # fixtures


def processes(daemon: Daemon) -> Iterator[int]:
    """The node, and the source."""
    yield daemon.pid
    yield wait_until(daemon.source, "source")


def shown(pid: int, what: str) -> bytes:
    with open(f"/proc/{pid}/{what}", "rb") as file:
        return file.read()


def check_processes(net: Registering, daemon: Daemon, *more: str) -> None:
    secrets = net.secrets() | set(more)
    assert len(secrets) >= 3
    for pid in processes(daemon):
        for what in ("cmdline", "environ", "comm", "status"):
            for secret in secrets:
                assert secret.encode() not in shown(pid, what), (pid, what, secret)


@pytest.mark.parametrize("way", ["environment", "argument", "file"])
def test_registration_key(net: Registering, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument is there until it has been read, and no longer."""
    with ExitStack() as stack:
        options: tuple[str, ...] = ("--reg-key", net.reg_key["url"])
        if way == "environment":
            monkeypatch.setenv("NEX_RELAY_REG_KEY", net.reg_key["url"])
            options = ()
        elif way == "file":
            options = ("--reg-key-file", stack.enter_context(secret_file(net.reg_key["url"])))
        daemon = net.registers(*options, "--verbose")
        check_processes(net, daemon)


@pytest.mark.parametrize("form", [str, lambda key: key[3:], lambda key: quote(key, safe="")],
                         ids=["whole", "without RK:", "as in a URL"])
def test_server_quotes_the_key(net: Registering, form: Callable[[str], str]) -> None:
    """In whatever form it has it."""
    said = form(net.reg_key["bearer_token"])
    net.api.set_fault(path="/api/reg-keys/me", status=400, count=1,
                      body=json.dumps({"error": f"bad {said} here"}))
    daemon = net.begin("--verbose", *net.credentials())
    net.wait_message(r"bad .*\*{8}.* here")
    text = "\n".join(daemon.messages()) + json.dumps(net.commands.written_status())
    assert all(said[at:at + 8] not in text for at in range(6, len(said) - 8)), text


STRANGER = "PaWOhCfWxih9vc29KBVxFyqmiAXvT6fIEVN1GFJ8M34="


@pytest.mark.parametrize("quoted", [
    f"RK:{STRANGER}", f"DT:{STRANGER}", f"key=RK%3A{STRANGER[:-1]}%3D",
    f"Authorization: Bearer {STRANGER}", f"password={STRANGER}", f"PrivateKey = {STRANGER}",
    f'{{"bearer_token": "{STRANGER}"}}', f"eyJhbGciOiJSUzI1NiJ9.eyJ{STRANGER[:-1]}.{STRANGER[:-1]}",
    "x" * 120 + f" DT:{STRANGER}"],
    ids=["registration key", "device token", "in a URL", "header", "form", "WireGuard's", "JSON",
         "JWT", "cut"])
@pytest.mark.parametrize("path", ["/api/reg-keys/me", "/api/events"], ids=["register", "stream"])
def test_server_quotes_what_it_has_of_others(net: Registering, path: str, quoted: str) -> None:
    """The relay does not know that secret: it knows what one looks like."""
    net.api.set_fault(path=path, status=503, body=json.dumps({"error": f"bad {quoted} here"}))
    net.begin("--verbose", *net.credentials())
    net.wait_message(r"bad .*\*{8}", "retrying")
    for daemon in net.commands.daemons:
        text = "\n".join(daemon.messages()) + json.dumps(net.commands.written_status())
        # Of four characters one is in a random public key now and then.
        assert all(STRANGER[at:at + 8] not in text for at in range(len(STRANGER) - 7)), text


@pytest.mark.parametrize("before", ["", "x" * 100], ids=["whole", "cut"])
def test_server_repeats_the_key(net: Registering, before: str) -> None:
    """Whoever answers may quote what it was sent: that is for nobody's eyes either. Where the text
    is cut in the middle of the key, half of it is no less a secret."""
    key = net.reg_key["bearer_token"]
    net.api.set_fault(path="/api/reg-keys/me", status=400, count=1,
                      body=json.dumps({"error": f"no such key {before}{key} in here"}))
    net.begin("--verbose", *net.credentials())
    net.wait_message(r"no such key .*\*{8}")
    for daemon in net.commands.daemons:
        text = "\n".join(daemon.messages())
        assert all(key[at:at + 8] not in text for at in range(3, len(key) - 8)), text
    assert key[3:11] not in json.dumps(net.commands.written_status())


@pytest.mark.parametrize("way", ["environment", "file"])
def test_password(net: Registering, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    net.api.set(seal="none")  # so that a refresh token is kept
    user = net.other_user()
    password = user["password"]
    account = ("--service-url", net.api.service_url, "--username", user["username"])
    with secret_file(password) as path:
        if way == "environment":
            monkeypatch.setenv("NEX_RELAY_PASSWORD", password)
        else:
            account += ("--password-file", path)
        daemon = net.registers(*account)
        check_processes(net, daemon, password)
    said = "\n".join(daemon.messages())
    assert password not in said and net.registration()["refresh_token"] not in said


def ends_with_core(pid: int) -> bool:
    """Abort a child of ours: has the kernel written its memory down?"""
    os.kill(pid, signal.SIGABRT)
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended and ended.si_status == signal.SIGABRT
    return ended.si_code == os.CLD_DUMPED


@pytest.fixture
def cores_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Who may be dumped is dumped."""
    with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as file:
        pattern = file.read().strip()
    if "/" in pattern or pattern.startswith("|"):
        pytest.skip(f"core_pattern {pattern!r} is not a name in the current folder")
    monkeypatch.chdir(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_CORE)
    if before[1] not in (resource.RLIM_INFINITY,):
        pytest.skip("core files are forbidden here")
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


@pytest.mark.usefixtures("cores_wanted")
def test_no_core_file_of_the_node(net: Registering) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        assert ends_with_core(other.pid)
    daemon = net.registers()
    assert not ends_with_core(daemon.pid)


@pytest.mark.usefixtures("cores_wanted")
def test_no_core_file_of_the_source(net: Registering) -> None:
    """And nobody of the same user may look into it: what cannot be dumped belongs to root."""
    pid = wait_until(net.registers().source, "source")
    assert os.stat(f"/proc/{pid}/environ").st_uid == 0
    assert b"Uid:\t0" not in shown(pid, "status")
    limits = shown(pid, "limits").decode().splitlines()
    limit = next(line for line in limits if line.startswith("Max core file size"))
    assert limit.split()[4:6] == ["0", "0"]
