"""Play a contract case and say what was seen."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Mapping
from typing import Any

from anysocket._capability import Capability
from anysocket._errors import first_of
from anysocket.testing._case import NOT_ANSWERED, Case, Client, Connect, Sight
from anysocket.testing._peer import Refused
from anysocket.testing._stage import Notebook

PLAY_TIMEOUT = 60.0
"""Seconds that a whole play may take."""
NOTES_TIMEOUT = 5.0
"""Seconds to wait for what the handler has not noted yet, once the client is done."""


async def play(
    case: Case,
    connect: Connect,
    notebook: Notebook,
    *,
    capabilities: Capability,
    tools: Mapping[str, Any] | None = None,
    base: str = "",
) -> Sight:
    """Play ``case`` once, against a server that is ready for it, at the path ``base`` if that is given.
    Whatever goes wrong on the way is a part of what was seen; only cancellation comes out of here."""
    client = Client(case, uuid.uuid4().hex, notebook, connect, capabilities, tools or {}, base)
    try:
        async with asyncio.timeout(PLAY_TIMEOUT):
            await case.client(client)
    except Refused as refused:
        client.note(f"refused {refused.status}" if refused.status else NOT_ANSWERED)
    except TimeoutError:
        client.note("it does not end")
    except AssertionError as failure:
        text = str(failure).partition("\n")[0]
        # Without the address, which is another each time.
        client.note(NOT_ANSWERED if text.endswith("the handshake was not answered") else text)
    except Exception as error:
        client.note(type(first_of(error)).__name__)
    expected = case.expected(capabilities)
    as_expected = tuple(client.notes) == expected.client
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(NOTES_TIMEOUT):
            await notebook.settled(client.token, expected.handler if as_expected else None)
    return Sight(tuple(client.notes), tuple(notebook.notes(client.token)))
