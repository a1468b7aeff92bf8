"""A raw RSGI app whose handlers look at the server that runs them: what they saw is told to whoever asks.

``/<probe>?key=…`` runs a probe, ``/told?key=…`` waits for what it told, ``/signal?key=…`` lets it go on.
"""

from __future__ import annotations

import asyncio
import gc
import json
from typing import Any

import futures
from records import RECORDS, TIMEOUT, Record, content, content_of, outcome, outcome_of

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
            "get": [
                headers.get("x-one"),
                headers.get("X-Two"),
                headers.get("x-none"),
                headers.get("x-none", "-"),
            ],
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
    # With several threads, Granian may well do the accept first.
    await asyncio.sleep(0.1)
    record.tell([outcome_of(protocol.close, 1000), await outcome(protocol.accept())])


async def wrong_calls(scope: Any, protocol: Any, record: Record) -> None:
    seen = [
        outcome_of(protocol.accept, "chat"),
        outcome_of(protocol.close, "x"),
        outcome_of(protocol.close, 1, 2),
    ]
    transport = await protocol.accept()
    seen += [
        outcome_of(transport.send_str, b""),
        outcome_of(transport.send_bytes, ""),
        outcome_of(transport.send_str),
    ]
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
    RECORDS[f"{scope.query_string}-called"].tell("")
    await record.signal.wait()
    record.tell(await outcome(protocol.accept()))
    protocol.close(403)


# -- receiving --


async def kinds(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    seen: list[Any] = []
    while len(seen) < 7:
        seen.append(await content(transport))
    record.tell(seen)


async def two_receives(scope: Any, protocol: Any, record: Record) -> None:
    """One of them is refused; with several threads it may be either."""
    transport = await protocol.accept()
    receives = [asyncio.create_task(content_of(transport.receive())) for _ in range(2)]
    refused, waiting = await asyncio.wait(receives, return_when=asyncio.FIRST_COMPLETED)
    await transport.send_str("go on")
    record.tell([await task for task in (*refused, *waiting)])


async def dropped_receive(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    dropped = transport.receive()
    # With several threads, a receive called right after may be the first.
    await asyncio.sleep(0.05)
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


# -- sending and the end --


async def closes(scope: Any, protocol: Any, record: Record) -> None:
    """Close, and go on without receiving until the signal."""
    transport = await protocol.accept()
    protocol.close(4001)
    await record.signal.wait()
    record.tell(await content(transport))


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
    """Accept, then receive once for every signal; ``close=yes`` closes after the first."""
    transport = await protocol.accept()
    await transport.send_str("idle")
    await record.signal.wait()
    record.signal.clear()
    record.tell(await content(transport))
    await record.signal.wait()
    record.signal.clear()
    if scope.query_string.endswith("close=yes"):
        protocol.close()
    else:
        await content(transport)
    await record.signal.wait()


async def receiving(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    record.tell(await content(transport))


async def sends_on(scope: Any, protocol: Any, record: Record) -> None:
    """Send to a peer whose close nobody has received."""
    transport = await protocol.accept()
    await record.signal.wait()
    record.tell([await outcome(transport.send_str("late")), await content(transport)])


async def keep(scope: Any, protocol: Any, record: Record) -> None:
    """The transport is kept after the handler's end, until the signal."""
    transport = await protocol.accept()
    record.tell(await content(transport))
    asyncio.get_running_loop().create_task(let_go(transport, record))


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
            probe = getattr(futures, name, None) or globals()[name]
            await probe(scope_, protocol, RECORDS[key])


app = Probes()
