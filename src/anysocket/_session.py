"""One connection from its handshake to its end: what the handler's outcome means for the peer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from typing import Any

from anysocket._admission import Admission
from anysocket._errors import ConnectionClosed, Denied, LimitExceeded
from anysocket._heartbeat import Heartbeat, keep_alive
from anysocket._limits import Gate, refusal_status
from anysocket._log_fields import handler_name, log_fields
from anysocket._origin import origin_allowed
from anysocket._pace import close_for
from anysocket._state import State
from anysocket._websocket import WebSocket

logger = logging.getLogger("anysocket")

Handler = Callable[..., Awaitable[object]]


def serve_route(
    handler: Handler,
    websocket: WebSocket,
    parameters: Mapping[str, Any],
    *,
    allowed_origins: Collection[str] | None,
    gate: Gate,
    heartbeat: Heartbeat | None,
) -> Coroutine[Any, Any, None]:
    """What runs a handler, unless the handshake comes from a web page that may not connect, which gets 403
    and a warning, or there is one too many inside the gate, which gets 503 or 429."""
    if not origin_allowed(websocket.scope, allowed_origins):
        logger.warning(
            "refused a WebSocket to %r from origin %r, not %r: allow it with allowed_origins=[…]",
            websocket.scope.path,
            websocket.headers.get("origin"),
            websocket.scope.host,
            extra=log_fields(websocket, handler),
        )
        return refuse(websocket, 403, "origin")
    if heartbeat is not None:
        keep_alive(websocket, heartbeat)
    return run_inside(gate, handler, websocket, parameters)


async def run_inside(
    gate: Gate, handler: Handler, websocket: WebSocket, parameters: Mapping[str, Any]
) -> None:
    """Run a handler within the limits of a gate."""
    try:
        with Admission(gate, websocket):
            await run_handler(handler, websocket, parameters)
    except LimitExceeded as exceeded:
        await _stop_for(websocket, exceeded, handler)


async def refuse(websocket: WebSocket, status: int, limit: str, body: str = "") -> None:
    """Refuse the upgrade for what is no decision of the handler; observers are told this name for it."""
    websocket._refused_by = limit
    await websocket.deny(status, body=body)


async def _stop_for(websocket: WebSocket, exceeded: LimitExceeded, handler: Handler) -> None:
    """One too many: refuse the upgrade, or close the connection, with the limit's name."""
    if websocket._state is State.CONNECTING:
        logger.warning(
            "refused a WebSocket to %r from %r: %s",
            websocket.scope.path,
            websocket.client.host if websocket.client else "a unix socket",
            exceeded,
            extra=log_fields(websocket, handler),
        )
        await refuse(websocket, refusal_status(exceeded.limit), exceeded.limit, exceeded.limit)
    else:
        close_for(websocket, exceeded)


async def run_handler(handler: Handler, websocket: WebSocket, parameters: Mapping[str, Any]) -> None:
    """Run a handler to its end and leave the connection as contract and RFC 6455 section 7 have it.

    Returning closes with 1000, raising with 1011 and a traceback in the log; before ``accept()`` the
    upgrade is refused with 403 and 500. :class:`Denied` refuses with its response, :class:`LimitExceeded`
    with 503 or 429, or closes with 1008. A :class:`ConnectionClosed` out of the handler is a normal end. Only
    cancellation comes out of here, and leaves the connection lost.
    """
    websocket.scope.path_params = dict(parameters)
    try:
        await handler(websocket, **parameters)
    except Denied as denied:
        await _deny(websocket, denied)
    except LimitExceeded as exceeded:
        await _stop_for(websocket, exceeded, handler)
    except ConnectionClosed as closed:
        logger.debug("%s ended: %s", websocket, closed, extra=log_fields(websocket, handler))
        await _end(websocket, 1000, 403)
    except BaseException as error:
        if not _is_failure(error):
            raise
        logger.exception(
            "handler %s failed on %s, peer %s",
            handler_name(handler),
            websocket,
            websocket.client,
            extra=log_fields(websocket, handler),
        )
        websocket._observers.failed(websocket, error)
        await _end(websocket, 1011, 500)
    else:
        if websocket._state is State.CONNECTING:
            logger.warning(
                "handler %s of %r returned before accept() or deny(): refused with 403",
                handler_name(handler),
                websocket.scope.path,
                extra=log_fields(websocket, handler),
            )
        await _end(websocket, 1000, 403)
    finally:
        await websocket._leave()


def _is_failure(error: BaseException) -> bool:
    """Whether the handler failed, in contrast to being stopped from outside."""
    if isinstance(error, asyncio.CancelledError):
        # Else nobody cancelled us: the handler waited for something that was cancelled.
        task = asyncio.current_task()
        return task is not None and not task.cancelling()
    return isinstance(error, Exception | SystemExit)  # No handler may end the server by sys.exit().


async def _end(websocket: WebSocket, code: int, status: int) -> None:
    if websocket._state is State.CONNECTING:
        await websocket.deny(status)
    elif not websocket.closed:
        await websocket.close(code)


async def _deny(websocket: WebSocket, denied: Denied) -> None:
    if websocket._state is State.CONNECTING:
        try:
            await websocket.deny(denied.status, denied.headers, denied.body)
        except (ValueError, TypeError):
            logger.exception(
                "Denied was raised with what no HTTP response can carry: refused with 500",
                extra=log_fields(websocket),
            )
            await websocket.deny(500)
    elif not websocket.closed:
        logger.warning(
            "Denied was raised after accept() on %s: closed with 1008", websocket, extra=log_fields(websocket)
        )
        await websocket.close(1008)


async def reject_unmatched(websocket: WebSocket) -> None:
    """The answer to a path without a route, when the app says close: accept, then 1001."""
    await websocket.accept()
    await websocket.close(1001, "no such path")
