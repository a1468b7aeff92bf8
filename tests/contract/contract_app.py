"""Handlers that behave and misbehave in every way the contract speaks of.

A handler that has something to tell that its peer cannot see any more tells it under the ``key`` of its
query string; a peer of ``/told/<key>`` waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import resource
import time
from collections.abc import AsyncIterator
from typing import Any

from anysocket import (
    App,
    Capability,
    ConnectionClosed,
    Denied,
    UnsupportedByTransport,
    WebSocket,
    WebSocketManager,
    WebSocketStateError,
)

TOLD_TIMEOUT = 8.0


@contextlib.asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[dict[str, Any]]:
    yield {"started": "by the lifespan"}


app = App(lifespan=lifespan)
waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
kept: list[Any] = []


def future_of(key: str) -> asyncio.Future[dict[str, Any]]:
    if key not in waiting:
        waiting[key] = asyncio.get_running_loop().create_future()
    return waiting[key]


def tell(websocket: Any, **facts: Any) -> None:
    future = future_of(websocket.query_params["key"])
    if not future.done():
        future.set_result(facts)


def described(closed: ConnectionClosed) -> dict[str, Any]:
    return {"code": closed.code, "reason": closed.reason, "by": closed.by}


@app.websocket("/told/<key>")
async def told(websocket, key):
    await websocket.accept()
    async with asyncio.timeout(TOLD_TIMEOUT):
        await websocket.send_json(await asyncio.shield(future_of(key)))


@app.websocket("/tell/<key>")
async def tell_for_a_test(websocket, key):
    future_of(key).set_result({})
    await websocket.accept()
    await websocket.send_json({})


@app.websocket("/process")
async def process(websocket):
    """The process, its peak of resident memory, its open sockets where the system tells them."""
    await websocket.accept()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    sockets = None
    with contextlib.suppress(OSError):
        sockets = sum(_is_socket(entry.path) for entry in os.scandir("/proc/self/fd"))
    await websocket.send_json({"pid": os.getpid(), "peak_bytes": peak, "sockets": sockets})


@app.websocket("/websockets")
async def count_websockets(websocket):
    """How many WebSockets this process keeps in memory, besides this one."""
    await websocket.accept()
    gc.collect()
    kept = [each for each in gc.get_objects() if isinstance(each, WebSocket) and each is not websocket]
    await websocket.send_json({"kept": len(kept)})


def _is_socket(path: str) -> bool:
    try:
        return os.readlink(path).startswith("socket:")
    except OSError:
        return False


# -- what a handler does before accept --


@app.websocket("/return")
async def return_at_once(websocket):
    pass


@app.websocket("/raise")
async def raise_at_once(websocket):
    raise LookupError("before accept")


@app.websocket("/close/<int:code>")
async def close_before_accept(websocket, code):
    await websocket.close(code, "no")


@app.websocket("/deny/<int:status>")
async def deny(websocket, status):
    await websocket.deny(status, {"x-why": "busy", "retry-after": "5"}, "come back later")


@app.websocket("/deny-twice-named")
async def deny_with_two_headers_of_one_name(websocket):
    await websocket.deny(403, [("x-why", "one"), ("x-why", "two")], b"both")


@app.websocket("/denied-deep")
async def denied_from_any_depth(websocket):
    async def check():
        async def check_deeper():
            raise Denied(429, {"retry-after": "7"}, "slow down")

        async with asyncio.TaskGroup():
            await check_deeper()

    try:
        await check()
    except* Denied as group:
        raise group.exceptions[0] from None


@app.websocket("/denied-late")
async def denied_after_accept(websocket):
    await websocket.accept()
    raise Denied(403)


@app.websocket("/double-accept")
async def double_accept(websocket):
    await websocket.accept()
    try:
        await websocket.accept()
    except WebSocketStateError as error:
        await websocket.send_text(type(error).__name__)
    await echo_messages(websocket)


@app.websocket("/double-accept-at-once")
async def two_tasks_accept(websocket):
    results = await asyncio.gather(websocket.accept(), websocket.accept(), return_exceptions=True)
    await websocket.send_text(", ".join(type(result).__name__ for result in results))


@app.websocket("/deny-after-accept")
async def deny_after_accept(websocket):
    await websocket.accept()
    try:
        await websocket.deny(403)
    except WebSocketStateError as error:
        await websocket.send_text(type(error).__name__)


@app.websocket("/misuse-before-accept")
async def use_before_accept(websocket):
    names = []
    for call in (websocket.send_text("too early"), websocket.send_bytes(b"too early"), websocket.receive()):
        try:
            await call
        except WebSocketStateError as error:
            names.append(type(error).__name__)
    await websocket.accept()
    await websocket.send_text(", ".join(names))


INJECTIONS = (
    {"x-a": "1\r\nx-injected: 1"},
    {"x-a\r\nx-injected": "1"},
    {"x-a": "1\nx-injected: 1"},
    {"x a": "1"},
    {"x-a": "\0"},
)


@app.websocket("/header-injection")
async def inject_headers(websocket):
    refused = 0
    for headers in INJECTIONS:
        try:
            await websocket.accept(headers=headers)
        except ValueError:
            refused += 1
    await websocket.accept()
    await websocket.send_text(str(refused))


@app.websocket("/deny-injection")
async def inject_denial_headers(websocket):
    for headers in INJECTIONS:
        with contextlib.suppress(ValueError):
            await websocket.deny(403, headers)
    for status in (-1, 0, 99, 101, 200, 302, 1001, 70000):
        with contextlib.suppress(ValueError):
            await websocket.deny(status)
    await websocket.deny(418)


@app.websocket("/accept-after-pause")
async def accept_after_pause(websocket):
    for _ in range(random.randrange(5)):
        await asyncio.sleep(0)
    await asyncio.sleep(random.random() / 100)
    await websocket.accept()
    await echo_messages(websocket)


@app.websocket("/wait-before-accept")
async def wait_before_accept(websocket):
    """Accepts once the peer is surely gone."""
    tell(websocket)
    await asyncio.shield(future_of(websocket.query_params["key"] + "-gone"))
    outcome = "accepted"
    try:
        await websocket.accept()
        await websocket.receive()
    except ConnectionClosed as closed:
        outcome = f"closed {closed.code}"
    future_of(websocket.query_params["key"] + "-outcome").set_result({"outcome": outcome})


@app.websocket("/accept-headers")
async def accept_with_headers(websocket):
    try:
        await websocket.accept(headers=[("x-one", "1"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
    except UnsupportedByTransport as error:
        await websocket.accept()
        await websocket.send_text(str(error))
    else:
        await websocket.send_text("sent")


@app.websocket("/accept-subprotocol/<name>")
async def accept_with_subprotocol(websocket, name):
    try:
        await websocket.accept(subprotocol=name)
    except (ValueError, UnsupportedByTransport) as error:
        await websocket.accept()
        await websocket.send_text(f"{type(error).__name__}: {error}")
    else:
        await websocket.send_text(f"agreed on {websocket.subprotocol}")


# -- messages --


async def echo_messages(websocket):
    async for message in websocket:
        await websocket.send(message.data)


@app.websocket("/echo")
async def echo(websocket):
    await websocket.accept()
    await echo_messages(websocket)


@app.websocket("/limit", max_message_bytes=65536)
async def limited(websocket):
    await websocket.accept()
    error = None
    while True:
        try:
            message = await websocket.receive()
        except ConnectionClosed as closed:
            tell(websocket, end=described(closed), error=error)
            return
        error = message.data if message.type == "error" else None
        if message.type in ("text", "bytes"):
            await websocket.send_json({"type": message.type, "length": len(message.data)})


@app.websocket("/surrogate")
async def send_a_lone_surrogate(websocket):
    """A str that no UTF-8 can say, then one that it can."""
    await websocket.accept()
    try:
        await websocket.send_text("\ud800")
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
    else:
        outcome = "silence"
    await websocket.send_text(outcome)


@app.websocket("/surrogate-in-a-room")
async def broadcast_a_lone_surrogate(websocket):
    manager = WebSocketManager()
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    try:
        await manager.broadcast_to_all("\ud800")
    except ValueError:
        await manager.broadcast_to_all("refused")
    await websocket.send_text("and on")


@app.websocket("/wrong-types")
async def send_wrong_types(websocket):
    await websocket.accept()
    errors = []
    for call, value in (
        (websocket.send_text, b"x"),
        (websocket.send_text, None),
        (websocket.send_bytes, "x"),
        (websocket.send, 3),
        (websocket.send_json, {1j: 1}),
    ):
        try:
            await call(value)
        except TypeError as error:
            errors.append(str(error))
    await websocket.send_json(errors)


@app.websocket("/never-reads")
async def never_reads(websocket):
    await websocket.accept()
    await future_of(websocket.query_params["key"])


@app.websocket("/inspect/<path:rest>")
async def inspect(websocket, rest):
    scope = websocket.scope
    await websocket.accept()
    await websocket.send_json(
        {
            "path": scope.path,
            "rest": rest,
            "raw_path": scope.raw_path and scope.raw_path.decode("latin-1"),
            "query_string": scope.query_string.decode("latin-1"),
            "query": {name: websocket.query_params.getlist(name) for name in websocket.query_params},
            "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope.headers],
            "cookies": websocket.cookies,
            "client": websocket.client,
            "server": scope.server,
            "scheme": scope.scheme,
            "http_version": scope.http_version,
            "subprotocols": scope.subprotocols,
            "url": websocket.url,
            "started": websocket.state.started,
            "capabilities": sorted(str(flag.name) for flag in Capability if flag in websocket.capabilities),
        }
    )


# -- cancellation and order --


@app.websocket("/receive-with/<how>")
async def receive_with_timeouts(websocket, how):
    """Receives with timeouts that race the arrivals; says "enough" after 2,000 calls, both ways."""
    await websocket.accept()
    receive_one = {"timeout": with_timeout, "wait_for": with_wait_for, "storm": with_a_storm}[how]
    received: list[Any] = []
    calls = cancelled = 0
    enough = False
    while not received or received[-1] != "end":
        calls += 1
        message = await receive_one(websocket)
        if message is None:
            cancelled += 1
        else:
            received.append(message.data)
        if not enough and calls >= 2000 and min(cancelled, len(received)) >= 500:
            enough = True
            await websocket.send_text("enough")
    await websocket.send_json({"calls": calls, "cancelled": cancelled, "received": received})


async def with_timeout(websocket):
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(random.random() / 1000):
            return await websocket.receive()


async def with_wait_for(websocket):
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(websocket.receive(), random.random() / 1000)


async def with_a_storm(websocket):
    """A reader that is cancelled after no, one or a few rounds of the event loop."""
    task = asyncio.create_task(websocket.receive())
    for _ in range(random.randrange(4)):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        return await task


@app.websocket("/two-readers")
async def two_readers(websocket):
    await websocket.accept()
    first = asyncio.create_task(websocket.receive())
    await asyncio.sleep(0)
    try:
        await websocket.receive()
    except WebSocketStateError as error:
        await websocket.send_text(type(error).__name__)
    await websocket.send((await first).data)


@app.websocket("/send-from-tasks/<how>/<int:tasks>/<int:messages>")
async def send_from_tasks(websocket, how, tasks, messages):
    """Every message is numbered in the order of the calls."""
    await websocket.accept()
    numbers = iter(range(tasks * messages))

    async def send():
        number = next(numbers)
        await (websocket.send_text(str(number)) if number % 2 else websocket.send_bytes(b"%d" % number))

    async def work():
        if how == "one-by-one":
            for _ in range(messages):
                await send()
        elif how == "gather":
            await asyncio.gather(*(send() for _ in range(messages)))
        else:
            sends = []
            for index in range(messages):
                sends.append(asyncio.create_task(send()))
                if index % 50 == 0:
                    await asyncio.sleep(0)
            for sending in sends:
                await sending

    async with asyncio.TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(work())


# -- the end --


@app.websocket("/sleep")
async def only_sleep(websocket):
    await websocket.accept()
    await websocket.wait_closed()
    tell(websocket, closed=websocket.closed)


@app.websocket("/send-slowly")
async def only_send(websocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_text("tick")
            await asyncio.sleep(0.02)
    except ConnectionClosed as closed:
        tell(websocket, **described(closed))
        raise


@app.websocket("/flood")
async def flood(websocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_bytes(bytes(10_000))
            await asyncio.sleep(0)
    except ConnectionClosed as closed:
        tell(websocket, **described(closed))


@app.websocket("/flood-without-a-pause")
async def flood_without_a_pause(websocket):
    await websocket.accept()
    while True:
        await websocket.send_bytes(bytes(10_000))


@app.websocket("/receive-to-the-end")
async def receive_to_the_end(websocket):
    """Everything up to the second failing receive, then a send and a close."""
    await websocket.accept()
    seen: list[dict[str, Any]] = []
    ends: list[dict[str, Any]] = []
    while len(ends) < 2:
        try:
            message = await websocket.receive()
        except ConnectionClosed as closed:
            ends.append(described(closed))
        else:
            seen.append({"type": message.type, "code": message.code, "reason": message.reason})
    tell(websocket, seen=seen, ends=ends, **await use_after_the_end(websocket))


async def use_after_the_end(websocket):
    sends: list[Any] = []
    for send, data in ((websocket.send_text, "late"), (websocket.send_bytes, b"late")):
        begun = time.monotonic()
        try:
            await send(data)
        except ConnectionClosed as closed:
            sends.append(described(closed))
        else:
            sends.append("silence")
        assert time.monotonic() - begun < 1
    await websocket.close()
    await websocket.close(1001, "again")
    await websocket.wait_closed()
    return {"sends": sends, "closed": websocket.closed}


@app.websocket("/close-after/<int:code>")
async def close_after_accept(websocket, code):
    await websocket.accept()
    await websocket.send_text("first")
    await websocket.close(code, websocket.query_params.get("reason", ""))
    await websocket.close(1000)
    ends: list[dict[str, Any]] = []
    try:
        await websocket.receive()
    except ConnectionClosed as closed:
        ends.append(described(closed))
    tell(websocket, ends=ends, **await use_after_the_end(websocket))


@app.websocket("/close-while-receiving")
async def close_while_another_task_receives(websocket):
    await websocket.accept()
    reader = asyncio.create_task(websocket.receive())
    await asyncio.sleep(0)
    await websocket.close(4000, "bye")
    try:
        await reader
    except ConnectionClosed as closed:
        tell(websocket, **described(closed))


@app.websocket("/invalid-closes")
async def try_invalid_closes(websocket):
    await websocket.accept()
    errors = 0
    for code, reason in (
        (0, ""),
        (999, ""),
        (1004, ""),
        (1005, ""),
        (1006, ""),
        (1015, ""),
        (2000, ""),
        (5000, ""),
        (-1, ""),
        (True, ""),
        (1000, "x" * 124),
        (1000, "ü" * 62),
    ):
        try:
            await websocket.close(code, reason)
        except ValueError:
            errors += 1
    await websocket.send_text(str(errors))
    await websocket.close(1000, "ü" * 61)


@app.websocket("/return-after-accept")
async def return_after_accept(websocket):
    await websocket.accept()
    await websocket.send_text("done")


@app.websocket("/keep-and-return")
async def keep_a_reference(websocket):
    kept.append(websocket)
    await websocket.accept()
    await websocket.send_text("done")


@app.websocket("/raise-after-accept")
async def raise_after_accept(websocket):
    await websocket.accept()
    raise LookupError("after accept")


@app.websocket("/return-while-peer-sends")
async def return_while_the_peer_sends(websocket):
    await websocket.accept()
    await websocket.receive()
