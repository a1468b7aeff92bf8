"""Headers of the handshake's answer (contract 3.1 and 3.2)."""

from __future__ import annotations

from typing import Any

import pytest

from anysocket import Denied, WebSocket, WebSocketStateError
from core.fake_transport import FakeTransport

ILLEGAL = [
    ({"x-user": "ann\r\nset-cookie: admin=1"}, "newline"),
    ({"x-user": "ann\nx: y"}, "newline"),
    ([(b"x-user", b"a\x00b")], "zero byte"),
    ({"x user": "ann"}, "illegal header name"),
    ({"x\r\ny": "ann"}, "illegal header name"),
    ({"": "ann"}, "illegal header name"),
    ({"Sec-WebSocket-Accept": "mine"}, "belongs to the handshake"),
    ({"sec-websocket-protocol": "chat"}, "accept\\(subprotocol="),
]


@pytest.mark.parametrize(("headers", "why"), ILLEGAL)
async def test_no_header_can_break_the_answer_apart(headers: Any, why: str) -> None:
    """Whoever controls a value must not be able to write headers of their own."""
    transport = FakeTransport()
    websocket = WebSocket(transport)
    with pytest.raises(ValueError, match=why):
        await websocket.accept(headers=headers)
    with pytest.raises(ValueError, match=why):
        await websocket.deny(headers=headers)
    assert transport.answer is None
    await websocket.accept()  # The mistake spoiled nothing.


@pytest.mark.parametrize(
    "headers",
    [
        {"Set-Cookie": "a=1", "X-B": "é"},
        [("Set-Cookie", "a=1"), (b"X-B", "é")],
        [(b"set-cookie", b"a=1"), ("x-b", b"\xe9")],
    ],
)
async def test_headers_are_mappings_or_pairs_of_str_or_bytes(headers: Any) -> None:
    transport = FakeTransport()
    await WebSocket(transport).accept(headers=headers)
    assert transport.answer == ("accept", None, [(b"set-cookie", b"a=1"), (b"x-b", b"\xe9")])


async def test_order_and_duplicates_are_kept() -> None:
    transport = FakeTransport()
    await WebSocket(transport).deny(401, [("set-cookie", "a=1"), ("x", "y"), ("set-cookie", "b=2")], "no")
    assert transport.answer == (
        "deny",
        401,
        [(b"set-cookie", b"a=1"), (b"x", b"y"), (b"set-cookie", b"b=2")],
        b"no",
    )


@pytest.mark.parametrize("headers", [{"x": 5}, [("x", None)], [(7, "x")], [("x", bytearray(b"a"))]])
async def test_names_and_values_of_another_type_are_named(headers: Any) -> None:
    transport = FakeTransport()
    with pytest.raises(TypeError, match=r"str or bytes, not (int|NoneType|bytearray)"):
        await WebSocket(transport).accept(headers=headers)
    assert transport.answer is None


async def test_what_latin_1_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="latin-1"):
        await WebSocket(FakeTransport()).accept(headers={"x": "名"})


def test_a_refusal_is_no_state_error() -> None:
    assert not issubclass(Denied, WebSocketStateError)
