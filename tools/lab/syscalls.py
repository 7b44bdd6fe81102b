# SPDX-License-Identifier: Apache-2.0
"""System calls that Python 3.11 does not offer: unshare, setns, prctl and bpf."""

import ctypes
import os
import platform

CLONE_NEWNS = 0x00020000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

PR_SET_PDEATHSIG = 1

BPF_PROG_GET_FD_BY_ID = 13
BPF_MAP_GET_FD_BY_ID = 14
BPF_PROG_QUERY = 16

_BPF_NUMBER = {"x86_64": 321, "aarch64": 280, "riscv64": 280}
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, name: str) -> int:
    if result < 0:
        err = ctypes.get_errno()
        raise OSError(err, f"{name}: {os.strerror(err)}")
    return result


def unshare(flags: int) -> None:
    """Move the calling thread (CLONE_NEWPID: its future children) into new namespaces."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def setns(fd: int, kind: int) -> None:
    """Move the calling thread into the namespace that fd names."""
    _check(_libc.setns(ctypes.c_int(fd), ctypes.c_int(kind)), "setns")


def set_parent_death_signal(number: int) -> None:
    """Have the kernel send signal number to this process when its parent dies; 0: no longer."""
    _check(_libc.prctl(ctypes.c_int(PR_SET_PDEATHSIG), ctypes.c_ulong(number)), "prctl")


def bpf(command: int, attr: ctypes.Structure) -> int:
    """bpf(2): the result (a descriptor, or 0); OSError when the kernel refuses."""
    number = _BPF_NUMBER[platform.machine()]
    return _check(_libc.syscall(ctypes.c_long(number), ctypes.c_int(command), ctypes.byref(attr),
                                ctypes.c_uint(ctypes.sizeof(attr))), "bpf")
