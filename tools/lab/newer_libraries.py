# SPDX-License-Identifier: Apache-2.0
"""The relay on Debian 13: the binary that was built here, with the libraries of the next release.

They are unpacked into a cache (debian.py), with wireguard-go. In a world they become /usr of a root
file system of their own. Everything else in there is the world's: what the relay writes to /run,
/var/lib or /sys/fs/bpf is where the lab looks for it.
"""

import os
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lab import debian
from lab.relay import REPOSITORY

SUITE = "trixie"
# In the environment: why fetch() had none.
REASON = "NEX_LAB_NO_NEWER_LIBRARIES"
ROOT = "/run/lab/newer"

_PROGRAMS = ("wireguard-go",)
_SHARED = ("dev", "etc", "proc", "run", "sys", "var/lib")
_MERGED = ("bin", "lib", "lib64", "sbin")


def fetch() -> None:
    """See to it that they are in the cache; for outside of a world, which has no network. unmet()
    says in the world why that failed."""
    try:
        debian.unpacked(_tree(), SUITE, _packages, _check)
    except debian.Unavailable as err:
        os.environ[REASON] = str(err)


def unmet() -> str:
    """Why there are none; empty when they are there."""
    try:
        tree = _tree()
    except debian.Unavailable as err:
        return f"no libraries of {SUITE}: {err}"
    if tree.is_dir():
        return ""
    why = os.environ.get(REASON, "a world has no network; pytest outside of one, or "
                                 "`make test-net`, fetches them")
    return f"no libraries of {SUITE} in {tree}: {why}"


@contextmanager
def program(binary: str) -> Iterator[str]:
    """A program that is this binary with those libraries."""
    with ExitStack() as undo:
        _make_root(undo)
        path = f"{ROOT}.sh"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o755), "w",
                  encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec /usr/sbin/chroot {ROOT} {binary} "$@"\n')
        undo.callback(os.unlink, path)
        yield path


def _make_root(undo: ExitStack) -> None:
    def mount(*argv: str, target: str = ROOT) -> None:
        subprocess.run(["mount", *argv, target], check=True)
        undo.callback(subprocess.run, ["umount", "--recursive", target], check=True)

    os.makedirs(ROOT, exist_ok=True)
    mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs")
    for name in _MERGED:
        os.symlink(f"usr/{name}", f"{ROOT}/{name}")
    for name in ("usr", "tmp", *_SHARED):
        os.makedirs(f"{ROOT}/{name}")
    os.symlink("/run", f"{ROOT}/var/run")
    mount("--bind", "-o", "ro", str(_tree() / "usr"), target=f"{ROOT}/usr")
    for name in _SHARED:
        # Not all that is below /run: the root itself is.
        mount("--bind" if name == "run" else "--rbind", f"/{name}", target=f"{ROOT}/{name}")


def _tree() -> Path:
    """The cache of what is needed now."""
    return debian.CACHE / f"{SUITE}-{zlib.crc32(' '.join(_linked()).encode()):08x}"


def _linked() -> list[str]:
    """Packages that the build links with."""
    shown = debian.run(os.path.join(REPOSITORY, "tools/deps"), "--help")
    names = next(line for line in shown.splitlines() if line.startswith("To build:"))
    return [name for name in names.split() if name.endswith("-dev")]


def _packages(archive: debian.Archive) -> list[str]:
    """The libraries behind these, and programs that the relay starts."""
    return [name for name in archive.with_libraries([*_linked(), *_PROGRAMS])
            if not name.endswith("-dev")]


def _check(tree: Path) -> None:
    """Does anything start?"""
    debian.run(str(next(tree.glob("usr/lib64/ld-linux-*"), tree)), "--version")
