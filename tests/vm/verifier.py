# SPDX-License-Identifier: Apache-2.0
"""Say how much work the verifier had with each program of an object file: "processed N insns".

    verifier.py OBJECT

The kernel keeps the number and shows it where the descriptor of a program is described (5.16).
"""

import ctypes
import os
import subprocess
import sys

SYS_BPF = 321  # x86-64
BPF_OBJ_GET = 7
PINS = "/sys/fs/bpf/verifier"


class ObjGet(ctypes.Structure):
    """The part of union bpf_attr that BPF_OBJ_GET reads."""

    _fields_ = [("pathname", ctypes.c_uint64), ("bpf_fd", ctypes.c_uint32),
                ("file_flags", ctypes.c_uint32)]


def verified_insns(pin: str) -> str:
    """Number of instructions the verifier went through for a pinned program."""
    path = ctypes.create_string_buffer(pin.encode())
    attr = ObjGet(ctypes.addressof(path))
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_BPF, BPF_OBJ_GET, ctypes.byref(attr), ctypes.sizeof(attr))
    if fd < 0:
        raise OSError(ctypes.get_errno(), pin)
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as file:
        info = dict(line.split(":", 1) for line in file if ":" in line)
    os.close(fd)
    return info.get("verified_insns", "unknown").strip()


def main() -> int:
    done = subprocess.run(["bpftool", "prog", "loadall", sys.argv[1], PINS], check=False,
                          capture_output=True, text=True)
    if done.returncode:
        print(f"not ok 1 - the programs load\n# {done.stderr.strip()[-2000:]}\n1..1", flush=True)
        return 1
    counts = [f"{name} {verified_insns(f'{PINS}/{name}')}" for name in sorted(os.listdir(PINS))]
    print(f"ok 1 - the programs load\n# verifier: processed insns: {', '.join(counts)}\n1..1",
          flush=True)
    return 0


sys.exit(main())
