"""Errors and messages as values: their kinds and what they tell."""

from __future__ import annotations

from typing import ClassVar

from anysocket._capability import Capability
from anysocket._errors import (
    BackplaneError,
    ConnectionClosed,
    Denied,
    LimitExceeded,
    UnsupportedByTransport,
    WebSocketStateError,
)
from anysocket._message import Message
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight, peer_close_seen
from anysocket.testing._stage import Stage

CODE, REASON = Capability.PEER_CLOSE_CODE, Capability.PEER_CLOSE_REASON
LOOPS = 5
"""More messages than a loop gets before the end."""


class _Errors(Case):
    """Of this group."""

    group = "errors"
    clauses: ClassVar[tuple[str, ...]] = ("9",)

    async def client(self, client: Client) -> None:
        """Close with 4001."""
        async with client.connect() as peer:
            await peer.close(4001, "bye")


class ErrorTree(_Errors):
    """The errors form one tree: of a connection ConnectionErrors, of a program RuntimeErrors."""

    bare = False
    handler_sees = (
        "ConnectionClosed < ConnectionError",
        "WebSocketStateError < RuntimeError",
        "UnsupportedByTransport < WebSocketStateError",
        "Denied < Exception",
        "LimitExceeded < Exception",
        "BackplaneError < Exception",
    )

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        kinds = (
            ConnectionClosed,
            WebSocketStateError,
            UnsupportedByTransport,
            Denied,
            LimitExceeded,
            BackplaneError,
        )
        for kind in kinds:
            stage.note(f"{kind.__name__} < {kind.__bases__[0].__name__}")


class ErrorAttributes(_Errors):
    """ConnectionClosed tells code, reason and who ended it, and says so in words."""

    bare = False
    needs = CODE | REASON
    clauses = ("9", "4.2")

    def expected(self, capabilities: Capability) -> Sight:
        code = 4001 if CODE in capabilities else 1005
        reason = "bye" if REASON in capabilities else ""
        words = f"connection closed by the peer, code {code}{f' ({reason!r})' if reason else ''}"
        return Sight(handler=(f"{code} {reason!r} peer", words))

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        try:
            await websocket.receive_text()
        except ConnectionClosed as closed:
            stage.note(f"{closed.code} {closed.reason!r} {closed.by}")
            stage.note(str(closed))


class _ExceptConnectionError(_Errors):
    """Of handlers that know no more than Python's own ConnectionError."""

    clauses: ClassVar[tuple[str, ...]] = ("2.errors",)
    handler_sees: ClassVar[tuple[str, ...]] = ("ConnectionError",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        try:
            for _ in range(LOOPS):
                await self.use(websocket)
        except ConnectionError:
            stage.note("ConnectionError")
        except Exception as error:
            stage.note(type(error).__name__)
        else:
            stage.note("silence")

    async def use(self, websocket: WebSocket) -> None:
        """What fails at the end."""
        await websocket.receive()


class CatchPeersClose(_ExceptConnectionError):
    """`except ConnectionError` catches what receiving raises after the peer's close."""


class CatchLoss(_ExceptConnectionError):
    """`except ConnectionError` catches what receiving raises after a loss."""

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.abort()


class CatchOurClose(_ExceptConnectionError):
    """`except ConnectionError` catches what sending raises after our own close."""

    async def use(self, websocket: WebSocket) -> None:
        await websocket.close()
        await websocket.send_text("late")


class CatchLateSend(_ExceptConnectionError):
    """`except ConnectionError` catches what sending raises after the peer's close."""

    async def use(self, websocket: WebSocket) -> None:
        if (await websocket.receive()).code is not None:
            for _ in range(LOOPS):
                await websocket.send_text("late")


class MessageAttributes(_Errors):
    """A message has type and data, and of a close code and reason; else these are None and ''."""

    needs = CODE | REASON
    clauses = ("2.message",)

    def expected(self, capabilities: Capability) -> Sight:
        _, code, reason = peer_close_seen(capabilities, 4001, "bye").split(" ", 2)
        return Sight(
            handler=("text 'a' None ''", "bytes b'b' None ''", f"close {reason} {code} {reason}"),
        )

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        for _ in range(3):
            message = await websocket.receive()
            stage.note(f"{message.type} {message.data!r} {message.code} {message.reason!r}")

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.send("a")
            await peer.send(b"b")
            await peer.close(4001, "bye")


class MessageInMatch(_Errors):
    """A match statement takes messages apart."""

    clauses = ("2.message",)
    handler_sees = ("text a", "2 bytes", "the end")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        for _ in range(3):
            match await websocket.receive():
                case Message("text", text):
                    stage.note(f"text {text!s}")
                case Message("bytes", data):
                    stage.note(f"{len(data)} bytes")
                case Message("close"):
                    stage.note("the end")
                case other:
                    stage.note(repr(other))

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.send("a")
            await peer.send(b"bc")
            await peer.close()
