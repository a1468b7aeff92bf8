"""A plain RSGI app that does what its path says, for any server of ASGI: ``app``. What it sees, it logs."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

from anysocket_asgi import from_rsgi

TEXT = [("content-type", "text/plain")]
FILE = str(Path(__file__).parent / "served.txt")
logger = logging.getLogger("raw")
kept: set[asyncio.Task[None]] = set()
released = asyncio.Event()
times: Counter[str] = Counter()


def tell(scope: Any, *seen: Any) -> None:
    times[scope.query_string] += 1
    logger.warning("told %s %d: %s", scope.query_string, times[scope.query_string], json.dumps(seen))


def error_of(call: Any, *arguments: Any) -> str | None:
    """The name of what the call raises."""
    try:
        call(*arguments)
    except Exception as error:
        return type(error).__name__
    return None


async def awaited_error_of(awaitable: Any) -> str | None:
    try:
        await awaitable
    except Exception as error:
        return type(error).__name__
    return None


class HTTP:
    """One method for each path."""

    async def scope(self, scope: Any, protocol: Any) -> None:
        names = "proto rsgi_version http_version server client scheme method path query_string authority"
        seen = {name: getattr(scope, name) for name in names.split()}
        protocol.response_str(200, TEXT, json.dumps({**seen, "headers": scope.headers.items()}))

    async def body(self, scope: Any, protocol: Any) -> None:
        whole = await protocol()
        seen = [whole.decode(), await awaited_error_of(protocol()), error_of(aiter, protocol)]
        protocol.response_str(200, TEXT, json.dumps(seen))

    async def chunks(self, scope: Any, protocol: Any) -> None:
        size, kinds = 0, set()
        async for chunk in protocol:
            size += len(chunk)
            kinds.add(type(chunk).__name__)
        seen = [size, sorted(kinds), await awaited_error_of(protocol())]
        protocol.response_str(200, TEXT, json.dumps(seen))

    async def cut(self, scope: Any, protocol: Any) -> None:
        tell(scope, await awaited_error_of(protocol()))

    async def cut_chunks(self, scope: Any, protocol: Any) -> None:
        chunks = aiter(protocol)
        first = await anext(chunks)
        tell(scope, len(first), await awaited_error_of(anext(chunks)))

    async def empty(self, scope: Any, protocol: Any) -> None:
        protocol.response_empty(201, [("x-kind", "empty"), ("content-length", "7")])

    async def text(self, scope: Any, protocol: Any) -> None:
        protocol.response_str(202, [*TEXT, ("set-cookie", "a=1"), ("Set-Cookie", "b=2")], "grüße")

    async def bytes(self, scope: Any, protocol: Any) -> None:
        protocol.response_bytes(200, TEXT, bytearray(b"\x00\xff"))

    async def status(self, scope: Any, protocol: Any) -> None:
        protocol.response_str(int(scope.query_string), [*TEXT, ("content-length", "4")], "body")

    async def file(self, scope: Any, protocol: Any) -> None:
        protocol.response_file(200, [*TEXT, ("x-kind", "file")], FILE)

    async def missing_file(self, scope: Any, protocol: Any) -> None:
        protocol.response_file(200, TEXT, FILE + ".missing")

    async def file_range(self, scope: Any, protocol: Any) -> None:
        start, end = map(int, scope.query_string.split("-"))
        protocol.response_file_range(206, TEXT, FILE, start, end)

    async def stream(self, scope: Any, protocol: Any) -> None:
        transport = protocol.response_stream(200, TEXT)
        await transport.send_str("grüße ")
        await transport.send_bytes(b"")
        await transport.send_bytes(memoryview(b"and bytes"))

    async def head_first(self, scope: Any, protocol: Any) -> None:
        transport = protocol.response_stream(200, TEXT)
        await protocol.client_disconnect()
        del transport

    async def freed_stream(self, scope: Any, protocol: Any) -> None:
        """The response is complete when the transport is freed; the app goes on until /release."""
        transport = protocol.response_stream(200, TEXT)
        await transport.send_str("all of it")
        del transport
        await released.wait()
        tell(scope, "released")

    async def handed_on_stream(self, scope: Any, protocol: Any) -> None:
        async def produce(transport: Any) -> None:
            await asyncio.sleep(0.01)
            await transport.send_str("from elsewhere")

        task = asyncio.create_task(produce(protocol.response_stream(200, TEXT)))
        kept.add(task)
        task.add_done_callback(kept.discard)

    async def responds_then_works(self, scope: Any, protocol: Any) -> None:
        protocol.response_str(200, TEXT, "before the work")
        await released.wait()
        tell(scope, "released")

    async def release(self, scope: Any, protocol: Any) -> None:
        released.set()
        protocol.response_empty(204, [])

    async def endless(self, scope: Any, protocol: Any) -> None:
        transport = protocol.response_stream(200, TEXT)
        try:
            while True:
                await transport.send_bytes(b"x" * 1000)
                await asyncio.sleep(0.01)
        except Exception as error:
            tell(scope, type(error).__name__, await awaited_error_of(transport.send_str("more")))
            raise

    async def disconnect(self, scope: Any, protocol: Any) -> None:
        await awaited_error_of(asyncio.wait_for(protocol.client_disconnect(), 0.01))
        waiting = [asyncio.ensure_future(protocol.client_disconnect()) for _ in range(2)]
        tell(scope, "waiting")
        await asyncio.gather(*waiting)
        tell(scope, "left")

    async def disconnect_and_body(self, scope: Any, protocol: Any) -> None:
        """Both may wait at the same time; neither takes from the other."""
        waiting = asyncio.ensure_future(protocol.client_disconnect())
        await asyncio.sleep(0)
        body = await protocol()
        protocol.response_str(200, TEXT, json.dumps([len(body), waiting.done()]))
        waiting.cancel()

    async def twice(self, scope: Any, protocol: Any) -> None:
        protocol.response_str(200, TEXT, "first")
        protocol.response_str(500, TEXT, "second")
        tell(scope, error_of(protocol.response_stream, 200, TEXT))

    async def none(self, scope: Any, protocol: Any) -> None:
        pass

    async def raises(self, scope: Any, protocol: Any) -> None:
        raise LookupError("before the response")

    async def raises_after(self, scope: Any, protocol: Any) -> None:
        protocol.response_str(200, TEXT, "stands")
        raise LookupError("after the response")

    async def raises_in_stream(self, scope: Any, protocol: Any) -> None:
        transport = protocol.response_stream(200, TEXT)
        await transport.send_str("begun")
        raise LookupError("in the stream")

    async def illegal_headers(self, scope: Any, protocol: Any) -> None:
        headers = [("x-split", "a\r\nset-cookie: b=1"), ("x y", "name"), ("x-latin", "é"), ("x-wide", "€")]
        protocol.response_str(200, headers, "ok")

    async def misuse(self, scope: Any, protocol: Any) -> None:
        call = protocol
        seen = [
            error_of(call.response_str, 200, [], b""),
            error_of(call.response_bytes, 200, [], ""),
            error_of(call.response_str, "200", [], ""),
            error_of(call.response_str, 99, [], ""),
            error_of(call.response_str, 200, [(b"a", b"b")], ""),
            error_of(call.response_file_range, 206, [], FILE, 3, 3),
        ]
        transport = call.response_stream(200, TEXT)
        seen += [
            await awaited_error_of(transport.send_str(b"")),
            await awaited_error_of(transport.send_bytes("")),
            error_of(call.response_empty, 200, []),
            error_of(call.response_stream, 200, []),
        ]
        await transport.send_str(json.dumps(seen))


class WebSockets:
    """One method for each path."""

    async def echo(self, scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        while True:
            message = await transport.receive()
            if message.kind == 2:
                await transport.send_str(message.data)
            elif message.kind == 1:
                await transport.send_bytes(message.data)
            else:
                again = await awaited_error_of(transport.receive())
                tell(scope, message.kind, hasattr(message, "data"), again)
                return

    async def scope(self, scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        seen = [scope.proto, scope.scheme, scope.method, scope.path, scope.headers.get_all("x-a")]
        await transport.send_str(json.dumps([*seen, scope.headers.get("Sec-WebSocket-Protocol")]))

    async def closes(self, scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        status = scope.query_string.partition(".")[0]
        protocol.close(int(status) if status else None)
        protocol.close(4999)
        tell(scope, await awaited_error_of(transport.send_str("late")))

    async def closes_and_reads_on(self, scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        await transport.receive()
        protocol.close()
        tell(scope, (await transport.receive()).kind)

    async def refuses(self, scope: Any, protocol: Any) -> None:
        status = scope.query_string.partition(".")[0]
        protocol.close(int(status) if status else None)
        protocol.close(500)
        tell(scope, await awaited_error_of(protocol.accept()))

    async def refuses_badly(self, scope: Any, protocol: Any) -> None:
        tell(scope, error_of(protocol.close, 1001), error_of(protocol.close, "404"))

    async def returns_unanswered(self, scope: Any, protocol: Any) -> None:
        pass

    async def raises_unanswered(self, scope: Any, protocol: Any) -> None:
        raise LookupError("before accept")

    async def returns(self, scope: Any, protocol: Any) -> None:
        await protocol.accept()

    async def raises(self, scope: Any, protocol: Any) -> None:
        await protocol.accept()
        raise LookupError("after accept")

    async def waits(self, scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        await transport.send_str("open")
        try:
            message = await transport.receive()
        except Exception as error:
            tell(scope, type(error).__name__, await awaited_error_of(transport.receive()))
        else:
            tell(scope, message.kind, await awaited_error_of(transport.send_str("late")))

    async def only_sends(self, scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        sent = 0
        while (error := await awaited_error_of(transport.send_str("tick"))) is None:
            sent += 1
            await asyncio.sleep(0.02)
        tell(scope, error, sent > 0)

    async def lets_the_end_through(self, scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        while True:
            await transport.send_str("tick")
            await asyncio.sleep(0.02)

    async def sleeps_then_reads(self, scope: Any, protocol: Any) -> None:
        """Longer than it takes to be looked after: what came meanwhile is there, in order."""
        transport = await protocol.accept()
        await transport.send_str("open")
        await asyncio.sleep(0.6)
        seen = [await transport.receive() for _ in range(3)]
        await transport.send_str(json.dumps([message.data for message in seen]))
        await transport.receive()

    async def misuse(self, scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        pending = asyncio.ensure_future(transport.receive())
        await asyncio.sleep(0)
        seen = [
            await awaited_error_of(protocol.accept()),
            await awaited_error_of(transport.receive()),
            await awaited_error_of(transport.send_str(b"")),
            await awaited_error_of(transport.send_bytes("")),
        ]
        await transport.send_str(json.dumps(seen))
        await transport.send_str((await pending).data)

    async def gives_up_receives(self, scope: Any, protocol: Any) -> None:
        transport = await protocol.accept()
        await awaited_error_of(asyncio.wait_for(transport.receive(), 0.01))
        await transport.send_str("given up")
        await transport.send_str((await transport.receive()).data)


class Life:
    """What a worker sets up: objects of the loop, tasks that go on, a signal handler."""

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.at_rest = not loop.is_running() and asyncio.get_event_loop() is loop
        self.number = loop.run_until_complete(self.set_up())
        self.ticks = 0
        self.ticking = loop.create_task(self.tick())
        self.answer: asyncio.Future[str] = asyncio.Future()
        loop.call_soon(self.answer.set_result, "answered")

    async def set_up(self) -> int:
        self.lock = asyncio.Lock()
        await asyncio.sleep(0.01)
        return 42

    async def tick(self) -> None:
        while True:
            self.ticks += 1
            await asyncio.sleep(0.005)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(self.tear_down())
        logger.warning("torn down at rest: %s", not loop.is_running() and loop is self.loop)

    async def tear_down(self) -> None:
        self.ticking.cancel()
        await asyncio.wait({self.ticking})

    async def life(self, scope: Any, protocol: Any) -> None:
        before = self.ticks
        async with self.lock:
            await asyncio.sleep(0.03)
        same = asyncio.get_running_loop() is self.loop
        seen = [self.at_rest, self.number, self.ticks > before, await self.answer, same]
        protocol.response_str(200, TEXT, json.dumps(seen))


class RawRSGI(Life):
    """All of it."""

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        name = scope.path.strip("/").replace("-", "_")
        places: Any = (self, HTTP()) if scope.proto == "http" else (WebSockets(),)
        for place in places:
            if name and hasattr(place, name):
                await getattr(place, name)(scope, protocol)
                return
        if scope.proto == "http":
            protocol.response_empty(404, [])
        else:
            protocol.close(404)


raw = RawRSGI()
app = from_rsgi(raw)
