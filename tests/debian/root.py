# SPDX-License-Identifier: Apache-2.0
"""A whole Debian system in a folder, with what building and testing needs.

debootstrap makes it, and tools/deps installs the rest in it, as on a new machine; both need a network.
It stays in the cache (tools/lab/debian.py). What is done in it afterwards goes to an overlay.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from lab import debian

ROOT = Path(__file__).resolve().parent.parent.parent
SUITE = "trixie"
SOURCE = "/usr/src/nex-relay"  # in there

_TREE = debian.CACHE / "debian" / SUITE
_TIMEOUT_S = 3600
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NO_SERVICES = "#!/bin/sh\nexit 101\n"
# Mounts are gone with the last process. / has to be one: worlds are made in there.
_ENTER = """
set -e
root=$1; shift
{mount}
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
cat /etc/resolv.conf >"$root/etc/resolv.conf"
exec chroot "$root" "$@"
"""
# All that runs in there ends with the process that has started it.
_NAMESPACES = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private",
               "--pid", "--fork", "--kill-child")


class Failed(Exception):
    """A command in there has failed; the text is what it printed."""


class System:
    """One system, with the project's sources in it. Leaving the with block forgets what was done."""

    def __enter__(self) -> "System":
        debian.cached(_TREE, _make)
        self._work = tempfile.TemporaryDirectory(dir=_TREE.parent)
        for name in ("root", "upper", "work"):
            os.mkdir(f"{self._work.name}/{name}")
        _copy_sources(Path(f"{self._work.name}/upper{SOURCE}"))
        return self

    def __exit__(self, *_: object) -> None:
        self._work.cleanup()

    def run(self, *argv: str) -> str:
        """Run a command in the sources' folder, and return what it printed."""
        overlay = ",".join((f"lowerdir={_TREE}", f"upperdir={self._work.name}/upper",
                            f"workdir={self._work.name}/work"))
        return _enter(f'mount -t overlay -o {shlex.quote(overlay)} overlay "$root"',
                      f"{self._work.name}/root", *argv)

    def write(self, path: str, text: str) -> None:
        """Write a file; its folder has to be there."""
        self.run("sh", "-c", 'printf %s "$0" >"$1"', text, path)


def _enter(mount: str, root: str, *argv: str) -> str:
    """Run a command in a root file system, as on a machine of its own, but for the network."""
    command = [*_NAMESPACES, "sh", "-c", _ENTER.format(mount=mount), "sh", root,
               "env", "-i", f"PATH={_PATH}", "HOME=/root", "LC_ALL=C.UTF-8", *_proxies(),
               "sh", "-c", 'cd "$0" && exec "$@"', SOURCE, *argv]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as err:
        raise Failed(f"{shlex.join(argv)}: no end after {_TIMEOUT_S} s") from err
    if done.returncode:
        raise Failed(f"{done.stdout}\n{shlex.join(argv)}: status {done.returncode}")
    return done.stdout


def _make(_: Path, new: Path) -> None:
    """Make a system with everything in it that tools/deps installs."""
    verify = [f"--keyring={debian.KEYRING}", "--force-check-gpg"] if debian.KEYRING.exists() else []
    debian.run(*_NAMESPACES, "env", *_proxies(), "debootstrap", "--variant=minbase", *verify,
               "--include=ca-certificates,make", SUITE, str(new), debian.mirror(),
               timeout_s=_TIMEOUT_S)
    path = new / "usr/sbin/policy-rc.d"
    path.write_text(_NO_SERVICES, encoding="ascii")
    path.chmod(0o755)
    _copy_sources(new / SOURCE.lstrip("/"))
    _enter('mount --bind "$root" "$root"', str(new), "tools/deps")
    shutil.rmtree(new / SOURCE.lstrip("/"))


def _copy_sources(folder: Path) -> None:
    """What is in the tree, but for what was built."""
    shutil.copytree(ROOT, folder, symlinks=True,
                    ignore=shutil.ignore_patterns(".git", "build", "__pycache__"))


def _proxies() -> list[str]:
    """NAME=VALUE for programs that download: what apt's configuration and the environment say."""
    found = {name: value for name, value in os.environ.items()
             if name.lower() in ("http_proxy", "https_proxy", "no_proxy")}
    for kind in ("http", "https"):
        shown = debian.run("apt-config", "shell", "proxy", f"Acquire::{kind}::Proxy")
        if shown:
            found[f"{kind}_proxy"] = shlex.split(shown)[0].partition("=")[2]
    return [f"{name}={value}" for name, value in found.items()]


def unmet() -> str:
    """Why there can be none; empty when there can."""
    if os.geteuid() != 0:
        return "needs root"
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    return "" if shutil.which("debootstrap") else "no debootstrap"


