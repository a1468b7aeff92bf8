"""Which web pages may connect (contract 3.6)."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from anysocket import App, WebSocket
from anysocket.testing import Refused, connect
from core.fake_transport import FakeTransport


async def accept(websocket: WebSocket) -> None:
    await websocket.accept()


async def answer(origin: str | None, *, host: str = "example.com", scheme: str = "ws", **options: Any) -> Any:
    """101 or the status of the refusal."""
    app = App(**options)
    app.websocket("/")(accept)
    headers = [(b"host", host.encode())] + ([(b"origin", origin.encode())] if origin is not None else [])
    transport = FakeTransport(headers=tuple(headers))
    transport.scope.scheme = scheme
    await app.serve(transport)
    assert transport.answer is not None
    return 101 if transport.answer[0] == "accept" else transport.answer[1]


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://example.com", "example.com", "ws"),
        ("http://example.com:80", "example.com", "ws"),
        ("http://example.com", "example.com:80", "ws"),
        ("https://example.com", "example.com", "wss"),
        ("https://example.com", "example.com:443", "wss"),
        ("http://localhost:8000", "localhost:8000", "ws"),
        ("http://EXAMPLE.com", "Example.COM", "ws"),
        ("http://[::1]:8000", "[::1]:8000", "ws"),
        ("http://192.0.2.1:5000", "192.0.2.1:5000", "ws"),
    ],
)
async def test_a_page_of_the_requests_own_host_may_connect(origin: str, host: str, scheme: str) -> None:
    assert await answer(origin, host=host, scheme=scheme) == 101


async def test_a_page_behind_a_proxy_that_ended_tls_may_connect() -> None:
    """The browser's page is https, while the server behind the proxy sees plain ws."""
    assert await answer("https://example.com", host="example.com", scheme="ws") == 101


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://evil.example", "example.com", "ws"),
        ("http://sub.example.com", "example.com", "ws"),
        ("http://example.com.evil.example", "example.com", "ws"),
        ("http://example.com:8080", "example.com", "ws"),
        ("http://localhost:3000", "localhost:8000", "ws"),
        ("http://example.com", "example.com", "wss"),
        ("null", "example.com", "ws"),
        ("file://", "example.com", "ws"),
        ("", "example.com", "ws"),
        ("chrome-extension://example.com", "example.com", "ws"),
        ("http://[::1", "[::1", "ws"),
        ("http://example.com:port", "example.com:port", "ws"),
        ("null", "", "ws"),
    ],
)
async def test_any_other_page_is_refused_with_403(origin: str, host: str, scheme: str) -> None:
    assert await answer(origin, host=host, scheme=scheme) == 403


async def test_clients_that_are_no_browsers_send_no_origin_and_may_connect() -> None:
    assert await answer(None) == 101
    assert await answer(None, allowed_origins=[]) == 101


@pytest.mark.parametrize(
    ("allowed", "status"),
    [
        ("*", 101),
        (["*"], 101),
        (["https://app.example"], 101),
        (["HTTPS://APP.example", "https://other.example"], 101),
        ("https://app.example", 101),
        (["https://other.example"], 403),
        (["http://app.example"], 403),
        ("https://app", 403),
        ([], 403),
    ],
)
async def test_allowed_origins_decide_alone(allowed: Any, status: int) -> None:
    assert await answer("https://app.example", allowed_origins=allowed) == status


async def test_own_host_is_not_allowed_unless_listed() -> None:
    assert await answer("http://example.com", allowed_origins=["https://app.example"]) == 403


async def test_the_log_says_how_to_allow_the_page(caplog: pytest.LogCaptureFixture) -> None:
    app = App()
    app.websocket("/live")(accept)
    with caplog.at_level(logging.WARNING), pytest.raises(Refused) as refused:
        async with connect(app, "/live", headers={"origin": "https://evil.example"}):
            pass
    assert refused.value.status == 403
    (line,) = caplog.messages
    assert "https://evil.example" in line and "/live" in line and "allowed_origins" in line


async def test_the_handler_of_a_refused_page_does_not_run() -> None:
    app = App()

    @app.websocket("/")
    async def handler(websocket: WebSocket) -> None:
        pytest.fail("it ran")

    with pytest.raises(Refused):
        async with connect(app, "/", headers={"origin": "null"}):
            pass
