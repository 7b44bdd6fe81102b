# SPDX-License-Identifier: Apache-2.0
"""Start everything: `tests/api/server --state-dir DIR --listen ADDR:PORT`."""

import argparse
import os
import signal

from api.auth import Issuer
from api.certificates import Certificates
from api.control import Commands, ControlServer
from api.listener import Network
from api.model import Store
from api.names import Names
from api.routes import Service
from api.rows import IPV4_RANGE, IPV6_RANGE
from api.settings import Settings
from api.stun import StunServer

HOME_ID = "3a35fd0e-2715-41cc-a259-a506b6f50ab1"  # the first user, and the user's VPC


def address(text: str) -> tuple[str, int]:
    """ADDR:PORT, with brackets around an IPv6 address."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def parse(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="tests/api/server", description="A stand-in for the Nexodus api-server, for tests. "
        "It keeps everything in memory. A line on stdout says that it listens.")
    parser.add_argument("--state-dir", required=True, metavar="DIR",
                        help="for ca.pem and control.sock (see tests/api/ctl)")
    parser.add_argument("--listen", action="append", type=address, required=True,
                        metavar="ADDR:PORT", help="HTTPS; may be given several times")
    parser.add_argument("--dns", action="append", type=address, default=[], metavar="ADDR:PORT",
                        help="answer DNS queries for the domain there")
    parser.add_argument("--stun", action="append", type=address, default=[], metavar="ADDR:PORT",
                        help="answer STUN requests there")
    parser.add_argument("--domain", default="nexodus.test",
                        help="of api.DOMAIN and auth.DOMAIN (default: %(default)s)")
    parser.add_argument("--ipv4", default=IPV4_RANGE, metavar="CIDR", help="range of the first VPC")
    parser.add_argument("--ipv6", default=IPV6_RANGE, metavar="CIDR")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    options = parse(argv)
    os.makedirs(options.state_dir, mode=0o700, exist_ok=True)
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    store = Store(Settings())
    is_private = (options.ipv4, options.ipv6) != (IPV4_RANGE, IPV6_RANGE)
    home = store.add_user(f"user@{options.domain}", "secret", HOME_ID, ipv4_cidr=options.ipv4,
                          ipv6_cidr=options.ipv6, private_cidr=is_private)
    certificates = Certificates(options.state_dir, options.domain)
    names = Names(options.domain)
    issuer = Issuer(store)
    network = Network(Service(store, issuer), certificates)
    for host, port in options.listen:
        network.listen(host, port)
    port = network.addresses[0][1]
    issuer.set_host(f"auth.{options.domain}" + ("" if port == 443 else f":{port}"))
    names.zone["*"] = [host for host, _ in options.listen]
    for host, port in options.dns:
        names.listen(host, port)
    stun = [StunServer(host, port) for host, port in options.stun]
    commands = Commands(network, names, stun, home)
    ControlServer(os.path.join(options.state_dir, "control.sock"), commands, store.lock).start()
    print("listening on", " ".join(commands.info()["listen"]), flush=True)
    signal.sigwait(signals)
    return 0

