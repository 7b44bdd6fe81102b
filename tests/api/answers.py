# SPDX-License-Identifier: Apache-2.0
"""Answers as the api-server writes them: JSON as Go makes it, and its error bodies."""

import json
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json; charset=utf-8"


def dumps(value: Any) -> bytes:
    """JSON as Go writes it: compact, with three characters escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        if character in text:
            text = text.replace(character, escaped)
    return text.encode()


@dataclass
class Answer:
    """Status, body and what is not in every answer of the headers."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON


class Refused(Exception):
    """A handler's answer that is an error."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def ok(value: Any, status: int = 200, **headers: str) -> Answer:
    """An object."""
    return Answer(status, dumps(value), {name.replace("_", "-"): text
                                         for name, text in headers.items()})


def bare(status: int) -> Refused:
    """No body at all."""
    return Refused(Answer(status))


def text(status: int, words: str, **headers: str) -> Refused:
    """What the proxy itself says."""
    return Refused(Answer(status, words.encode(), {name.replace("_", "-"): value
                                                   for name, value in headers.items()},
                          "text/plain"))


def _error(status: int, words: str, **members: str) -> Refused:
    shown = {name: value for name, value in members.items() if value}
    return Refused(Answer(status, dumps({"error": words, **shown})))


def base(status: int, words: str) -> Refused:
    """BaseError"""
    return _error(status, words)


def invalid(words: str, field_name: str = "", reason: str = "", status: int = 400) -> Refused:
    """ValidationError"""
    return _error(status, words, field=field_name, reason=reason)


def conflict(row_id: str) -> Refused:
    """ConflictsError; its id comes first."""
    return Refused(Answer(409, dumps({"id": row_id, "error": "resource already exists"})))


def not_found(resource: str = "") -> Refused:
    """NotFoundError"""
    return _error(404, "not found", resource=resource)


def not_allowed(reason: str, status: int = 405) -> Refused:
    """NotAllowedError"""
    return _error(status, "operation not allowed", reason=reason)


def internal() -> Refused:
    """InternalServerError"""
    return _error(500, "internal server error", trace_id="4bf92f3577b34da6a3ce929d0e0e4736")


def bad_json(why: str) -> Refused:
    """The body is no JSON, or a member has the wrong type."""
    return base(400, f"request json is invalid: {why}")
