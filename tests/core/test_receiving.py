"""Messages in, one by one or all of them (contract section 4)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from anysocket import ConnectionClosed, WebSocket
from core.fake_transport import FakeTransport, accepted, settle, soon


async def every(messages: AsyncIterator[Any], got: list[Any] | None = None) -> list[Any]:
    got = [] if got is None else got
    async for message in messages:
        got.append(message)
    return got


ITERATIONS: list[tuple[Callable[[WebSocket], AsyncIterator[Any]], Any]] = [
    (lambda websocket: (message.data async for message in websocket), ["1", "2"]),
    (lambda websocket: websocket.iter_text(), ["1", "2"]),
    (lambda websocket: websocket.iter_json(), [1, 2]),
]
every_iteration = pytest.mark.parametrize(
    ("iterate", "expected"), ITERATIONS, ids=["messages", "iter_text", "iter_json"]
)


@every_iteration
async def test_an_iteration_ends_at_a_close(iterate: Callable[..., Any], expected: Any) -> None:
    """Contract 4.3; and it stays ended."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.arrive("1", "2")
    transport.peer_closes(4001)
    assert await soon(every(iterate(websocket))) == expected
    assert await soon(every(iterate(websocket))) == []


@every_iteration
async def test_an_iteration_ends_at_a_close_of_ours(iterate: Callable[..., Any], expected: Any) -> None:
    websocket = await accepted(FakeTransport())
    await websocket.close(4001)
    assert await soon(every(iterate(websocket))) == []


@every_iteration
async def test_an_iteration_raises_when_the_peer_was_lost(iterate: Callable[..., Any], expected: Any) -> None:
    """Contract 4.3."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.arrive("1", "2")
    transport.peer_is_lost()
    got: list[Any] = []
    with pytest.raises(ConnectionClosed) as closed:
        await soon(every(iterate(websocket), got))
    assert got == expected
    assert (closed.value.code, closed.value.by) == (1006, "lost")


@every_iteration
@pytest.mark.parametrize("read_before", [True, False])
async def test_an_iteration_raises_at_a_message_too_big(
    iterate: Callable[..., Any], expected: Any, read_before: bool
) -> None:
    """Contract 4.4: whether or not somebody has read the error message before."""
    transport = FakeTransport()
    websocket = await accepted(transport, max_message_bytes=10)
    transport.arrive("x" * 11)
    await settle()
    if read_before:
        assert (await websocket.receive()).type == "error"
    with pytest.raises(ConnectionClosed) as closed:
        await soon(every(iterate(websocket)))
    assert (closed.value.code, closed.value.by) == (1009, "us")
    assert "max_message_bytes=10" in closed.value.reason


async def test_the_iteration_gives_text_and_bytes_messages() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.arrive("", b"")
    transport.peer_closes()
    assert [message.type async for message in websocket] == ["text", "bytes"]


async def test_bytes_are_iterated_as_bytes() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.arrive(b"1", b"")
    transport.peer_closes()
    assert await soon(every(websocket.iter_bytes())) == [b"1", b""]


@pytest.mark.parametrize(
    ("method", "sent", "data"),
    [
        ("receive_text", "é", "é"),
        ("receive_bytes", b"\xff", b"\xff"),
        ("receive_json", '{"a": [1]}', {"a": [1]}),
        ("receive_json", b"[null]", [None]),
    ],
)
async def test_one_message_of_a_type(method: str, sent: str | bytes, data: Any) -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.arrive(sent)
    assert await soon(getattr(websocket, method)()) == data


@pytest.mark.parametrize(
    ("method", "sent", "why"),
    [
        ("receive_text", b"12345", "expected a text message, the peer sent bytes of 5"),
        ("receive_bytes", "12345", "expected a bytes message, the peer sent text of 5"),
        ("receive_json", "{", "Expecting"),
        ("receive_json", b"\xff\xfe\xff", "decode"),
        ("receive_json", "[" * 100_000, "nested too deeply"),
        ("receive_json", "9" * 5000, "digits"),
    ],
)
async def test_another_message_is_a_value_error_and_the_connection_goes_on(
    method: str, sent: str | bytes, why: str
) -> None:
    """A peer must not be able to raise what a handler does not expect, such as ``RecursionError``."""
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.arrive(sent, "next")
    with pytest.raises(ValueError, match=why):
        await soon(getattr(websocket, method)())
    assert await soon(websocket.receive_text()) == "next"


@pytest.mark.parametrize("method", ["receive_text", "receive_bytes", "receive_json"])
async def test_the_end_is_an_exception_to_who_wants_data(method: str) -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    transport.peer_closes(4001, "bye")
    for _ in range(2):
        with pytest.raises(ConnectionClosed) as closed:
            await soon(getattr(websocket, method)())
        assert (closed.value.code, closed.value.reason, closed.value.by) == (4001, "bye", "peer")


async def test_a_json_message_may_be_any_json() -> None:
    transport = FakeTransport()
    websocket = await accepted(transport)
    sent = [1, "a", None, True, {"a": {}}]
    transport.arrive(*map(json.dumps, sent))
    transport.peer_closes()
    assert await soon(every(websocket.iter_json())) == sent
