"""Clients of an app that runs in this process: through Starlette's TestClient, or through memory."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import httpx2
from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from anysocket import App, Headers, Message, testing
from anysocket.testing import Peer, Refused
from anysocket.testing._peer import LOST
from anysocket_servers._endpoint import TIMEOUT
from anysocket_servers._handshake import Handshake
from anysocket_servers._peer import LEAVE_TIMEOUT
from anysocket_servers._threads import CallThread, LoopThread

Result = TypeVar("Result")
LONG = 600.0
"""Seconds where the bound that counts is the caller's."""


class TestClientPeer(Peer):
    """A session of Starlette's TestClient. Its ``receive`` blocks without limit, so a thread of its own
    waits there and posts what comes to the caller's loop."""

    __test__ = False

    def __init__(self, name: str, session: WebSocketTestSession, calls: CallThread, timeout: float) -> None:
        super().__init__(timeout)
        extra_headers: Any = session.extra_headers
        self.subprotocol = session.accepted_subprotocol
        self.response_headers = Headers(extra_headers or ())
        self._session = session
        self._calls = calls
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[Message] = asyncio.Queue()
        self._told_end = False
        threading.Thread(target=self._listen, name=f"{name} receives", daemon=True).start()

    async def _send(self, message: Message) -> None:
        if self._told_end:
            raise BrokenPipeError("the connection is over")
        send: Any = self._session.send_text if message.type == "text" else self._session.send_bytes
        await self._calls.call(lambda: send(message.data))

    async def _receive(self) -> Message:
        return await self._arrived.get()

    async def _send_close(self, message: Message) -> None:
        await self._tell_end(message.code or 1005, message.reason)
        self._arrived.put_nowait(message)

    def _answer_close(self, message: Message) -> None:
        """Done where it arrived."""

    async def _abort(self) -> None:
        """ASGI tells the app of a lost peer as a disconnect with code 1006."""
        await self._tell_end(1006, "")
        self._arrived.put_nowait(LOST)

    async def _hang_up(self) -> None:
        await self._abort()

    async def leave(self) -> None:
        """The session itself stays entered: leaving it would cancel the handler, which no server does."""
        with contextlib.suppress(Exception):
            await self._tell_end(1000, "")

    async def _tell_end(self, code: int, reason: str) -> None:
        if not self._told_end:
            self._told_end = True
            await self._calls.call(lambda: self._session.close(code, reason))

    def _listen(self) -> None:
        arrived: Message | None = None
        while arrived is None or arrived.code is None:
            try:
                arrived = self._translate(self._session.receive())
            except BaseException:  # The app raised or was cancelled: a server cuts the connection.
                if self._told_end:
                    return  # Which has ended already.
                arrived = LOST
            with contextlib.suppress(RuntimeError):  # The test and its loop are over.
                self._loop.call_soon_threadsafe(self._arrived.put_nowait, arrived)

    def _translate(self, event: Any) -> Message:
        if event["type"] == "websocket.close":
            code, reason = event.get("code", 1000), event.get("reason") or ""
            if not self._told_end:
                self._told_end = True  # A real client answers the close frame, and the app is told.
                with contextlib.suppress(Exception):  # Unless it has raised meanwhile.
                    self._session.close(code, reason)
            return Message("close", reason, code, reason)
        text: str | None = event.get("text")
        return Message("bytes", event["bytes"]) if text is None else Message("text", text)


@contextlib.asynccontextmanager
async def connect_testclient(
    name: str,
    client: TestClient,
    handshake: Handshake,
    entered: list[WebSocketTestSession],
    timeout: float = TIMEOUT,
) -> AsyncIterator[TestClientPeer]:
    """Connect through ``client``. The session is added to ``entered``, to be left at the end of the client.

    Raises :class:`anysocket.testing.Refused`."""
    label = f"{name} {handshake.path}"
    calls = CallThread(label)
    try:
        session = await _enter_session(label, client, handshake, calls, timeout)
        entered.append(session)
        peer = TestClientPeer(label, session, calls, timeout)
        try:
            yield peer
        finally:
            await peer.leave()
    finally:
        calls.stop()


async def _enter_session(
    label: str, client: TestClient, handshake: Handshake, calls: CallThread, timeout: float
) -> WebSocketTestSession:
    headers: Any = httpx2.Headers(
        [(name.encode(), value.encode("latin-1")) for name, value in handshake.headers]
    )
    offers = list(handshake.subprotocols) or None
    try:
        return await calls.call(
            lambda: client.websocket_connect(handshake.path, offers, headers=headers).__enter__(), timeout
        )
    except WebSocketDenialResponse as denial:
        raise Refused(denial.status_code, denial.headers.raw, denial.content) from None
    except WebSocketDisconnect:
        raise Refused(403) from None  # What a server answers to a close before the accept.
    except TimeoutError:
        raise AssertionError(f"{label}: the handshake was not answered") from None
    except Exception as error:
        raise Refused(500, (), repr(error).encode()) from error  # What a server answers when the app raises.


class BridgedPeer(Peer):
    """A peer of ``anysocket.testing`` that lives on the loop of its app."""

    def __init__(self, peer: testing.Peer, loop: LoopThread, timeout: float) -> None:
        super().__init__(timeout)
        self.subprotocol = peer.subprotocol
        self.response_headers = peer.response_headers
        self._peer = peer
        self._loop = loop
        self._receiving: Future[Message] | None = None

    async def _send(self, message: Message) -> None:
        await self._on_loop(self._peer._send(message), LONG)

    async def _receive(self) -> Message:
        # Kept when this call is cancelled: the other loop may have taken a message at that very moment.
        if self._receiving is None:
            self._receiving = self._loop.submit(self._peer._receive())
        message = await asyncio.shield(asyncio.wrap_future(self._receiving))
        self._receiving = None
        return message

    async def _send_close(self, message: Message) -> None:
        await self._on_loop(self._peer._send_close(message))

    def _answer_close(self, message: Message) -> None:
        self._loop.submit(self._answer(message))

    async def _answer(self, message: Message) -> None:
        self._peer._answer_close(message)

    async def _abort(self) -> None:
        await self._on_loop(self._peer._abort())

    async def _hang_up(self) -> None:
        await self._on_loop(self._peer._hang_up())

    async def leave(self) -> None:
        """Close, if that was not done."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.close(), LEAVE_TIMEOUT)
        if self._receiving is not None:
            self._receiving.cancel()

    async def _on_loop(self, coroutine: Coroutine[Any, Any, Result], timeout: float = TIMEOUT) -> Result:
        return await self._loop.call(coroutine, timeout)


@contextlib.asynccontextmanager
async def connect_memory(
    app: App, handshake: Handshake, loop: LoopThread, timeout: float = TIMEOUT
) -> AsyncIterator[BridgedPeer]:
    """Connect through memory. Raises :class:`anysocket.testing.Refused`."""
    connection = testing.connect(
        app, handshake.path, headers=handshake.headers, subprotocols=handshake.subprotocols
    )
    try:
        inner = await loop.call(connection.__aenter__(), timeout)
    except TimeoutError:
        raise AssertionError(f"{handshake.path}: the handshake was not answered") from None
    peer = BridgedPeer(inner, loop, timeout)
    try:
        yield peer
    finally:
        await peer.leave()
        # Not longer: on a server too, a handler may outlive its peer for a while.
        await asyncio.wait([asyncio.wrap_future(loop.submit(_leave(connection)))], timeout=LEAVE_TIMEOUT)


async def _leave(connection: contextlib.AbstractAsyncContextManager[testing.Peer]) -> None:
    with contextlib.suppress(AssertionError):
        await connection.__aexit__(None, None, None)
