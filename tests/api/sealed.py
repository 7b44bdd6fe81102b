# SPDX-License-Identifier: Apache-2.0
"""The sealed device token: X25519 with the ephemeral public key as the scalar, HKDF, an AEAD."""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_NONCE = bytes(12)
_AEADS = {"aes": AESGCM, "chacha": ChaCha20Poly1305}


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _decode(text: str) -> bytes:
    if "+" in text or "/" in text:
        raise ValueError("not the URL-safe alphabet")
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True)
    except binascii.Error as err:
        raise ValueError(str(err)) from err


def public_of(secret: bytes) -> bytes:
    """Public key of a private key."""
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes(
        Encoding.Raw, PublicFormat.Raw)


def _key(ephemeral: bytes, recipient: bytes) -> bytes:
    shared = X25519PrivateKey.from_private_bytes(ephemeral).exchange(
        X25519PublicKey.from_public_bytes(recipient))
    return HKDF(hashes.SHA256(), 32, ephemeral + recipient, b"X25519").derive(shared)


def seal(public_key: str, text: str, aead: str = "aes", secret: bytes | None = None) -> str:
    """Seal text for the owner of a WireGuard key (base64). secret is the ephemeral one."""
    recipient = base64.b64decode(public_key)
    ephemeral = public_of(secret or os.urandom(32))
    box = _AEADS[aead](_key(ephemeral, recipient)).encrypt(_NONCE, text.encode(), None)
    return f"{_encode(b'v1')}:{_encode(ephemeral)}:{_encode(box)}"


def unseal(private_key: str, sealed: str, aead: str = "aes") -> str:
    """Open it with a WireGuard private key (base64); ValueError when it does not open."""
    fields = sealed.split(":")
    if len(fields) != 3:
        raise ValueError(f"{len(fields)} fields")
    if _decode(fields[0]) != b"v1":
        raise ValueError("kind is not v1")
    recipient = public_of(base64.b64decode(private_key))
    box = _AEADS[aead](_key(_decode(fields[1]), recipient))
    try:
        return box.decrypt(_NONCE, _decode(fields[2]), None).decode()
    except InvalidTag as err:
        raise ValueError("the tag is wrong") from err
