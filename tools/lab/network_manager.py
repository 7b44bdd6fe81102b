# SPDX-License-Identifier: Apache-2.0
"""The real NetworkManager, on the relay host of a private world.

Installed it would take over the machine's own network, so it is unpacked into a cache, with what
libraries it needs (debian.py); where it is installed all the same, that one is used. In the world
it has a message bus of its own, files of its own, and of what its unit lets it do no more than on
any host; not even the machine's radio switches. With /sys read-only it takes itself to be in a
container, and does not ask udev.
"""

import os
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from lab import debian
from lab.networkd import BUS_BINARY, Bus
from lab.node import Node
from lab.relay import Daemon
from lab.udev import Udev
from lab.wait import wait_until

# In the environment: why fetch() had none.
REASON = "NEX_LAB_NO_NETWORK_MANAGER"
CONFIG = "/etc/NetworkManager"
TREE = debian.CACHE / "network-manager"

_INSTALLED = Path("/")
_PROGRAM, _NMCLI = "usr/sbin/NetworkManager", "usr/bin/nmcli"
_PACKAGE = "network-manager"
_FOLDERS = ("/run/NetworkManager", "/var/lib/NetworkManager")
# As Debian has it, but for what says something about the machine and not about a link.
_MAIN = "[main]\nplugins=keyfile\ndns=none\nhostname-mode=none\nno-auto-default=*\n"
# CapabilityBoundingSet= of its unit.
_CAPABILITIES = ("-all,+net_admin,+dac_override,+net_raw,+net_bind_service,+setgid,+setuid,"
                 "+sys_module,+audit_write,+kill,+sys_chroot")
_START = """
if [ -e /dev/rfkill ]; then mount --bind /dev/null /dev/rfkill; fi &&
{mounts} exec setpriv --bounding-set "$0" "$@"
"""
_READ_ONLY = "mount -o remount,bind,ro /sys &&"


def fetch() -> None:
    """See to it that there is a NetworkManager in the cache; for outside of a world, which has no
    network. unmet() says in the world why that failed."""
    if _root() == _INSTALLED:
        return
    try:
        debian.unpacked(TREE, debian.codename(), _packages, _check)
    except debian.Unavailable as err:
        os.environ[REASON] = str(err)


def unmet() -> str:
    """Why there is no NetworkManager; empty when there is one."""
    if not os.access(BUS_BINARY, os.X_OK):
        return f"no {BUS_BINARY}: install dbus-daemon"
    if _root():
        return ""
    why = os.environ.get(REASON, "a world has no network; pytest outside of one, or "
                                 "`make test-net`, fetches it")
    return f"no NetworkManager, neither installed nor in {TREE}: {why}"


def programs() -> list[Path]:
    """What has to be there to run it; nothing where something is missing."""
    root = _root()
    return [root / _PROGRAM, root / _NMCLI, Path(BUS_BINARY)] if root and not unmet() else []


def environment(root: Path | None = None) -> dict[str, str]:
    """What its programs need in their environment to find their libraries, in an unpacked tree."""
    root = root or _root() or _INSTALLED
    if root == _INSTALLED:
        return {}
    return {"LD_LIBRARY_PATH": ":".join(map(str, (root / "usr/lib").glob("*-linux-gnu*")))}


def _root() -> Path | None:
    """Below which folder it is."""
    found = [root for root in (_INSTALLED, TREE) if os.access(root / _PROGRAM, os.X_OK)]
    return found[0] if found else None


def _packages(archive: debian.Archive) -> list[str]:
    """The package, and those of its libraries that this host has not."""
    listed = debian.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n")
    return archive.with_libraries([_PACKAGE], but={
        line.split()[1] for line in listed.splitlines() if line.startswith("installed ")})


def _check(tree: Path) -> None:
    """Does it start?"""
    for path in (_PROGRAM, _NMCLI):
        debian.run(*_command(tree, path), "--version")


def _command(root: Path, path: str) -> list[str]:
    """A program of an unpacked tree, or of this host."""
    variables = [f"{name}={value}" for name, value in environment(root).items()]
    return ["env", *variables, str(root / path)]


class NetworkManager:
    """NetworkManager with the files that write() has given it, and a message bus. Leaving the with
    block takes all away."""

    def __init__(self, host: Node, with_udev: bool) -> None:
        self.host, self.with_udev = host, with_udev
        self._root = _root() or TREE
        self._daemons: list[Daemon] = []
        self._undo = ExitStack()
        self._probes = 0

    def __enter__(self) -> "NetworkManager":
        for folder in (CONFIG, *_FOLDERS):
            os.makedirs(folder, exist_ok=True)
            self.host.run("mount", "-t", "tmpfs", "tmpfs", folder)
            self._undo.callback(self.host.run, "umount", folder)
        for folder in ("conf.d", "system-connections"):
            os.mkdir(f"{CONFIG}/{folder}")
        self.write(f"{CONFIG}/NetworkManager.conf", _MAIN)
        self._undo.enter_context(Bus())
        if self.with_udev:
            self._undo.enter_context(Udev(self.host))
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in self._daemons:
            if daemon.process.poll() is None:
                daemon.kill()
        self._undo.close()

    def write(self, path: str, text: str) -> None:
        """A file below /etc/NetworkManager."""
        assert os.path.commonpath([path, CONFIG]) == CONFIG, path
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def start(self) -> None:
        """Start it, and wait until it is done with every link."""
        script = _START.format(mounts="" if self.with_udev else _READ_ONLY)
        self._daemons.append(Daemon(
            ["unshare", "--mount", "sh", "-c", script, _CAPABILITIES,
             *_command(self._root, _PROGRAM), "--debug"], self.host.start))
        self._wait(lambda: self.nmcli("-t", "-f", "STARTUP", "general").stdout == "started\n",
                   "NetworkManager")
        self.settle()

    def reload(self) -> None:
        """What `systemctl reload NetworkManager` does."""
        done = self.nmcli("general", "reload")
        assert done.returncode == 0, done.stderr
        self.settle()

    def stop(self) -> None:
        """SIGTERM, as systemd sends it."""
        assert self._daemons[-1].stop() == 0, self.log()

    def nmcli(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """nmcli ARGV, whatever its exit status."""
        return self.host.call(*_command(self._root, _NMCLI), *argv)

    def states(self) -> dict[str, str]:
        """Links, and what it says of each."""
        lines = self.nmcli("-t", "-f", "DEVICE,STATE", "device").stdout.splitlines()
        return dict(line.split(":", 1) for line in lines)

    def log(self, word: str = "") -> list[str]:
        """What the one that was started last has said, in lines with this word."""
        return [line for line in self._daemons[-1].messages() if word in line]

    def settle(self) -> None:
        """Wait until it has dealt with all that has happened until now: it takes one message of the
        kernel's after the other, so it is enough to see it manage a new link."""
        self._probes += 1
        name = f"probe{self._probes}"
        self.host.run("ip", "link", "add", name, "up", "type", "veth",
                      "peer", "name", f"{name}-end")
        try:
            self.host.run("ip", "address", "add", "192.0.2.1/32", "dev", name)
            self._wait(lambda: self.states().get(name, "unmanaged") != "unmanaged",
                       f"{name} that is managed")
        finally:
            self.host.run("ip", "link", "delete", name)

    def _wait(self, condition: Callable[[], object], what: str) -> None:
        def holds() -> object:
            assert self._daemons[-1].process.poll() is None, self.log()
            return condition()
        wait_until(holds, what)
