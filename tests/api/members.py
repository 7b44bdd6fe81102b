# SPDX-License-Identifier: Apache-2.0
"""Members of a request body with the types that Go's decoder wants; unknown ones are ignored."""

import base64
import binascii
import ipaddress
import json
import uuid
from typing import Any

from api import answers


def load(body: bytes) -> dict[str, Any]:
    """The object in a body."""
    value = load_any(body)
    if not isinstance(value, dict):
        raise answers.bad_json("json: cannot unmarshal into Go value of type models.Object")
    return value


def load_any(body: bytes) -> Any:
    """Any JSON value in a body."""
    if not body:
        raise answers.bad_json("EOF")
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError) as err:
        raise answers.bad_json(str(err)) from err


def _wrong(name: str, wanted: str) -> answers.Refused:
    return answers.bad_json(f"json: cannot unmarshal into Go struct field .{name} of type {wanted}")


def text(record: dict[str, Any], name: str) -> str | None:
    """A string; None when it is absent or null."""
    value = record.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(name, "string")
    return value


def flag(record: dict[str, Any], name: str) -> bool | None:
    """A boolean."""
    value = record.get(name)
    if value is not None and not isinstance(value, bool):
        raise _wrong(name, "bool")
    return value


def number(record: dict[str, Any], name: str) -> int:
    """An unsigned number; 0 when it is absent."""
    value = record.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**64:
        raise _wrong(name, "uint64")
    return value


def identifier(record: dict[str, Any], name: str) -> str | None:
    """A UUID; the empty string is none."""
    value = text(record, name)
    return None if value is None else parse_id(value)


def parse_id(value: str) -> str:
    """A UUID, with the text of Go's parser when it is not one."""
    if len(value) != 36:
        raise answers.bad_json(f"invalid UUID length: {len(value)}")
    try:
        return str(uuid.UUID(value))
    except ValueError as err:
        raise answers.bad_json("invalid UUID format") from err


def path_id(value: str, name: str = "id") -> str:
    """A UUID in a path."""
    try:
        return parse_id(value)
    except answers.Refused as err:
        raise answers.invalid("path parameter invalid", name) from err


def public_key(record: dict[str, Any]) -> str:
    """A WireGuard key."""
    value = text(record, "public_key") or ""
    if not value:
        raise answers.invalid("required", "public_key")
    try:
        if len(value) == 44 and len(base64.b64decode(value, validate=True)) == 32:
            return value
    except binascii.Error:
        pass
    raise answers.invalid("invalid public key", "public_key")


def endpoints(record: dict[str, Any]) -> list[dict[str, str]] | None:
    """Endpoints; their texts are not looked at."""
    value = record.get("endpoints")
    if value is None:
        return None
    if not isinstance(value, list):
        raise _wrong("endpoints", "[]models.Endpoint")
    for item in value:
        if not isinstance(item, dict):
            raise _wrong("endpoints", "models.Endpoint")
    return [{"source": text(item, "source") or "", "address": text(item, "address") or ""}
            for item in value]


def cidrs(record: dict[str, Any], name: str) -> list[str] | None:
    """Prefixes."""
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(name, "[]string")
    for item in value:
        try:
            ipaddress.ip_network(item, strict=False)
            if "/" not in item:
                raise ValueError(item)
        except ValueError as err:
            raise answers.invalid("invalid cidr", name, item) from err
    return list(value)


def wanted_addresses(record: dict[str, Any]) -> list[str]:
    """What --request-ip asks for."""
    value = record.get("ipv4_tunnel_ips")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _wrong("ipv4_tunnel_ips", "[]models.TunnelIP")
    if len(value) > 1:
        raise answers.invalid("only one address", "ipv4_tunnel_ips")
    asked = [text(item, "address") or "" for item in value]
    try:
        return [str(ipaddress.IPv4Address(address)) for address in asked if address]
    except ValueError as err:
        raise answers.invalid("invalid address", "ipv4_tunnel_ips") from err
