"""The request as HTTP handlers get it."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest


class Request(StarletteRequest):
    """Starlette's request, whose ``json()`` blames the client for a body that is not JSON.

    ``request.state`` holds what the app's ``lifespan`` provided, ``request.app`` is the anysocket app.
    """

    async def json(self) -> Any:
        """The body as JSON (RFC 8259: UTF-8), whatever its content type says.

        Raises ``HTTPException`` 400 naming the position when it is not; left to itself that becomes the
        response ``{"error": "…"}``. Raises ``starlette.requests.ClientDisconnect`` when the client left
        before the body was complete. May be awaited again: the body is kept.
        """
        if not hasattr(self, "_json"):
            self._json = _parse(await self.body())
        return self._json


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        problem = f"not UTF-8: byte {error.start} cannot be decoded"
    except json.JSONDecodeError as error:
        problem = f"not JSON: {error.msg} at line {error.lineno} column {error.colno}"
    except ValueError as error:  # An integer of more digits than Python converts.
        problem = f"not JSON: {error}"
    except RecursionError:
        problem = "not JSON: nested too deeply"
    raise HTTPException(400, f"the request body is {problem}")
