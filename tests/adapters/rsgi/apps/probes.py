"""A raw RSGI app whose handlers look at the server that runs them: what they saw is told to whoever asks.

``/<probe>?key=…`` runs a probe, ``/told?key=…`` waits for what it told, ``/signal?key=…`` lets it go on.
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections import defaultdict
from typing import Any

TIMEOUT = 8.0
RECORDS: defaultdict[str, Record] = defaultdict(lambda: Record())
KEPT: list[Any] = []


class Record:
    """What one probe tells, and the signal that it waits for."""

    def __init__(self) -> None:
        self.told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.signal = asyncio.Event()

    def tell(self, seen: Any) -> None:
        if not self.told.done():
            self.told.set_result(seen)


async def outcome(call: Any) -> str:
    """The name of the error that awaiting ``call`` raises, or what it gives."""
    try:
        return repr(await call)
    except Exception as error:
        return type(error).__name__


def outcome_of(function: Any, *arguments: Any) -> str:
    try:
        return repr(function(*arguments))
    except BaseException as error:
        return type(error).__name__


async def content(transport: Any) -> list[Any]:
    """Kind and data of the next message; ``["ProtocolClosed"]`` and its like for an error."""
    try:
        message = await transport.receive()
    except Exception as error:
        return [type(error).__name__]
    data = getattr(message, "data", "no data")
    return [message.kind, data if isinstance(data, str) else ["bytes", data.decode()]]


# -- scope --


async def scope(scope: Any, protocol: Any, record: Record) -> None:
    headers = scope.headers
    record.tell(
        {
            "proto": scope.proto,
            "rsgi_version": scope.rsgi_version,
            "http_version": scope.http_version,
            "scheme": scope.scheme,
            "method": scope.method,
            "authority": scope.authority,
            "path": scope.path,
            "query_string": scope.query_string.partition("&")[2],
            "client": scope.client.rpartition(":")[0],
            "server": scope.server.rpartition(":")[0],
            "port": [scope.client.rpartition(":")[2].isdigit(), scope.server.rpartition(":")[2].isdigit()],
            "items": [pair for pair in headers.items() if pair[0].startswith("x-")],
            "keys": [name for name in headers.keys() if name.startswith("x-")],  # noqa: SIM118
            "iterated": list(headers) == headers.keys(),
            "length": len(headers) == len(headers.keys()),
            "values": [value for value in headers.values() if value.startswith("value")],
            "in": ["x-one" in headers, "X-One" in headers, "x-none" in headers, "x-unreadable" in headers],
            "get": [headers.get("x-one"), headers.get("X-Two"), headers.get("x-none"), headers.get("x-none", "-")],
            "get_all": [headers.get_all("x-one"), headers.get_all("x-none"), headers.get_all("x-unreadable")],
            "unreadable": [headers.get("x-unreadable"), headers["x-unreadable"]],
            "missing": outcome_of(headers.__getitem__, "x-none"),
            "handshake": [headers.get("upgrade"), headers.get("sec-websocket-version"), "host" in headers],
        }
    )
    protocol.close(403)


# -- the handshake's answer --


async def refuse(scope: Any, protocol: Any, record: Record) -> None:
    """``close(…)`` with the argument of the query, then everything that is still possible."""
    record.tell("told before the close, which may end the process")
    await asyncio.sleep(0)
    argument = scope.query_string.rpartition("=")[2]
    if argument == "nothing":
        protocol.close()
    else:
        protocol.close(None if argument == "None" else int(argument))
    await asyncio.sleep(0.05)


async def refuse_then_accept(scope: Any, protocol: Any, record: Record) -> None:
    protocol.close(404)
    record.tell([outcome_of(protocol.close, 1000), await outcome(protocol.accept())])


async def wrong_calls(scope: Any, protocol: Any, record: Record) -> None:
    seen = [outcome_of(protocol.accept, "chat"), outcome_of(protocol.close, "x"), outcome_of(protocol.close, 1, 2)]
    transport = await protocol.accept()
    seen += [outcome_of(transport.send_str, b""), outcome_of(transport.send_bytes, ""), outcome_of(transport.send_str)]
    record.tell(seen)


async def accept_twice(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    await transport.send_str("accepted")
    await transport.receive()
    await protocol.accept()


async def return_unanswered(scope: Any, protocol: Any, record: Record) -> None:
    record.tell("")


async def raise_unanswered(scope: Any, protocol: Any, record: Record) -> None:
    record.tell("")
    raise LookupError("on purpose")


async def accept_late(scope: Any, protocol: Any, record: Record) -> None:
    KEPT.append(record)
    RECORDS["late"].tell("")
    await record.signal.wait()
    record.tell(await outcome(protocol.accept()))


# -- receiving --


async def kinds(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    seen = []
    while len(seen) < 7:
        seen.append(await content(transport))
    record.tell(seen)


async def two_receives(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    first = transport.receive()
    second = await outcome(transport.receive())
    await transport.send_str("go on")
    message = await first
    record.tell([second, message.data])


async def dropped_receive(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    dropped = transport.receive()
    await asyncio.sleep(0)
    del dropped
    gc.collect()
    while_pending = await outcome(transport.receive())
    await transport.send_str("go on")
    await record.signal.wait()
    record.tell([while_pending, await content(transport)])


async def peer_ends(scope: Any, protocol: Any, record: Record) -> None:
    """Receive to the end and once more, then send."""
    transport = await protocol.accept()
    seen = [await content(transport), await content(transport), await content(transport)]
    sent = [await outcome(transport.send_str("late")), await outcome(transport.send_bytes(b"late"))]
    record.tell([seen, sent])


# -- futures --


async def future(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    pending = transport.receive()
    coroutine = {
        "blocking": pending._asyncio_future_blocking,
        "isfuture": asyncio.isfuture(pending),
        "get_loop": pending.get_loop() is asyncio.get_running_loop(),
        "await is itself": pending.__await__() is pending and iter(pending) is pending,
        "next is itself": next(pending) is pending,
        "create_task": outcome_of(asyncio.get_running_loop().create_task, pending),
        "pending": [pending.done(), pending.cancelled(), outcome_of(pending.result), outcome_of(pending.exception)],
        "remove": pending.remove_done_callback(print),
    }
    await transport.send_str("go on")
    await until_done(pending)  # It was never awaited, and started all the same.
    data = pending.result().data
    done = {
        "done": [pending.done(), pending.cancelled(), pending.cancel(), data, pending.exception()],
        "awaited twice": [(await pending).data, (await pending).data],
    }
    record.tell({**coroutine, **done})


async def until_done(future: Any) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not future.done():
            await asyncio.sleep(0)


async def callbacks(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    pending = transport.receive()
    called: list[str] = []
    pending.add_done_callback(lambda future: called.append("first"))
    pending.add_done_callback(lambda future: called.append("second"), context=None)
    await transport.send_str("go on")
    await until_done(pending)
    pending.add_done_callback(lambda future: called.append("after the end"))
    while len(called) < 2:
        await asyncio.sleep(0)
    removed = transport.receive()
    removed.add_done_callback(lambda future: called.append("removed"))
    removed.remove_done_callback(print)
    await transport.send_str("go on")
    await until_done(removed)
    await asyncio.sleep(0.01)
    record.tell(called)


async def cancel(scope: Any, protocol: Any, record: Record) -> None:
    """Cancelled before anything came: nothing is lost."""
    transport = await protocol.accept()
    pending = transport.receive()
    called: list[str] = []
    pending.add_done_callback(lambda future: called.append(type(future).__name__ == type(pending).__name__))
    await asyncio.sleep(0.01)
    seen = [pending.cancel(), pending.cancel("again"), pending.done(), pending.cancelled()]
    seen += [outcome_of(pending.result), outcome_of(pending.exception)]
    await asyncio.sleep(0.01)
    await transport.send_str("go on")
    record.tell([seen, called, await content(transport)])


async def cancelled_readers(scope: Any, protocol: Any, record: Record) -> None:
    """Readers that are cancelled when their message is there: how many messages of 50 are lost."""
    transport = await protocol.accept()
    read = 0
    for _ in range(50):
        pending = transport.receive()
        reader = asyncio.create_task(outcome(pending))
        await asyncio.sleep(0)
        await transport.send_str("next")
        await until_done(pending)
        reader.cancel()
        await asyncio.wait({reader})
        read += not reader.cancelled()
    record.tell({"some are lost": read < 50})


# -- sending and the end --


async def close_then_send(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    await transport.send_str("before")
    closed = [outcome_of(protocol.close, 4001), outcome_of(protocol.close)]
    sent = transport.send_str("after")
    names = [hasattr(sent, name) for name in ("cancel", "add_done_callback", "_asyncio_future_blocking")]
    seen = [await outcome(sent), await outcome(sent), await outcome(transport.send_bytes(b"after"))]
    record.tell([closed, names, seen, await content(transport), await content(transport)])


async def return_after_accept(scope: Any, protocol: Any, record: Record) -> None:
    await protocol.accept()
    record.tell("")


async def raise_after_accept(scope: Any, protocol: Any, record: Record) -> None:
    await protocol.accept()
    record.tell("")
    raise LookupError("on purpose")


async def idle(scope: Any, protocol: Any, record: Record) -> None:
    """Accept, do nothing until the signal, then receive once, then do nothing again."""
    transport = await protocol.accept()
    await transport.send_str("idle")
    await record.signal.wait()
    record.signal.clear()
    received = await content(transport)
    RECORDS[f"{scope.query_string}-received"].tell(received)
    await record.signal.wait()
    record.tell([received, await outcome(transport.send_str("late"))])


async def keep(scope: Any, protocol: Any, record: Record) -> None:
    """The transport is kept after the handler's end, until the signal."""
    transport = await protocol.accept()
    record.tell(await content(transport))
    asyncio.get_running_loop().create_task(let_go(transport, record))  # noqa: RUF006


async def let_go(transport: Any, record: Record) -> None:
    await record.signal.wait()


async def pending_at_the_end(scope: Any, protocol: Any, record: Record) -> None:
    """The handler is gone, a receive of its is not: that holds the connection, too."""
    transport = await protocol.accept()
    transport.receive()
    await transport.send_str("bye")
    record.tell("")


async def many_sends(scope: Any, protocol: Any, record: Record) -> None:
    """2000 sends started together."""
    transport = await protocol.accept()
    for sending in [transport.send_str(str(number)) for number in range(2000)]:
        await sending
    await transport.receive()
    for number in range(200):
        await transport.send_str(str(number))
    await transport.receive()


class Probes:
    """The app: any method of a test, by the path."""

    async def __rsgi__(self, scope_: Any, protocol: Any) -> None:
        name = scope_.path.strip("/").partition("/")[0]
        key = scope_.query_string.partition("&")[0]
        if name == "told":
            transport = await protocol.accept()
            async with asyncio.timeout(TIMEOUT):
                told = await asyncio.shield(RECORDS[key].told)
            await transport.send_str(json.dumps(told))
            await transport.receive()
        elif name == "signal":
            RECORDS[key].signal.set()
            protocol.close(403)
        else:
            await globals()[name](scope_, protocol, RECORDS[key])


app = Probes()
