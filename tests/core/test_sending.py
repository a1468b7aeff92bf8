"""Text, bytes and JSON out (contract sections 2 and 5)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.fake_transport import FakeTransport, accepted


@pytest.mark.parametrize(
    ("method", "data", "sent"),
    [
        ("send_text", "é", "é"),
        ("send_text", "", ""),
        ("send_bytes", b"\x00\xff", b"\x00\xff"),
        ("send_bytes", b"", b""),
        ("send_bytes", bytearray(b"ab"), b"ab"),
        ("send_bytes", memoryview(b"ab"), b"ab"),
        ("send", "text", "text"),
        ("send", b"bytes", b"bytes"),
    ],
)
async def test_what_is_sent_keeps_its_type(method: str, data: Any, sent: str | bytes) -> None:
    transport = FakeTransport()
    await getattr(await accepted(transport), method)(data)
    assert transport.sent == [sent]
    assert type(transport.sent[0]) is type(sent)


@pytest.mark.parametrize(
    ("method", "data", "name"),
    [
        ("send_text", b"bytes", "bytes"),
        ("send_text", None, "NoneType"),
        ("send_bytes", "text", "str"),
        ("send_bytes", 5, "int"),
        ("send", 5, "int"),
        ("send", ["a"], "list"),
    ],
)
async def test_a_wrong_type_is_named_and_nothing_is_sent(method: str, data: Any, name: str) -> None:
    """Contract 5.3."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    with pytest.raises(TypeError, match=name):
        await getattr(websocket, method)(data)
    await websocket.send_text("still open")
    assert transport.sent == ["still open"]


async def test_bytes_that_change_after_the_call_were_sent_as_they_were() -> None:
    transport = FakeTransport()
    data = bytearray(b"before")
    sending = (await accepted(transport)).send_bytes(data)
    data[:] = b"after!"
    await sending
    assert transport.sent == [b"before"]


@pytest.mark.parametrize("data", [{"a": [1, 2.5, None, True]}, [], "é", 0, None])
async def test_json_is_sent_as_text(data: Any) -> None:
    transport = FakeTransport()
    await (await accepted(transport)).send_json(data)
    (sent,) = transport.sent
    assert isinstance(sent, str)
    assert json.loads(sent) == data


@pytest.mark.parametrize("data", [{1, 2}, object(), float("nan"), [float("inf")]])
async def test_what_json_cannot_say_is_the_senders_error(data: Any) -> None:
    """RFC 8259; a browser would fail on ``NaN`` far from the cause."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    with pytest.raises((TypeError, ValueError)):
        await websocket.send_json(data)
    assert transport.sent == []
