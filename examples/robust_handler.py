"""A handler that survives bad JSON, unknown actions, and helpers that fail or never finish.

Each request ``{"action": "…", …}`` gets one answer, ``{"result": …}`` or ``{"error": …}``. The traceback of a
helper's bug goes to the log; the client is told that something failed, and nothing about the inside.
``except Exception`` around the helper catches no end of the connection, because nothing in it touches the
connection: that end comes out of receiving and sending, and ends the handler as it should.

Run:  granian --interface rsgi examples.robust_handler:app
  or  uvicorn examples.robust_handler:app
Try:  python -m websockets ws://127.0.0.1:8000/calculate
      and type {"action": "divide", "a": 1, "b": 0}
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from anysocket import App, WebSocket

HELPER_TIMEOUT = 0.5
"""Seconds a helper may take."""

app = App()


async def divide(request: dict[str, Any]) -> Any:
    return request["a"] / request["b"]


async def reverse(request: dict[str, Any]) -> Any:
    return request["text"][::-1]


async def ask_slow_service(request: dict[str, Any]) -> Any:
    await asyncio.sleep(3600)


HELPERS: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
    "divide": divide,
    "reverse": reverse,
    "ask": ask_slow_service,
}


async def answer(request: Any) -> str:
    """The answer to one request, as JSON; never raises, whatever the request and its helper are like."""
    action = request.get("action") if isinstance(request, dict) else None
    helper = HELPERS.get(action) if isinstance(action, str) else None
    if helper is None:
        return json.dumps({"error": f"action must be one of {', '.join(HELPERS)}"})
    try:
        async with asyncio.timeout(HELPER_TIMEOUT):
            result = await helper(request)
        return json.dumps({"result": result}, allow_nan=False)  # a result that is no JSON is a failure too
    except TimeoutError:
        return json.dumps({"error": f"{action} took too long"})
    except Exception:
        app.logger.exception("helper %s failed", action)
        return json.dumps({"error": f"{action} failed"})


@app.websocket("/calculate")
async def calculate(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        try:
            request = await websocket.receive_json()
        except ValueError:
            await websocket.send_json({"error": "this is not JSON text"})
        else:
            await websocket.send_text(await answer(request))
