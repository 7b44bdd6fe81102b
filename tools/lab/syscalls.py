# SPDX-License-Identifier: Apache-2.0
"""System calls that Python 3.11 does not offer, and numbers that it does not name."""

import ctypes
import errno
import os
import platform

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

SO_RCVBUFFORCE = 33  # also beyond net.core.rmem_max

PR_SET_PDEATHSIG = 1
PR_SET_SECCOMP = 22

BPF_PROG_GET_FD_BY_ID = 13
BPF_MAP_GET_FD_BY_ID = 14
BPF_PROG_QUERY = 16

_PIDFD_GETFD_NUMBER = 438  # everywhere
_BPF_NUMBER = {"x86_64": 321, "aarch64": 280, "riscv64": 280}
_libc = ctypes.CDLL(None, use_errno=True)

_SECCOMP_MODE_FILTER = 2
_SECCOMP_RET_ERRNO, _SECCOMP_RET_ALLOW = 0x00050000, 0x7fff0000
_BPF_LD_W_ABS, _BPF_JEQ_K, _BPF_RET_K = 0x20, 0x15, 0x06


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8),
                ("k", ctypes.c_uint32)]


class _Filter(ctypes.Structure):
    _fields_ = [("len", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction))]


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


def pidfd_getfd(pidfd: int, fd: int) -> int:
    """A duplicate of a descriptor that another process has open."""
    return _check(_libc.syscall(ctypes.c_long(_PIDFD_GETFD_NUMBER), ctypes.c_int(pidfd),
                                ctypes.c_int(fd), ctypes.c_uint(0)), "pidfd_getfd")


def bpf(command: int, attr: ctypes.Structure) -> int:
    """bpf(2): the result (a descriptor, or 0); OSError when the kernel refuses."""
    number = _BPF_NUMBER[platform.machine()]
    return _check(_libc.syscall(ctypes.c_long(number), ctypes.c_int(command), ctypes.byref(attr),
                                ctypes.c_uint(ctypes.sizeof(attr))), "bpf")


def forbid_bpf() -> None:
    """Have bpf(2) fail with ENOSYS, in this process and all that it starts, as on a kernel without
    BPF. Needs CAP_SYS_ADMIN; made for preexec_fn."""
    number = _BPF_NUMBER[platform.machine()]
    rules = (_Instruction * 4)(
        _Instruction(_BPF_LD_W_ABS, 0, 0, 0),  # seccomp_data begins with the call's number
        _Instruction(_BPF_JEQ_K, 0, 1, number),
        _Instruction(_BPF_RET_K, 0, 0, _SECCOMP_RET_ERRNO | errno.ENOSYS),
        _Instruction(_BPF_RET_K, 0, 0, _SECCOMP_RET_ALLOW))
    program = _Filter(len(rules), rules)
    _check(_libc.prctl(ctypes.c_int(PR_SET_SECCOMP), ctypes.c_ulong(_SECCOMP_MODE_FILTER),
                       ctypes.byref(program)), "prctl")
