# SPDX-License-Identifier: Apache-2.0
"""Faults at a system call: strace(1) has a process killed there, or the call fail."""

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from lab.node import Node
from lab.wait import LIMIT_S, wait_until

# What changes something outside the process (files, sockets of others, BPF objects, processes), and
# after which something outside goes on by itself. What lies between two of these changes only what
# goes with the process: its memory, its descriptors and the locks on them. So there are no other
# states that a process can leave than those before each of these calls, and after the last one.
# bpf(2) and openat(2) often only look; that makes more places, not other ones.
CHANGING = ("bpf", "sendto", "sendmsg", "write", "openat", "mkdir", "rmdir", "unlink", "unlinkat",
            "rename", "renameat", "fchmod", "chmod", "mknod", "mknodat", "clone", "clone3", "vfork",
            "fork", "pidfd_open", "poll", "kill", "pidfd_send_signal")


Place = tuple[str, int]  # the so-manieth call of that name


def problem() -> str:
    """Why strace cannot be used here; empty when it can."""
    if not shutil.which("strace"):
        return "no strace"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True,
                           check=False)
    return f"strace: {tried.stderr.strip()}" if tried.returncode else ""


def _calls(calls: tuple[str, ...]) -> str:
    """Not every machine has every call: ? is "if there is one"."""
    return ",".join(f"?{call}" for call in calls)


def argv(command: list[str], inject: str, calls: tuple[str, ...], log: str = "/dev/null") \
        -> list[str]:
    """command with inject ("signal=KILL:when=7") at these calls, each of which is counted by
    itself; "" for nothing. The command is the process that is started, strace a grandchild."""
    fault = ["-e", f"inject={_calls(calls)}:{inject}"] if inject else []
    return ["strace", "-D", "-q", "-o", log, "-e", f"trace={_calls(calls)}", *fault, *command]


def places(log: str) -> list[Place]:
    """Every call in a log that argv() had written, with how many of the same name there were up to
    it."""
    counts: Counter[str] = Counter()
    found = []
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file:
            name, bracket, _ = line.partition("(")
            if bracket and name.isidentifier():
                counts[name] += 1
                found.append((name, counts[name]))
    return found


def counts_before(log: str, words: str) -> dict[str, int] | None:
    """How many calls of each name there are in a log before the first line with these words; None
    where there is no such line."""
    counts: Counter[str] = Counter()
    with open(log, encoding="utf-8", errors="replace") as file:
        for line in file:
            if words in line:
                return dict(counts)
            counts[line.partition("(")[0]] += 1
    return None


@contextmanager
def injected(node: Node, pid: int, inject: str, calls: tuple[str, ...]) -> Iterator[list[str]]:
    """While the block runs, a process that runs meets inject ("error=EBUSY:when=1+") at these
    calls. When the block is left, the list has the lines of those that did."""
    met: list[str] = []
    with tempfile.NamedTemporaryFile("r", dir="/run/lab", encoding="utf-8",
                                     errors="replace") as log:
        tracer = node.start(["strace", "-q", "-o", log.name, "-e", f"trace={_calls(calls)}", "-e",
                             f"inject={_calls(calls)}:{inject}", "-p", str(pid)],
                            stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: tracer_of(pid) or tracer.poll() is not None, "strace that is there")
            yield met
        finally:
            tracer.terminate()
            tracer.wait(LIMIT_S)
            met += [line.rstrip() for line in log if "(INJECTED)" in line]


def tracer_of(pid: int) -> int:
    """PID of who traces a process; 0 for nobody."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            fields = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return 0
    return int(fields["TracerPid"])


def processes(*words: str) -> list[int]:
    """PIDs of the processes whose command line is these words."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                line = file.read().decode(errors="replace").split("\0")[:-1]
        except OSError:
            continue
        if line and [os.path.basename(line[0]), *line[1:]] == list(words):
            found.append(int(name))
    return found


@contextmanager
def returns(node: Node, pids: list[int], call: str) -> Iterator[dict[int, list[float]]]:
    """While the block runs, the returns of a system call in processes of one thread are noted. When
    the block is left, there are their times, by the wall clock."""
    times: dict[int, list[float]] = {pid: [] for pid in pids}
    with tempfile.NamedTemporaryFile("r", dir="/run/lab", encoding="utf-8",
                                     errors="replace") as log:
        words = [word for pid in pids for word in ("-p", str(pid))]
        tracer = node.start(["strace", "-f", "-q", "-ttt", "-T", "-o", log.name, "-e",
                             f"trace={call}", *words], stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: all(map(tracer_of, pids)) or tracer.poll() is not None,
                       "strace that is there")
            yield times
        finally:
            tracer.terminate()
            tracer.wait(LIMIT_S)
            for line in log:
                at = _returned(line, call)
                if at:
                    times[int(line.split()[0])].append(at)


def _returned(line: str, call: str) -> float:
    """When a call has returned, by a line of `strace -f -ttt -T`; 0: it has not, or is another."""
    began, _, text = line.partition(" ")[2].strip().partition(" ")
    if text.startswith(f"<... {call} resumed>"):
        return float(began)
    if not text.startswith(f"{call}(") or text.rstrip().endswith("...>"):
        return 0
    return float(began) + float(text.rstrip()[:-1].rpartition("<")[2])
