"""Clients of an app that runs in this process: through Starlette's TestClient, or through memory."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

import httpx2
from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

from anysocket import App, ConnectionClosed, testing
from clients import LEAVE_TIMEOUT, TIMEOUT, Closed, Data, Handshake, Peer, Refused

Result = TypeVar("Result")
LONG = 600.0
"""Seconds where the bound that counts is the caller's."""


class LoopThread:
    """An event loop of its own on a daemon thread, so that an app in this process outlives the loop of
    one test and cannot stop the run by blocking."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    async def call(self, coroutine: Coroutine[Any, Any, Result], timeout: float = 2 * TIMEOUT) -> Result:
        """Run ``coroutine`` on that loop; ``TimeoutError`` after ``timeout`` seconds, as where an app blocks
        its loop. Cancelling the call cancels it there."""
        return await asyncio.wait_for(asyncio.wrap_future(self.submit(coroutine)), timeout)

    def submit(self, coroutine: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Start ``coroutine`` on that loop, from any thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def stop(self) -> None:
        """Cancel what is left on the loop and end it; a loop that is blocked is left behind."""
        with contextlib.suppress(TimeoutError):
            self.submit(_cancel_others()).result(TIMEOUT)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(TIMEOUT)
        if not self._thread.is_alive():
            self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class CallThread:
    """Blocking calls one after the other on a daemon thread of their own: one that never returns stops
    neither the test's loop nor the end of the run."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, call: Callable[[], Result]) -> Future[Result]:
        """Queue ``call``, from any thread."""
        future: Future[Result] = Future()
        self._calls.put((future, call))
        return future

    async def call(self, call: Callable[[], Result], timeout: float = TIMEOUT) -> Result:
        """The result of ``call``; ``TimeoutError`` after ``timeout`` seconds."""
        return await asyncio.wait_for(asyncio.wrap_future(self.submit(call)), timeout)

    def stop(self) -> None:
        """End the thread after the calls that are queued."""
        self._calls.put(None)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # it belongs to whoever asked for the call
                    future.set_exception(error)


class TestClientPeer(Peer):
    """A session of Starlette's TestClient. Its ``receive`` blocks without limit, so a thread of its own
    waits there and posts what comes to the test's loop."""

    __test__ = False

    def __init__(self, name: str, session: WebSocketTestSession, calls: CallThread) -> None:
        super().__init__(name)
        extra_headers: Any = session.extra_headers
        self.subprotocol = session.accepted_subprotocol
        self.response_headers = httpx2.Headers(extra_headers or [])
        self._session = session
        self._calls = calls
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[Data | Closed] = asyncio.Queue()
        self._end: Closed | None = None
        self._told_end = False
        threading.Thread(target=self._listen, name=f"{name} receives", daemon=True).start()

    async def _send(self, data: Data) -> None:
        if self._told_end:
            raise self._end or Closed(1006)
        send = self._session.send_text if isinstance(data, str) else self._session.send_bytes
        await self._calls.call(lambda: send(data))  # type: ignore[arg-type]

    async def _receive(self) -> Data:
        if self._end is None:
            arrived = await self._arrived.get()
            if not isinstance(arrived, Closed):
                return arrived
            self._end = arrived
        raise self._end

    async def _close(self, code: int, reason: str) -> None:
        await self._tell_end(code, reason)
        self._arrived.put_nowait(Closed(code, reason))

    async def abort(self) -> None:
        """ASGI tells the app of a lost peer as a disconnect with code 1006."""
        self.history.append("abort")
        await self._tell_end(1006, "")
        self._arrived.put_nowait(Closed(1006))

    async def hang_up(self) -> None:
        await self.abort()

    async def leave(self) -> None:
        """The session itself stays entered: leaving it would cancel the handler, which no server does."""
        with contextlib.suppress(Exception):
            await self._tell_end(1000, "")
        self._calls.stop()

    async def _tell_end(self, code: int, reason: str) -> None:
        if not self._told_end:
            self._told_end = True
            await self._calls.call(lambda: self._session.close(code, reason))

    def _listen(self) -> None:
        arrived: Data | Closed | None = None
        while not isinstance(arrived, Closed):
            try:
                arrived = self._translate(self._session.receive())
            except BaseException:  # the app raised or was cancelled: a server cuts the connection
                arrived = Closed(1006)
            with contextlib.suppress(RuntimeError):  # the test and its loop are over
                self._loop.call_soon_threadsafe(self._arrived.put_nowait, arrived)

    def _translate(self, message: Any) -> Data | Closed:
        if message["type"] == "websocket.close":
            code, reason = message.get("code", 1000), message.get("reason") or ""
            if not self._told_end:
                self._told_end = True  # a real client answers the close frame, and the app is told
                self._session.close(code, reason)
            return Closed(code, reason)
        text: str | None = message.get("text")
        data: Data = message["bytes"] if text is None else text
        return data


@contextlib.asynccontextmanager
async def connect_testclient(
    name: str, client: TestClient, handshake: Handshake, entered: list[WebSocketTestSession]
) -> AsyncIterator[TestClientPeer]:
    """Connect through ``client``. The session is added to ``entered``, to be left at the end of the client.

    Raises ``Refused``."""
    calls = CallThread(f"{name} {handshake.path}")
    headers: Any = httpx2.Headers(handshake.all_headers())
    offers = list(handshake.subprotocols) or None
    try:
        session = await calls.call(
            lambda: client.websocket_connect(handshake.path, offers, headers=headers).__enter__()
        )
    except WebSocketDenialResponse as denial:
        raise Refused(denial.status_code, denial.headers.multi_items(), denial.content) from None
    except WebSocketDisconnect:
        raise Refused(403) from None  # what a server answers to a close before the accept
    except TimeoutError:
        raise AssertionError(f"{name} {handshake.path}: the handshake was not answered") from None
    except Exception as error:
        raise Refused(500, (), repr(error).encode()) from error  # what a server answers when the app raises
    entered.append(session)
    peer = TestClientPeer(f"{name} {handshake.path}", session, calls)
    try:
        yield peer
    finally:
        await peer.leave()


class MemoryPeer(Peer):
    """A peer of ``anysocket.testing``, on the loop of its app."""

    def __init__(self, name: str, peer: testing.Peer, loop: LoopThread) -> None:
        super().__init__(name)
        self.subprotocol = peer.subprotocol
        self.response_headers = httpx2.Headers(peer.response_headers)
        self._peer = peer
        self._loop = loop

    async def _send(self, data: Data) -> None:
        send = self._peer.send_text(data) if isinstance(data, str) else self._peer.send_bytes(data)
        await self._on_loop(send)

    async def _receive(self) -> Data:
        message = await self._on_loop(self._peer.receive(LONG), LONG)
        if message.type == "close":
            raise Closed(message.code or 1005, message.reason)
        return message.data

    async def _close(self, code: int, reason: str) -> None:
        await self._on_loop(self._peer.close(code, reason))

    async def abort(self) -> None:
        self.history.append("abort")
        await self._on_loop(self._peer.abort())

    async def hang_up(self) -> None:
        await self.abort()

    async def leave(self) -> None:
        with contextlib.suppress(Closed, TimeoutError):
            await self._on_loop(self._peer.close(), LEAVE_TIMEOUT)

    async def _on_loop(self, coroutine: Coroutine[Any, Any, Result], timeout: float = TIMEOUT) -> Result:
        try:
            return await self._loop.call(coroutine, timeout)
        except ConnectionClosed as closed:
            raise Closed(closed.code, closed.reason) from None


@contextlib.asynccontextmanager
async def connect_memory(
    name: str, app: App, handshake: Handshake, loop: LoopThread
) -> AsyncIterator[MemoryPeer]:
    """Connect through memory. Raises ``Refused``."""
    connection = testing.connect(
        app, handshake.path, headers=handshake.all_headers(), subprotocols=handshake.subprotocols
    )
    try:
        peer = MemoryPeer(f"{name} {handshake.path}", await loop.call(connection.__aenter__()), loop)
    except testing.Refused as refused:
        headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in refused.headers]
        raise Refused(refused.status, headers, refused.body) from None
    try:
        yield peer
    finally:
        await peer.leave()
        # Not longer: on a server too, a handler may outlive its peer for a while.
        await asyncio.wait([asyncio.wrap_future(loop.submit(_leave(connection)))], timeout=LEAVE_TIMEOUT)


async def _leave(connection: contextlib.AbstractAsyncContextManager[testing.Peer]) -> None:
    with contextlib.suppress(AssertionError):
        await connection.__aexit__(None, None, None)
