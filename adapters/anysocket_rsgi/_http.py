"""An ASGI app's HTTP side run over RSGI's HTTP protocol (RSGI 1.6, ASGI HTTP 2.3).

ASGI is a flow of messages, RSGI a set of calls: the request body is an async iterator, the response is
one call with the whole body or a file, or a stream. What RSGI cannot carry is in ``docs/shim.md``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Protocol

from anysocket_rsgi._asgi_request import Request, RSGIRequest
from anysocket_rsgi._asgi_response import Response, RSGIResponse
from anysocket_rsgi._asgi_scope import ASGIApp, http_scope, is_asgi_server

logger = logging.getLogger("anysocket")


class RSGIHTTPProtocol(RSGIRequest, RSGIResponse, Protocol):
    """What the RSGI specification gives an app for one HTTP request."""


async def run_asgi_http(
    asgi_app: ASGIApp,
    scope: Any,
    protocol: RSGIHTTPProtocol,
    state: Mapping[str, Any] | None = None,
    root_path: str = "",
    *,
    pathsend: bool = True,
) -> None:
    """Serve one RSGI HTTP request with ``asgi_app``; never raises but for cancellation.

    ``state`` is the lifespan's, copied into the request's scope. An app that raises, or returns without
    a response, is answered with 500; one that fails later ends the response where it is. Both are logged.
    Where an ASGI server is behind RSGI's objects (``anysocket_asgi.from_rsgi``), that is left to it: what the
    app raises comes out of here.
    """
    left_to_server = is_asgi_server(protocol)
    # That one would read the file as the app can, only later, when the app may have removed it.
    asgi_scope = http_scope(scope, state or {}, root_path, pathsend=pathsend and not left_to_server)
    where = f"{scope.method} {asgi_scope['raw_path'].decode()}"
    request = Request(protocol, asgi_scope["headers"], empty_tells=not left_to_server)
    response = Response(
        protocol,
        asgi_scope["method"],
        request,
        any_bytes=left_to_server,
        opens_later=type(protocol).__module__.startswith("granian."),
    )
    try:
        await asgi_app(asgi_scope, request.receive, response.send)
        if not response.complete and not request.disconnected:
            logger.error("the ASGI app returned without completing the response to %s", where)
    except Exception:
        if left_to_server:
            raise  # The traceback holds a stream that is open, so that the server can break it off.
        logger.exception("exception in the ASGI app serving %s", where)
    finally:
        request.finish()
        if not left_to_server:
            response.end()
