"""What Granian was measured to do, as data: a script for the peer, and what it sees and is told."""

from __future__ import annotations

from typing import Any, NamedTuple

from observers import MOMENT, PATIENCE, Script, Server


class Case(NamedTuple):
    script: Script
    seen: Any


def talk(probe: str, *messages: str | bytes, ask_first: bool = False) -> Script:
    """Send these, each when asked for by a message if ``ask_first``; the probe tells the rest."""

    async def script(server: Server, key: str) -> Any:
        async with server.connect(f"/{probe}?{key}") as client:
            for message in messages:
                if ask_first:
                    await client.receive()
                await client.send(message)
            return await server.told(key)

    return script


async def scope(server: Server, key: str) -> Any:
    headers = [("x-one", "value 1"), ("X-Two", "value 2"), ("X-One", "value 3"), ("x-unreadable", "\xe9")]
    assert await server.status(f"/scope/a%20b%2Fc%FF?{key}&x=1&y=%C3%A9", headers) == 403
    return await server.told(key)


def ends(how: str) -> Script:
    async def script(server: Server, key: str) -> Any:
        async with server.connect(f"/peer_ends?{key}") as client:
            await getattr(client, how)()
            return await server.told(key)

    return script


async def dropped_receive(server: Server, key: str) -> Any:
    async with server.connect(f"/dropped_receive?{key}") as client:
        await client.receive()
        await client.send("lost")
        await server.signal(key)
        await client.send("not lost")
        return await server.told(key)


async def pings(server: Server, key: str) -> Any:
    async with server.connect(f"/idle?{key}") as client:
        await client.receive()
        seen = [await client.pong(MOMENT)]
        await server.signal(key)
        seen.append(await client.pong(PATIENCE))
        await client.send("x")
        await server.told(key)
        await server.signal(key)
        await server.signal(key)
        return seen


def close_answered_by(argument: str) -> Script:
    async def script(server: Server, key: str) -> Any:
        """Not before it is received, and not by that alone."""
        async with server.connect(f"/idle?{key}{argument}") as client:
            await client.receive()
            await client.close()
            seen = [await client.answered(MOMENT)]
            await server.signal(key)
            seen += [await server.told(key), await client.answered(MOMENT)]
            await server.signal(key)
            seen.append(await client.answered(PATIENCE))
            await server.signal(key)
            return seen

    return script


async def sends_after_close(server: Server, key: str) -> Any:
    async with server.connect(f"/sends_on?{key}") as client:
        await client.close()
        await server.signal(key)
        return await server.told(key)


async def app_closes(server: Server, key: str) -> Any:
    """The close frame comes at once; TCP stays while the app holds its transport."""
    async with server.connect(f"/closes?{key}") as client:
        seen = [await client.receive(), await client.tcp_ended(MOMENT)]
        await server.signal(key)
        return [*seen, await server.told(key), await client.tcp_ended(PATIENCE)]


async def close_then_send(server: Server, key: str) -> Any:
    async with server.connect(f"/close_then_send?{key}") as client:
        return [await client.receive(), await client.receive(), await server.told(key)]


def leaves(probe: str) -> Script:
    async def script(server: Server, key: str) -> Any:
        async with server.connect(f"/{probe}?{key}") as client:
            await server.told(key)
            return [await client.receive(), await client.tcp_ended(PATIENCE)]

    return script


async def kept_transport(server: Server, key: str) -> Any:
    async with server.connect(f"/keep?{key}") as client:
        await client.send("x")
        await server.told(key)
        seen = [await client.receive(), await client.tcp_ended(MOMENT)]
        await server.signal(key)
        return [*seen, await client.tcp_ended(PATIENCE)]


async def pending_at_the_end(server: Server, key: str) -> Any:
    async with server.connect(f"/pending_at_the_end?{key}") as client:
        return [await client.receive(), await client.receive(), await client.tcp_ended(PATIENCE)]


async def many_sends(server: Server, key: str) -> Any:
    """Whether sends awaited one by one keep their order, and whether sends started together do."""
    async with server.connect(f"/many_sends?{key}") as client:
        together = [int(await client.receive()) for _ in range(2000)]
        await client.send("")
        one_by_one = [int(await client.receive()) for _ in range(200)]
        await client.send("")
        assert sorted(together) == list(range(2000))
        return [one_by_one == list(range(200)), together == list(range(2000))]


def status_of(path: str) -> Script:
    async def script(server: Server, key: str) -> Any:
        return await server.status(path.replace("?", f"?{key}&") if "?" in path else f"{path}?{key}")

    return script


async def refuse_then_accept(server: Server, key: str) -> Any:
    return [await server.status(f"/refuse_then_accept?{key}"), await server.told(key)]


CLOSED, ERROR = "RSGIProtocolClosed", "RSGIProtocolError"

CASES: dict[str, Case] = {
    "scope": Case(
        scope,
        {
            "proto": "ws",
            "rsgi_version": "1.6",
            "http_version": "1.1",
            "scheme": "http",
            "method": "GET",
            "authority": None,
            "path": "/scope/a b/c\ufffd",
            "query_string": "x=1&y=%C3%A9",
            "client": "127.0.0.1",
            "server": "127.0.0.1",
            "port": [True, True],
            "items": [["x-one", "value 1"], ["x-one", "value 3"], ["x-two", "value 2"]],
            "keys": ["x-one", "x-two", "x-unreadable"],
            "iterated": True,
            "length": True,
            "values": ["value 1", "value 3", "value 2"],
            "in": [True, True, False, True],
            "get": ["value 1", "value 2", None, "-"],
            "get_all": [["value 1", "value 3"], [], []],
            "unreadable": [None, ""],
            "missing": "KeyError",
            "handshake": ["websocket", "13", True],
        },
    ),
    "message kinds": Case(
        talk("kinds", "é", b"bytes", "", b"", "\x00", b"\x00", "end"),
        [
            [2, "é"],
            [1, ["bytes", "bytes"]],
            [2, ""],
            [1, ["bytes", ""]],
            [2, "\0"],
            [1, ["bytes", "\0"]],
            [2, "end"],
        ],
    ),
    "wrong calls": Case(talk("wrong_calls"), ["TypeError"] * 6),
    "two receives": Case(talk("two_receives", "x", ask_first=True), [[ERROR], [2, "x"]]),
    "dropped receive": Case(dropped_receive, [ERROR, [2, "not lost"]]),
    "peer closes": Case(ends("close"), [[[0, "no data"], [CLOSED], [CLOSED]], [CLOSED, CLOSED]]),
    "peer resets": Case(ends("abort"), [[[CLOSED]] * 3, [CLOSED, CLOSED]]),
    "peer hangs up": Case(ends("hang_up"), [[[CLOSED]] * 3, [CLOSED, CLOSED]]),
    "future": Case(
        talk("future", "x", ask_first=True),
        {
            "blocking": True,
            "isfuture": True,
            "get_loop": True,
            "await is itself": True,
            "next is itself": True,
            "create_task": "TypeError",
            "pending": [False, False, "InvalidStateError", "InvalidStateError"],
            "remove": 1,
            "done": [True, False, False, "x", None],
            "awaited twice": ["x", "x"],
        },
    ),
    "one callback": Case(talk("callbacks", "x", "y", ask_first=True), ["second", "after the end"]),
    "cancel in time": Case(
        talk("cancel", "x", ask_first=True),
        [[True, False, True, True, "CancelledError", "CancelledError"], [True], [2, "x"]],
    ),
    "cancel too late": Case(talk("cancelled_readers", *["x"] * 50, ask_first=True), {"some are lost": True}),
    "pings": Case(pings, [False, True]),
    "close answered by a receive": Case(close_answered_by(""), [False, [0, "no data"], False, True]),
    "close answered by a close": Case(close_answered_by("&close=yes"), [False, [0, "no data"], False, True]),
    "sends after an unread close": Case(sends_after_close, ["None", [0, "no data"]]),
    "app closes": Case(app_closes, ["closed 1005", False, [0, "no data"], True]),
    "app closes, then sends": Case(
        close_then_send,
        [
            "before",
            "closed 1005",
            [["None", "None"], [False, False, False], [ERROR, ERROR, ERROR], [0, "no data"], [CLOSED]],
        ],
    ),
    "returns": Case(leaves("return_after_accept"), ["closed 1005", True]),
    "raises": Case(leaves("raise_after_accept"), ["closed 1005", True]),
    "transport kept": Case(kept_transport, ["closed 1005", False, True]),
    "receive pending at the end": Case(pending_at_the_end, ["bye", "closed 1005", True]),
    "close(403)": Case(status_of("/refuse?a=403"), 403),
    "close(404)": Case(status_of("/refuse?a=404"), 404),
    "close(599)": Case(status_of("/refuse?a=599"), 599),
    "close(65939)": Case(status_of("/refuse?a=65939"), 403),
    "refused, then accepted": Case(refuse_then_accept, [404, ["None", ERROR]]),
}
"""By what the app or the peer does."""

ORDER: dict[str, list[bool]] = {"st": [True, True], "mt": [True, False]}
"""By runtime mode: whether sends awaited one by one, and sends started together, keep their order."""

DEATHS: dict[str, str] = {
    "close(0)": "/refuse?a=0",
    "close(99)": "/refuse?a=99",
    "close(1000)": "/refuse?a=1000",
    "close(1001)": "/refuse?a=1001",
    "close(1008)": "/refuse?a=1008",
    "close(-1)": "/refuse?a=-1",
    "double accept": "/accept_twice",
}
"""What ends the server's process."""

UNANSWERED: dict[str, str] = {
    "close()": "/refuse?a=nothing",
    "close(None)": "/refuse?a=None",
    "returns before accept": "/return_unanswered",
    "raises before accept": "/raise_unanswered",
}
"""What ended it up to Granian 2.8.5 and is answered with 403 since."""
