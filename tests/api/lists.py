# SPDX-License-Identifier: Apache-2.0
"""What lists have in common: filter, sort, range, X-Total-Count."""

import json
from typing import Any

from api.answers import Answer, ok
from api.wire import Request


def _option(request: Request, name: str, wanted: type) -> Any:
    """A JSON value of the query; one that makes no sense is ignored."""
    try:
        value = json.loads(request.query[name])
    except (KeyError, ValueError):
        return None
    return value if isinstance(value, wanted) else None


def listed(request: Request, rows: list[dict[str, Any]], order: str) -> Answer:
    """The list that the query wants of these rows; order is a member's name."""
    wanted = _option(request, "filter", dict) or {}
    rows = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
    backwards = False
    sort = _option(request, "sort", list)
    if sort and len(sort) == 2 and all(isinstance(word, str) for word in sort):
        order, backwards = sort[0], sort[1].upper() == "DESC"
    if all(order in row for row in rows):
        rows.sort(key=lambda row: _comparable(row[order]), reverse=backwards)
    bounds = _option(request, "range", list)
    if bounds and len(bounds) == 2 and all(isinstance(bound, int) for bound in bounds):
        rows = rows[max(0, bounds[0]):max(0, bounds[1] + 1)]
    return ok(rows, X_Total_Count=str(len(rows)))


def _comparable(value: Any) -> Any:
    return value if isinstance(value, (int, str)) else str(value)
