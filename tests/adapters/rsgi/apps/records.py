"""What the probes share: where they tell what they saw, and how to name it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

TIMEOUT = 8.0


class Record:
    """What one probe tells, and the signal that it waits for."""

    def __init__(self) -> None:
        self.told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.signal = asyncio.Event()

    def tell(self, seen: Any) -> None:
        if not self.told.done():
            self.told.set_result(seen)


async def outcome(call: Any) -> str:
    """The name of the error that awaiting ``call`` raises, or what it gives."""
    try:
        return repr(await call)
    except Exception as error:
        return type(error).__name__


def outcome_of(function: Any, *arguments: Any) -> str:
    try:
        return repr(function(*arguments))
    except BaseException as error:
        return type(error).__name__


async def content(transport: Any) -> list[Any]:
    return await content_of(transport.receive())


async def content_of(receiving: Any) -> list[Any]:
    """Kind and data of the message; ``["ProtocolClosed"]`` and its like for an error."""
    try:
        message = await receiving
    except Exception as error:
        return [type(error).__name__]
    data = getattr(message, "data", "no data")
    return [message.kind, data if isinstance(data, str) else ["bytes", data.decode()]]


RECORDS: defaultdict[str, Record] = defaultdict(Record)
"""By the key that the probe's peer gave."""
