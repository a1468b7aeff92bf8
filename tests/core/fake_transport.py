"""A transport that does what a test tells it to, and notes what the core asks of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any, TypeGuard, cast
from weakref import WeakKeyDictionary

from anysocket import Address, Capability, ConnectionClosed, Headers, Message, Scope, WebSocket

EVERYTHING = ~Capability(0)
TIMEOUT = 5.0
"""Seconds until a wait that should end at once fails the test."""


BROKEN_PROMISES: list[str] = []
"""What the core did to a transport against the port; the core may swallow the error, so it is kept."""


def promised(kept: bool, promise: str) -> None:
    if not kept:
        BROKEN_PROMISES.append(promise)
        raise AssertionError(promise)


class ForeignFuture:
    """What servers written in Rust give instead of a coroutine: a future of their own, with one place
    for a callback, and no coroutine around it."""

    def __init__(self) -> None:
        self._asyncio_future_blocking = False
        self._callback: tuple[Callable[[Any], object], Any] | None = None
        self._outcome: tuple[Any, BaseException | None] | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        iterator: Any = self
        return cast("Generator[Any, Any, Any]", iterator)

    def __iter__(self) -> ForeignFuture:
        return self

    def __next__(self) -> ForeignFuture:
        if (
            self._outcome is None or self.cancelled()
        ):  # Once cancelled it waits for itself, as Granian's does.
            self._asyncio_future_blocking = True
            return self
        raise StopIteration(self.result())

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def done(self) -> bool:
        return self._outcome is not None

    def cancelled(self) -> bool:
        return self._outcome is not None and isinstance(self._outcome[1], asyncio.CancelledError)

    def cancel(self, msg: object = None) -> bool:
        if self._outcome is not None:
            return False
        self.settle(error=asyncio.CancelledError())
        return True

    def add_done_callback(self, callback: Callable[[Any], object], *, context: Any = None) -> None:
        self._callback = (callback, context)
        if self._outcome is not None:
            self._call()

    def settle(self, result: Any = None, error: BaseException | None = None) -> None:
        self._outcome = (result, error)
        if self._callback is not None:
            self._call()

    def _call(self) -> None:
        assert self._callback is not None
        callback, context = self._callback
        asyncio.get_running_loop().call_soon(callback, self, context=context)

    def result(self) -> Any:
        assert self._outcome is not None
        result, error = self._outcome
        if error is not None:
            raise error
        return result


class FakeTransport:
    """The port, under the test's control.

    ``way`` is how ``receive`` waits: as a ``"coroutine"``, as one that is ``"cancel safe"``, as a
    ``"future"`` of the server's own, or as a coroutine that is ``"yielding"`` to the loop before. Breaking
    a promise of the port fails the test.
    """

    server = "the fake server"
    remedy = "use a real one"
    failures: tuple[type[BaseException], ...] = (BrokenPipeError,)

    def __init__(
        self,
        path: str = "/",
        *,
        way: str = "coroutine",
        capabilities: Capability = EVERYTHING,
        linger: float = 0.0,
        subprotocols: tuple[str, ...] = (),
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        self.scope = Scope(
            path, headers=Headers(headers), subprotocols=subprotocols, client=Address("192.0.2.7", 4711)
        )
        self.capabilities = capabilities
        self.linger = linger
        self.way = way
        self.cancel_safe = way == "cancel safe"
        self.yields = 2
        self.sent: list[str | bytes] = []
        self.answer: tuple[Any, ...] | None = None
        self.close_frame: tuple[int, str] | None = None
        self.released = False
        self.receives = 0
        self.accept_waits_for: asyncio.Future[None] | None = None
        self.accept_fails_with: BaseException | None = None
        self.send_fails_with: BaseException | None = None
        self._arrived: deque[Message | BaseException] = deque()
        self._waiting: Any = None
        self._receiving = False
        self._gives_up = False
        self._sending = 0
        self._gate = asyncio.Event()
        self._gate.set()

    # -- what the test does --

    def arrive(self, *messages: Message | str | bytes | BaseException) -> None:
        """The peer's messages, or the exception by which the server tells its end."""
        for message in messages:
            if isinstance(message, str):
                message = Message("text", message)
            elif isinstance(message, bytes):
                message = Message("bytes", message)
            self._arrived.append(message)
        waiting, self._waiting = self._waiting, None
        if isinstance(waiting, ForeignFuture):
            self._settle(waiting)
        elif waiting is not None and not waiting.done():
            waiting.set_result(None)

    def peer_closes(self, code: int = 1000, reason: str = "") -> None:
        self.arrive(Message("close", reason, code, reason))

    def peer_is_lost(self) -> None:
        self.arrive(BrokenPipeError())

    def give_up_receiving(self) -> None:
        """As adapters have to for a close of ours where the server cannot do both at once."""
        self._gives_up = True
        self._waiting.cancel()

    def hold_sends(self) -> None:
        """The peer stops reading: sends wait from now on."""
        self._gate.clear()

    def let_sends_go(self) -> None:
        self._gate.set()

    @property
    def unread(self) -> int:
        """How many messages the core has not asked for."""
        return len(self._arrived)

    # -- the port --

    async def accept(self, subprotocol: str | None, headers: Any) -> None:
        promised(self.answer is None, "the handshake is answered once")
        self.answer = ("accept", subprotocol, list(headers))
        if self.accept_waits_for is not None:
            await self.accept_waits_for
        if self.accept_fails_with is not None:
            raise self.accept_fails_with

    async def deny(self, status: int, headers: Any, body: bytes) -> None:
        promised(self.answer is None, "the handshake is answered once")
        self.answer = ("deny", status, list(headers), body)

    def receive(self) -> Awaitable[Any]:
        promised(not self._receiving, "one receive at a time")
        promised(not self.released, "nothing is called after release")
        self._receiving = True
        self.receives += 1
        if self.way == "future":
            future = ForeignFuture()
            if self._arrived:
                self._settle(future)
            else:
                self._waiting = future
            return future
        return self._receive()

    def decode(self, event: Any) -> Message:
        if isinstance(event, ConnectionClosed):
            raise event
        assert isinstance(event, Message)
        return event

    async def _receive(self) -> Any:
        try:
            if self.way == "yielding":
                for _ in range(self.yields):
                    await asyncio.sleep(0)
            while not self._arrived:
                self._waiting = asyncio.get_running_loop().create_future()
                await self._waiting
        except asyncio.CancelledError:
            promised(self.cancel_safe or self._gives_up, "no receive is cancelled")
            raise
        finally:
            self._receiving = False
        event = self._arrived.popleft()
        if is_failure(event):
            raise event
        return event

    def _settle(self, future: ForeignFuture) -> None:
        self._receiving = False
        event = self._arrived.popleft()
        if is_failure(event):
            future.settle(error=event)
        else:
            future.settle(event)

    async def send_text(self, data: str) -> None:
        await self._send(data)

    async def send_bytes(self, data: bytes) -> None:
        await self._send(data)

    async def _send(self, data: str | bytes) -> None:
        promised(self._sending == 0, "one send at a time")
        promised(self.close_frame is None, "nothing is sent after a close")
        promised(not self.released, "nothing is called after release")
        self._sending += 1
        try:
            if not self._gate.is_set():
                await self._gate.wait()
            if self.send_fails_with is not None:
                raise self.send_fails_with
            self.sent.append(data)
        finally:
            self._sending -= 1

    async def close(self, code: int, reason: str) -> None:
        promised(self.close_frame is None, "one close frame at most")
        promised(not self.released, "nothing is called after release")
        promised(self._sending == 0, "no close frame in the middle of a message")
        self.close_frame = (code, reason)

    def release(self) -> None:
        promised(not self.released, "released once")
        self.released = True


def is_failure(event: Message | BaseException) -> TypeGuard[BaseException]:
    """Whether ``receive`` raises it; some servers tell the end by an event instead."""
    return isinstance(event, BaseException) and not isinstance(event, ConnectionClosed)


async def accepted(transport: FakeTransport, **options: Any) -> WebSocket:
    """A WebSocket on this transport, open."""
    websocket = WebSocket(transport, **options)
    await websocket.accept()
    OPEN[websocket] = asyncio.get_running_loop()
    return websocket


OPEN: WeakKeyDictionary[WebSocket, asyncio.AbstractEventLoop] = WeakKeyDictionary()
"""What ``accepted`` has made, and in which loop."""


def end_all() -> None:
    """As servers do: no connection outlives its event loop. Those of other loops, which tests elsewhere have
    left, are for the garbage collector."""
    here = asyncio.get_running_loop()
    for websocket in [each for each, loop in OPEN.items() if loop is here]:
        del OPEN[websocket]
        websocket._lost(ConnectionClosed(1006, "", "lost"))


async def to_its_end(test: Awaitable[None]) -> None:
    """Run what has an event loop of its own."""
    try:
        await test
    finally:
        end_all()
        await settle()


async def settle(rounds: int = 20) -> None:
    """Let everything run that can run without a new event from outside."""
    for _ in range(rounds):
        await asyncio.sleep(0)


@contextlib.contextmanager
def ends_within(seconds: float = TIMEOUT) -> Iterator[None]:
    """Fail if the block takes longer by the loop's clock."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    yield
    assert loop.time() - start < seconds


async def soon(awaitable: Awaitable[Any]) -> Any:
    """What it returns, which must not take long."""
    async with asyncio.timeout(TIMEOUT):
        return await awaitable
