"""What the pages of the demo ask for: nothing in it is as expected until it was looked at."""

from __future__ import annotations

import json
from typing import Any, cast

from anysocket import Message

Request = dict[str, Any]


class Refused(Exception):
    """What a page asked for cannot be done. It gets an ``error`` message, and the chat goes on."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(reason, text)
        self.reason = reason
        self.text = text


def parse(message: Message) -> Request:
    if message.type != "text":
        raise Refused("bad_message", "send JSON as text")
    try:
        request = json.loads(message.data)
    except (ValueError, RecursionError):  # the latter for thousands of opening brackets
        raise Refused("bad_message", "this is not JSON") from None
    if not isinstance(request, dict):
        raise Refused("bad_message", "send a JSON object")
    return cast(Request, request)


def read_text(request: Request, field: str, limit: int) -> str:
    value = request.get(field)
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise Refused(f"bad_{field}", f"{field} is missing: give some text")
    if len(text) > limit:
        raise Refused(f"bad_{field}", f"{field} is too long: {len(text)} characters, at most {limit}")
    return text


def read_line(request: Request, field: str, limit: int) -> str:
    line = " ".join(read_text(request, field, limit).split())
    # No control characters, nor invisible ones that make one name look like another.
    if not line.isprintable():
        raise Refused(f"bad_{field}", f"{field} has characters that cannot be seen")
    return line
