# SPDX-License-Identifier: Apache-2.0
"""A relay without its api-server: it starts from the last list on disk, and believes no other."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from following import (HURRY as HURRY_NAME, await_followed, await_state, await_told, daemon,
                       following, hurry_up, new_device, restart, said, wait_some, wanted)

from lab import wgshow
from lab.controlled import Controlled
from lab.owner import INTERFACE
from lab.steady import Steady
from lab.traffic import ping
from lab.wait import wait_until

EVENTS = "/api/events"
LIST = "/api/vpcs/[^/]+/devices"
HURRY = 30
DAY_S = 86400


@pytest.fixture(scope="module")
def network() -> Iterator[Controlled]:
    with following(HURRY) as net:
        _await_saved(net)
        yield net


@pytest.fixture
def net(network: Controlled) -> Iterator[Controlled]:
    """With a relay that follows it, of which no packet may be lost."""
    with Steady(network) as steady:
        yield network
        network.api.clear_faults()
        network.api.ask("bulk_delete", count=1000)
        restart(network)
        network.wait_state("watching", daemon(network))
        await_followed(network)
        _await_saved(network)
        steady.check()


def _saved(net: Controlled) -> Any:
    with open(net.saved("devices.json"), encoding="utf-8") as file:
        return json.load(file)


def _await_saved(net: Controlled) -> None:
    """Wait until the list on disk is that of the server."""
    keys = {device["public_key"] for device in net.api.devices().values()}

    def is_there() -> bool:
        try:
            return {device["public_key"] for device in _saved(net)} == keys
        except (OSError, ValueError):
            return False
    wait_until(is_there, f"list on disk; {daemon(net).messages()}")


def _away(net: Controlled) -> None:
    for running in net.commands.daemons:
        running.stop()
    net.api.network("refuse", drop=True)


def _list(net: Controlled) -> dict[str, Any]:
    try:
        return net.commands.written_status()["list"]
    except (OSError, ValueError):
        return {}


def _state(net: Controlled) -> dict[str, Any]:
    """What `status` says of the folder."""
    try:
        return net.commands.written_status()["state"]
    except (OSError, ValueError):
        return {"dir": None, "error": None}


def _is_locked(folder: str) -> bool:
    """Does somebody else hold the folder's lock?"""
    found = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(found)


def _await_disk(net: Controlled) -> dict[str, Any]:
    return wait_until(lambda: _list(net).get("from_disk") and _list(net), "list from disk")


def test_starts_from_the_last_list(net: Controlled) -> None:
    """However old it is; and what has changed since counts once the server is back."""
    new_device(net, "bulk-0", advertise_cidrs=["10.77.0.0/16"])
    await_followed(net)
    _await_saved(net)
    right = wanted(net)
    _away(net)
    then = int(time.time()) - DAY_S
    os.utime(net.saved("devices.json"), (then, then))
    net.api.delete_device("bulk-0")
    net.api.ask("purge")
    restart(net)
    told = _await_disk(net)
    assert told["loaded"] and told["error"] is None and told["devices"] == len(right)
    assert told["saved_at"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then))
    await_told(net, "retrying", "refused")
    await_state(net, right, 0)
    shown = net.commands.call("status", "--interface", INTERFACE).stdout
    assert "retrying" in shown, shown
    net.api.network("ok")
    hurry_up(net)
    net.wait_state("watching")
    await_followed(net)
    wait_until(lambda: not _list(net)["from_disk"], "list of the server's")


def test_age_of_a_list_that_is_written_again(net: Controlled) -> None:
    """Somebody removes it, and it is as old as before; when it is tried again is said, too."""
    path = net.saved("devices.json")
    _await_saved(net)
    _away(net)
    then = int(time.time()) - DAY_S
    os.utime(path, (then, then))
    restart(net)
    _await_disk(net)
    os.unlink(path)
    wait_until(lambda: os.path.exists(path), "list")
    assert int(os.stat(path).st_mtime) == then
    told = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then))
    assert _list(net)["saved_at"] == told
    control = await_told(net, "retrying", "refused")
    assert control["retry_at"] >= control["since"]
    shown = net.commands.call("status", "--interface", INTERFACE).stdout
    assert "trying again at 20" in shown and f"as it was at {told}" in shown, shown
    net.api.network("ok")
    hurry_up(net)
    net.wait_state("watching")
    assert net.control()["retry_at"] is None


def _write(path: str, content: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)


def _bad_lists() -> dict[str, str]:
    return {"empty file": "", "cut": '[{"public_key":"AAAA', "html": "<html></html>",
            "object": "{}", "garbage": "\x00\x01", "empty list": "[]",
            "of somebody else": "chown", "of another registration": "registration",
            "symbolic link": "link"}


@pytest.mark.parametrize("name", _bad_lists())
def test_list_on_disk_that_is_no_good(net: Controlled, name: str) -> None:
    """It is not used, that is said, and what the kernel has stays."""
    path, right, what = net.saved("devices.json"), wanted(net), _bad_lists()[name]
    _away(net)
    if what == "chown":
        os.chown(path, 1234, 1234)
    elif what == "registration":
        os.unlink(net.saved("registration.json"))
    elif what == "link":
        shutil.move(path, "/run/lab/devices.json")
        os.symlink("/run/lab/devices.json", path)
    else:
        _write(path, what)
    restart(net)
    wait_until(lambda: said(net, "devices.json", "not used") or said(net, "own device"),
               f"message: {daemon(net).messages()}")
    await_told(net, "retrying")
    assert not _list(net)["from_disk"] and not _list(net)["loaded"]
    for _ in range(3):
        hurry_up(net)
        wait_some(0.1)  # for what is not to be said again
    await_told(net, "retrying", "refused")
    assert said(net, "refused") == 1
    await_state(net, right, 0)
    if os.path.islink(path):
        os.unlink(path)
    net.api.network("ok")
    hurry_up(net)
    net.wait_state("watching")


@pytest.mark.parametrize("polled", [False, True], ids=["stream", "list"])
@pytest.mark.parametrize("who", ["own", "all"])
def test_list_without_us(net: Controlled, polled: bool, who: str) -> None:
    """It is not believed: everything stays, and it is said once. When we are back, all is well."""
    own, right = net.learn()["id"], wanted(net)
    net.api.set_fault(path=f"{EVENTS}|{LIST}", hide=[own] if who == "own" else ["*"])
    if polled:
        number = net.api.set_fault(path=EVENTS, status=404)
        net.api.ask("fault_clear", number=number - 1)
        net.api.set_fault(path=LIST, hide=[own] if who == "own" else ["*"])
    for _ in range(3):
        after = net.api.last_request()
        hurry_up(net)
        net.api.wait_request(LIST if polled else EVENTS, after=after)
        await_told(net, "revoked", "gone from the VPC")
    await_state(net, right, 0)
    assert said(net, "gone from the VPC") == 1
    net.api.clear_faults()
    hurry_up(net)
    net.wait_state("watching")
    await_followed(net)


def test_half_of_the_devices_gone_at_once(net: Controlled) -> None:
    net.api.add_many(200)
    await_followed(net)
    net.api.ask("bulk_delete", count=100)
    await_followed(net)
    net.api.network("refuse", drop=True)
    net.api.ask("bulk_delete", count=50)
    net.api.network("ok")
    hurry_up(net)
    await_followed(net)


def test_disk_is_full(net: Controlled) -> None:
    """What could not be kept is said once, tried again, and never half there."""
    folder = "/run/lab/small"
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", folder], check=True)
    try:
        with open(net.saved("private.key"), encoding="ascii") as file:
            key = file.read()
        _write(f"{folder}/private.key", key)
        os.chmod(f"{folder}/private.key", 0o600)
        with open(f"{folder}/filler", "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        restart(net, "--state-dir", folder)
        net.wait_state("watching", daemon(net))
        await_followed(net)
        for name in ("registration.json", "devices.json"):
            wait_until(lambda name=name: said(net, name, "No space left"), f"message of {name}")
        wait_some(1.3)  # it is tried again after one
        assert said(net, "No space left") == 2
        told = wait_until(lambda: _state(net)["error"], "error in status")
        assert folder in told and "No space left" in told and _state(net)["dir"] == folder
        assert told in net.commands.call("status", "--interface", INTERFACE).stdout
        assert sorted(os.listdir(folder)) == ["filler", "private.key"]
        os.unlink(f"{folder}/filler")
        wait_until(lambda: {"registration.json", "devices.json"} <= set(os.listdir(folder)),
                   "what is to be kept")
        wait_until(lambda: _state(net)["error"] is None, "no error in status")
        wait_until(lambda: said(net, "is written now") == 2, "message of each file")
        for name in ("registration.json", "devices.json"):
            with open(f"{folder}/{name}", encoding="utf-8") as file:
                assert json.load(file)
    finally:
        for running in net.commands.daemons:
            running.stop()
        subprocess.run(["umount", folder], check=True)


def test_folder_is_removed(net: Controlled) -> None:
    """It is made again when there is something to be kept; that the key is gone is shown until it
    is there again, and nobody else gets into it."""
    folder = os.path.dirname(net.saved("private.key"))
    key = net.relay.run("wg", "show", INTERFACE, "private-key")
    shutil.rmtree(folder)
    new_device(net, "bulk-0")
    await_followed(net)
    _await_saved(net)
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert said(net, folder, "was removed") == 1
    told = wait_until(lambda: _state(net)["error"], "error in status")
    assert "private.key is gone" in told and said(net, "private.key is gone") == 1
    remedy = told.partition("`")[2].partition("`")[0]
    assert _is_locked(folder)
    net.relay.run("sh", "-c", remedy)
    new_device(net, "bulk-1")
    wait_until(lambda: _state(net)["error"] is None, "no error in status")
    with open(net.saved("private.key"), encoding="ascii") as file:
        assert file.read() == key
    assert os.stat(net.saved("private.key")).st_mode & 0o777 == 0o600
    # The way to it is gone: that is tried again, and shown.
    os.rename(folder, f"{folder}.away")
    with open(folder, "wb"):
        new_device(net, "bulk-2")
        told = wait_until(lambda: _state(net)["error"], "error in status")
        assert folder in told and "Not a directory" in told
        await_followed(net)
    os.unlink(folder)
    os.rename(f"{folder}.away", folder)
    wait_until(lambda: _state(net)["error"] is None, "no error in status")
    _await_saved(net)


def test_kept_files_are_removed(network: Controlled, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was registered is in no other place: it is noticed without any change, shown, and written
    again as soon as the one who knows it can say it."""
    net = network
    monkeypatch.setenv(HURRY_NAME, "1")  # a source that is stopped has its time to answer
    restart(net)
    net.wait_state("watching", daemon(net))
    _await_saved(net)
    path = net.saved("registration.json")
    with open(path, encoding="utf-8") as file:
        kept = json.load(file)
    source = daemon(net).source()
    assert source
    os.kill(source, signal.SIGSTOP)
    try:
        os.unlink(path)
        wait_until(lambda: "registration.json is gone" in (_state(net)["error"] or ""),
                   "error in status")
    finally:
        os.kill(source, signal.SIGCONT)
    wait_until(lambda: os.path.exists(path), "the registration")
    wait_until(lambda: _state(net)["error"] is None, "no error in status")
    folder = os.path.dirname(path)
    shutil.copy(net.saved("private.key"), "/run/lab/private.key")
    shutil.rmtree(folder)
    for name in ("registration.json", "devices.json"):
        wait_until(lambda name=name: os.path.exists(net.saved(name)), name)
    with open(path, encoding="utf-8") as file:
        assert json.load(file) == kept
    assert os.stat(path).st_mode & 0o777 == 0o600 and os.stat(folder).st_mode & 0o777 == 0o700
    told = wait_until(lambda: _state(net)["error"], "error in status")
    assert "private.key is gone" in told and said(net, "registration.json is written now") == 2
    shutil.copy("/run/lab/private.key", net.saved("private.key"))
    wait_until(lambda: _state(net)["error"] is None, "no error in status")


def test_key_is_gone_and_the_interface_too(network: Controlled) -> None:
    """No other identity is made in the middle of a run."""
    net = network
    key = net.saved("private.key")
    os.rename(key, f"{key}.away")
    net.relay.run("wg", "set", INTERFACE, "private-key", "/dev/null")
    wait_until(lambda: said(net, "private.key", "No such file"), "message")
    assert not os.path.exists(key)
    os.rename(f"{key}.away", key)
    wait_until(lambda: wgshow.public_key(net.relay, INTERFACE) == net.device.public_key, "key")
    await_followed(net)


def test_starts_on_a_bare_host(network: Controlled) -> None:
    """After a boot, with nothing but its folder: it relays."""
    net = network
    right = wanted(net)
    _away(net)
    assert net.commands.down().returncode == 0
    restart(net)
    _await_disk(net)
    await_state(net, right)
    for spoke in net.spokes.values():
        spoke.tunnel.remove_peer(net.device.public_key)
    net.connect()
    for family in (4, 6):
        answer = ping(net["spoke1"].node, net["spoke2"].address(family))
        assert answer.complete, answer.output
    net.api.network("ok")
    hurry_up(net)
    net.wait_state("watching")
