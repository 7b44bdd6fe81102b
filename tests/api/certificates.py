# SPDX-License-Identifier: Apache-2.0
"""A CA of the test's own, a good certificate for the server and bad ones to choose from."""

import datetime
import os
import ssl
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAY = datetime.timedelta(days=1)
_AGE = 30  # days: whatever a test makes of today, the good ones are valid
_Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]
BAD = ("expired", "not_yet_valid", "wrong_host", "self_signed", "other_ca")
HOUR = "hour"  # a good one, but only from an hour before it is first chosen until an hour after


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _sign(subject: str, issuer: _Pair | None, hosts: Sequence[str] = (),
          age: float = _AGE, life: float = 3650) -> _Pair:
    """A certificate: of a CA when it has no hosts; signed by itself when it has no issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    begin = datetime.datetime.utcnow() - age * _DAY
    signer = issuer[1] if issuer else key
    authority = issuer[1].public_key() if issuer else key.public_key()
    builder = (x509.CertificateBuilder().subject_name(_name(subject))
               .issuer_name(issuer[0].subject if issuer else _name(subject))
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(begin).not_valid_after(begin + life * _DAY)
               .add_extension(x509.BasicConstraints(ca=not hosts, path_length=None), True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority),
                              False))
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(names, False).add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    else:
        builder = builder.add_extension(x509.KeyUsage(
            digital_signature=False, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
            encipher_only=False, decipher_only=False), True)
    return builder.sign(signer, hashes.SHA256()), key


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Certificates:
    """The files in a folder, and a TLS context for each certificate."""

    def __init__(self, folder: str, domain: str) -> None:
        self._folder = folder
        self._hosts = [f"api.{domain}", f"auth.{domain}", domain]
        self.ca_path = os.path.join(folder, "ca.pem")
        self._ca = _sign("nex-relay test CA", None)
        with open(self.ca_path, "wb") as file:
            file.write(_pem(self._ca[0]))
        self._contexts: dict[str, ssl.SSLContext] = {}
        self.chosen = "good"
        self.context()

    def choose(self, name: str) -> None:
        """The certificate for connections from now on: "good", HOUR or one of BAD."""
        if name not in ("good", HOUR, *BAD):
            raise ValueError(f"no certificate {name!r}: good {HOUR} {' '.join(BAD)}")
        self.chosen = name
        self.context()  # made now

    def context(self) -> ssl.SSLContext:
        """A TLS context with the chosen certificate."""
        name = self.chosen
        if name not in self._contexts:
            self._contexts[name] = self._load(name, *self._make(name))
        return self._contexts[name]

    def _make(self, name: str) -> _Pair:
        host, hosts = self._hosts[0], self._hosts
        if name == HOUR:
            return _sign(host, self._ca, hosts, age=1 / 24, life=2 / 24)
        if name == "expired":
            return _sign(host, self._ca, hosts, life=_AGE - 1)
        if name == "not_yet_valid":
            return _sign(host, self._ca, hosts, age=-2)
        if name == "wrong_host":
            return _sign("api.example.net", self._ca, ["api.example.net"])
        if name == "self_signed":
            return _sign(host, None, hosts)
        if name == "other_ca":
            return _sign(host, _sign("another CA", None), hosts)
        return _sign(host, self._ca, hosts)

    def _load(self, name: str, certificate: x509.Certificate,
              key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
        path = os.path.join(self._folder, f"server-{name}.pem")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(key.private_bytes(serialization.Encoding.PEM,
                                         serialization.PrivateFormat.PKCS8,
                                         serialization.NoEncryption()) + _pem(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(path)
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = _need_sni
        return context


def _need_sni(connection: ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
    """The proxy chooses by name whom it talks to: who sends none gets nothing."""
    if not name:
        return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    connection.server_name = name  # type: ignore[attr-defined]
    return None
