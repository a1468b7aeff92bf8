"""What an HTTP handler returned, as a response."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import JSONResponse, PlainTextResponse, Response

from anysocket._errors import HeaderPairs
from anysocket._headers import response_headers

NO_CONTENT = (204, 304)
"""Responses that cannot have a body (RFC 9110 sections 15.3.5 and 15.4.5)."""


def to_response(returned: object, handler_name: str) -> Response:
    """The response for what the handler named ``handler_name`` returned.

    Raises ``TypeError`` naming handler and type for what is no response, and ``ValueError`` for a status
    or header that HTTP cannot carry: both are bugs of the handler.
    """
    if isinstance(returned, Response):
        return returned
    if not isinstance(returned, tuple):
        return _body_response(returned, 204 if returned is None else 200, handler_name)
    if len(returned) not in (2, 3):
        raise TypeError(
            f"HTTP handler {handler_name} returned a tuple of {len(returned)}: "
            "it must be (body, status) or (body, status, headers)"
        )
    body, status = returned[:2]
    if not isinstance(status, int) or isinstance(status, bool):
        kind = type(status).__name__
        raise TypeError(f"HTTP handler {handler_name} returned a status of type {kind}, not int")
    if not 200 <= status <= 599:
        raise ValueError(f"HTTP handler {handler_name} returned status {status}, which is not in 200-599")
    response = _body_response(body, int(status), handler_name)
    if len(returned) == 3:
        _set_headers(response, returned[2])
    return response


RENDERERS: tuple[tuple[type | tuple[type, ...], Callable[..., Response]], ...] = (
    ((dict, list), JSONResponse),
    (str, PlainTextResponse),
    (bytes, lambda body, status: Response(body, status, media_type="application/octet-stream")),
    (type(None), lambda _body, status: Response(status_code=status)),
)


def _body_response(body: object, status: int, handler_name: str) -> Response:
    for types, render in RENDERERS:
        if isinstance(body, types):
            return Response(status_code=status) if status in NO_CONTENT else render(body, status)
    raise TypeError(
        f"HTTP handler {handler_name} returned {type(body).__name__}: it must return a dict, list, str, "
        "bytes, None, (body, status), (body, status, headers) or a Starlette Response"
    )


def _set_headers(response: Response, headers: HeaderPairs) -> None:
    given = response_headers(headers)
    names = {name for name, _ in given}
    # What the handler says replaces our defaults, the content type for one.
    response.raw_headers = [pair for pair in response.raw_headers if pair[0] not in names] + given
