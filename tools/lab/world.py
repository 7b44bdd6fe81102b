# SPDX-License-Identifier: Apache-2.0
"""A private world: mount, PID and network namespace of its own.

In it, /run and /var/lib are empty, /etc is a copy that may be changed, /sys shows its own interfaces, /sys/fs/bpf is a BPF filesystem
of its own and process 1 is ours. Interfaces, sysctls, rules, sockets and files in /run and /var/lib
that are made there are seen by nobody else, and all of it is gone as soon as the process that made
the world is gone, however it went:

    supervisor   outside; what the user sees and may kill
      init       process 1 of the world; killed by the kernel when the supervisor dies, and with it
                 every process of the world, and with the last of them the namespaces
        command  what the world was made for
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from lab.syscalls import (CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, set_parent_death_signal,
                          unshare)

# In the environment of everything that runs in a world.
MARK = "NEX_LAB_WORLD"

_SI_KERNEL = 0x80  # si_code of a signal that the terminal sent, to the whole process group
_ASKED = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}
_WATCHED = _ASKED | {signal.SIGCHLD, signal.SIGUSR1}
_GRACE_S = 60  # then it hangs
_STATE = "/var/lib"


class WorldError(Exception):
    """The world could not be made; the text says why in one line."""


def inside() -> bool:
    """Does this process run in a world?"""
    return MARK in os.environ


def run(command: Sequence[str], on_release: int | None = None, hold_ctrl_c: bool = False) -> int:
    """Run command in a new world and return its exit status (128 + n after signal n).

    With hold_ctrl_c it starts with SIGINT blocked, and unblocks it when it can deal with it.

    The calling process becomes the supervisor. It dies with its parent until it gets SIGUSR1, and
    then writes init's PID, as seen outside, to the descriptor on_release: that is how a world is
    left running in the background.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
    ready, tell = os.pipe()
    unshare(CLONE_NEWPID)
    init = os.fork()
    if init == 0:
        os.close(ready)
        _be_init(command, tell, {signal.SIGINT} if hold_ctrl_c else set())
    if signal.sigtimedwait({signal.SIGINT}, 0):
        os.kill(init, signal.SIGINT)  # Ctrl-C came before there was an init to get it
    os.close(tell)
    problem = os.read(ready, 4096)
    os.close(ready)
    if problem:
        os.waitpid(init, 0)
        raise WorldError(problem.decode())
    return _supervise(init, on_release)


def _be_init(command: Sequence[str], tell: int, held: set[signal.Signals]) -> None:
    """Process 1 of the world: make it, start command, reap, leave with command's status."""
    try:
        set_parent_death_signal(signal.SIGKILL)
        unshare(CLONE_NEWNS | CLONE_NEWNET)
        _make_mounts()
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    except (OSError, subprocess.CalledProcessError) as err:
        os.write(tell, f"cannot make a private world: {err}".encode())
        os._exit(1)
    os.close(tell)
    os.environ[MARK] = "1"
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until it is command's, no exception
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        try:
            os.execvp(command[0], list(command))
        except OSError as err:
            print(f"{command[0]}: {err.strerror}", file=sys.stderr)
        os._exit(127)
    if signal.sigtimedwait({signal.SIGINT}, 0):
        os.kill(child, signal.SIGINT)  # Ctrl-C came before there was a child to get it
    close_terminal()
    os._exit(_supervise(child))


def _make_mounts() -> None:
    for mount in (["--make-rprivate", "/"],
                  ["-t", "proc", "proc", "/proc"],
                  ["-t", "sysfs", "sysfs", "/sys"],
                  ["-t", "bpf", "-o", "mode=0700", "bpf", "/sys/fs/bpf"],
                  ["-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"]):
        subprocess.run(["mount", *mount], check=True)
    for folder in ("netns", "wireguard", "lab"):
        os.mkdir(f"/run/{folder}")
    _own_etc()
    _empty_state(os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))


def _own_etc() -> None:
    """What is written to /etc stays in the world. A guest without overlayfs is a world of its own
    anyway."""
    folders = [f"/run/lab/etc/{name}" for name in ("upper", "work")]
    for folder in folders:
        os.makedirs(folder)
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    f"lowerdir=/etc,upperdir={folders[0]},workdir={folders[1]}", "/etc"],
                   check=False, stderr=subprocess.DEVNULL)


def _empty_state(tree: str) -> None:
    """Nothing in /var/lib, where daemons keep their state; but a tree that lies there (some build
    machines have theirs there) stays in reach."""
    kept = os.path.commonpath([tree, _STATE]) == _STATE
    if kept:
        os.mkdir("/run/lab/tree")
        subprocess.run(["mount", "--bind", tree, "/run/lab/tree"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", _STATE], check=True)
    if kept:
        os.makedirs(tree)
        subprocess.run(["mount", "--move", "/run/lab/tree", tree], check=True)
        os.rmdir("/run/lab/tree")


def _supervise(child: int, on_release: int | None = None) -> int:
    """Wait for child, reap whatever else ends, pass on what the terminal has not sent itself."""
    wait_s, asked = None, 0
    while True:
        info = (signal.sigwaitinfo(_WATCHED) if wait_s is None
                else signal.sigtimedwait(_WATCHED, wait_s))
        status = _reap(child)
        if status is not None:
            return 128 + asked if asked else status
        if info is None or info.si_signo in (signal.SIGTERM, signal.SIGHUP):
            asked = info.si_signo if info else signal.SIGKILL
            os.kill(child, signal.SIGKILL if os.getpid() != 1 else signal.SIGTERM)
            wait_s = _GRACE_S
        elif info.si_signo in _ASKED:
            if info.si_code != _SI_KERNEL:
                os.kill(child, info.si_signo)
            wait_s = _GRACE_S
        elif info.si_signo == signal.SIGUSR1 and on_release is not None:
            set_parent_death_signal(0)
            os.write(on_release, str(child).encode())
            os.close(on_release)
            close_terminal()


def _reap(child: int) -> int | None:
    """Collect every process that ended; child's exit status if it is among them."""
    status = None
    while True:
        try:
            pid, raw = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == child:
            code = os.waitstatus_to_exitcode(raw)
            status = code if code >= 0 else 128 - code


def close_terminal() -> None:
    """Let go of the caller's terminal or pipe: what stays behind must not hold it open."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if null > 2:
        os.close(null)
