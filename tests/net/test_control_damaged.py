# SPDX-License-Identifier: Apache-2.0
"""What a relay keeps is changed under it by somebody: it is what the relay knows again, long before
the next start has to make do with it."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator

import pytest
from following import (HURRY as HURRY_NAME, await_followed, daemon, following, new_device, restart,
                       said, wait_some)

from lab.controlled import Controlled
from lab.wait import wait_until

HURRY = 30
LOOK_S = 11  # every ten seconds it looks whether its files are as it has written them
NAMES = ("registration.json", "devices.json")
ELSEWHERE = "/run/lab/elsewhere"


@pytest.fixture(scope="module")
def net() -> Iterator[Controlled]:
    with following(HURRY) as network:
        yield network


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def _is_whole(net: Controlled, name: str) -> bool:
    path = net.saved(name)
    found = os.lstat(path)
    if found.st_mode != 0o100600 or found.st_uid != 0 or found.st_size > 1 << 20:
        return False
    try:
        content = json.loads(_read(path))
    except ValueError:
        return False
    if name == "devices.json":
        return len(content) == len(net.api.devices())
    return bool(content["device_token"].startswith("DT:"))


def _await_whole(net: Controlled) -> None:
    wait_until(lambda: all(os.path.lexists(net.saved(name)) and _is_whole(net, name)
                           for name in NAMES),
               f"both files; {daemon(net).messages()}")
    # What it has written it looks at once more, to know it again.
    wait_until(daemon(net).is_at_rest, "end of it")


def _error(net: Controlled) -> str:
    """What `status` says of the folder."""
    return net.commands.written_status()["state"]["error"] or ""


def _alter(path: str) -> None:
    """Not a byte more or less."""
    content = _read(path)
    with open(path, "r+", encoding="utf-8") as file:
        file.write("x" * len(content))


def _replace(path: str, make: Callable[[str], object]) -> None:
    os.unlink(path)
    make(path)


def _link(path: str) -> None:
    """What is elsewhere is right, and no more ours than anything else there."""
    shutil.move(path, f"{ELSEWHERE}-{os.path.basename(path)}")
    os.symlink(f"{ELSEWHERE}-{os.path.basename(path)}", path)


DAMAGE: dict[str, Callable[[str], object]] = {
    "altered": _alter,
    "cut": lambda path: os.truncate(path, 10),
    "others may read it": lambda path: os.chmod(path, 0o644),
    "huge": lambda path: os.truncate(path, 1 << 40),
    "FIFO": lambda path: _replace(path, os.mkfifo),
    "symbolic link": _link,
}


def test_changed(net: Controlled) -> None:
    """Whatever is there, it is replaced unread; the one who insists is not told of each time."""
    restart(net)
    net.wait_state("watching", daemon(net))
    _await_whole(net)
    kept = _read(net.saved("registration.json"))
    for name, damage in DAMAGE.items():
        for file in NAMES:
            damage(net.saved(file))
        _await_whole(net)
        assert _read(net.saved("registration.json")) == kept, name
        wait_until(lambda: _error(net) == "", f"no error in status, {name}")
    for file in NAMES:
        assert said(net, file, "was changed by somebody; written again") == 1
        assert said(net, file, "written") == 1, daemon(net).messages()
        os.unlink(f"{ELSEWHERE}-{file}")
    assert sorted(os.listdir(os.path.dirname(net.saved(NAMES[0])))) == sorted(
        [*NAMES, "private.key"])


def test_nobody_changes_them(net: Controlled) -> None:
    """What the relay has read of an earlier run it leaves alone, and what it writes itself is no
    change of somebody's."""
    restart(net)
    net.wait_state("watching", daemon(net))
    path = net.saved("registration.json")
    before = os.stat(path).st_ino
    new_device(net, "bulk-0")
    await_followed(net)
    _await_whole(net)
    wait_some(LOOK_S)
    assert os.stat(path).st_ino == before and said(net, "by somebody") == 0


def test_folder_in_its_place(net: Controlled) -> None:
    """Is nothing that a file can be put in place of: that is an error until it is gone."""
    restart(net)
    net.wait_state("watching", daemon(net))
    _await_whole(net)
    for name in NAMES:
        path = net.saved(name)
        _replace(path, os.mkdir)
        wait_until(lambda path=path: path in _error(net) and "Is a directory" in _error(net),
                   f"error in status: {daemon(net).messages()}")
        wait_until(lambda path=path: said(net, path, "Is a directory") == 1, "message")
        os.rmdir(path)
    _await_whole(net)
    wait_until(lambda: _error(net) == "", "no error in status")
    for name in NAMES:
        assert said(net, name, "is written now") == 1


def test_source_that_says_nothing(net: Controlled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only it knows the token: what is wrong is in status until it has said it again."""
    monkeypatch.setenv(HURRY_NAME, "1")  # it has its time to answer
    restart(net)
    net.wait_state("watching", daemon(net))
    _await_whole(net)
    source = daemon(net).source()
    assert source
    os.kill(source, signal.SIGSTOP)
    try:
        os.truncate(net.saved("registration.json"), 0)
        wait_until(lambda: "registration.json was changed by somebody" in _error(net),
                   "error in status")
    finally:
        os.kill(source, signal.SIGCONT)
    _await_whole(net)
    wait_until(lambda: _error(net) == "", "no error in status")
