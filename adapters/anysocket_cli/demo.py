"""The chat that ``anysocket demo`` serves: rooms, presence, who is typing, private messages.

An ordinary anysocket app, meant to be read. Any server runs it: ``uvicorn anysocket_cli.demo:app``. Several
workers are one chat if ``ANYSOCKET_DEMO_BACKPLANE`` names a backplane, as ``anysocket demo`` makes it. The
page in ``demo.html`` and this module talk in JSON objects with a ``type``:

======================== =============================================================================
the page sends
======================== =============================================================================
``hello``                ``name``, and ``key``, a secret of the page by which it gets its name back
``join``                 ``room``: enter it, and leave the one before
``say``                  ``text``: to everyone in the room
``typing``               nothing more: to everyone in the room but the sender
``whisper``              ``to``, ``text``: to one person
``ping``                 nothing more: is the connection alive?
======================== =============================================================================

======================== =============================================================================
the page gets
======================== =============================================================================
``welcome``              ``name``: the answer to ``hello``
``presence``             ``people`` and ``rooms``, at every change
``joined``, ``left``     ``name``, ``room``
``said``                 ``name``, ``room``, ``text``, ``time`` (seconds since 1970)
``typing``               ``name``, ``room``
``whispered``            ``name``, ``to``, ``text``, ``time``: to the recipient and to the sender
``pong``                 nothing more
``replaced``             nothing more: another page took over the name with its key
``error``                ``reason`` for programs, ``text`` for people
======================== =============================================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from anysocket import App, ConnectionClosed, WebSocket, WebSocketManager
from anysocket_cli.demo_requests import Refused, Request, parse, read_line, read_text

ROOMS = ("lobby", "help", "random")  # always listed; others come and go with the people in them
EVERYONE = "EVERYONE"  # the room of all; those of people have small letters
MAX_NAME, MAX_ROOM, MAX_TEXT = 24, 24, 1000  # characters

PAGE = Path(__file__).with_name("demo.html").read_text("utf-8")
PAGE_HEADERS = {
    "content-type": "text/html; charset=utf-8",
    # The page loads nothing from anywhere, and talks to this server only.
    "content-security-policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}


@dataclass(eq=False)
class Person:
    """One open page. ``name`` is empty until it said hello, ``room`` until it joined one."""

    websocket: WebSocket
    name: str = ""  # which is the manager's id of the connection as well
    key: str = ""
    room: str = ""


app = App()
manager = WebSocketManager(backplane=os.environ.get("ANYSOCKET_DEMO_BACKPLANE", "memory://"), on_down="local")
people: dict[str, Person] = {}  # those of this worker, by what makes two names the same


@app.get("/")
async def page(request: object) -> tuple[str, int, dict[str, str]]:
    return PAGE, 200, PAGE_HEADERS


@app.websocket("/chat", max_message_bytes=16_384)
async def chat(websocket: WebSocket) -> None:
    await websocket.accept()
    person = Person(websocket)
    try:
        async for message in websocket:
            try:
                await act(person, parse(message))
            except Refused as refusal:
                await websocket.send_json({"type": "error", "reason": refusal.reason, "text": refusal.text})
    finally:
        await say_goodbye(person)


# -- what a page can ask for --


async def say_hello(person: Person, request: Request) -> None:
    if person.name:
        raise Refused("already_named", f"you are {person.name} already")
    name = read_line(request, "name", MAX_NAME)
    key = str(request.get("key", ""))
    former = people.get(identity(name))
    if former and not (key and key == former.key):
        raise Refused("name_taken", f"{name} is here already, choose another name")
    if not former and await find(name):
        await take_over(name, key)
    person.name, person.key = name, key
    people[identity(name)] = person
    if former:
        manager.remove_connection(former.name)  # an id belongs to one connection
    manager.add_connection(name, person.websocket, user=owner(name, key))
    manager.join_room(name, EVERYONE)
    await person.websocket.send_json({"type": "welcome", "name": name})
    if former:
        await replace(former)
    await announce_presence()


async def join(person: Person, request: Request) -> None:
    room = read_line(request, "room", MAX_ROOM).lower()
    if room == person.room:
        return
    await leave(person)
    person.room = room
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(
            1
        ):  # if it takes longer, what is said on other workers is missed until then
            await manager.join_room(person.name, room)
    await to_room(room, {"type": "joined", "name": person.name, "room": room})
    await announce_presence()


async def say(person: Person, request: Request) -> None:
    text = read_text(request, "text", MAX_TEXT)
    room = room_of(person)
    said = {"type": "said", "name": person.name, "room": room, "text": text, "time": time.time()}
    await to_room(room, said)


async def type_on(person: Person, request: Request) -> None:
    room = room_of(person)
    await to_room(room, {"type": "typing", "name": person.name, "room": room}, exclude={person.name})


async def whisper(person: Person, request: Request) -> None:
    name = read_line(request, "to", MAX_NAME)
    text = read_text(request, "text", MAX_TEXT)
    recipient = await find(name)
    if not recipient:
        raise Refused("not_here", f"{name} is not here")
    if recipient == person.name:
        raise Refused("to_yourself", "a private message needs someone else")
    now = time.time()
    whispered = {"type": "whispered", "name": person.name, "to": recipient, "text": text, "time": now}
    if not await manager.send_to(recipient, json.dumps(whispered)):
        raise Refused("not_here", f"{recipient} has just left")
    await person.websocket.send_json(whispered)


async def ping(person: Person, request: Request) -> None:
    await person.websocket.send_json({"type": "pong"})


ACTIONS: dict[str, Callable[[Person, Request], Awaitable[None]]] = {
    "hello": say_hello,
    "join": join,
    "say": say,
    "typing": type_on,
    "whisper": whisper,
    "ping": ping,
}


async def act(person: Person, request: Request) -> None:
    kind = request.get("type")
    action = ACTIONS.get(kind) if isinstance(kind, str) else None
    if action is None:
        raise Refused("unknown_type", f"type is one of {', '.join(ACTIONS)}")
    if not person.name and action is not say_hello:
        raise Refused("no_name", "say hello with your name first")
    await action(person, request)


# -- coming and going --


async def leave(person: Person) -> None:
    """Leave the room, if in one, and tell those who stay."""
    room, person.room = person.room, ""
    if room:
        manager.leave_room(person.name, room)
        await to_room(room, {"type": "left", "name": person.name, "room": room})


async def say_goodbye(person: Person) -> None:
    # Not if the page never said hello, nor if another page goes on under its name.
    if people.get(identity(person.name)) is person:
        del people[identity(person.name)]
        await leave(person)
        manager.remove_connection(person.name)
        await announce_presence()


async def replace(former: Person) -> None:
    """End the page that had the name until now.

    A phone that changes its network is back before the server can know that the old connection is dead; no
    need to wait for that one.
    """
    name, room = former.name, former.room
    former.name = former.room = ""  # whatever it still sends is refused
    if room:
        await to_room(room, {"type": "left", "name": name, "room": room})
    with contextlib.suppress(ConnectionClosed, TimeoutError):
        async with asyncio.timeout(1):
            await former.websocket.send_json({"type": "replaced"})
            await former.websocket.close(1000, "opened in another page")


async def take_over(name: str, key: str) -> None:
    """The name is taken on another worker: end the page there if it is the same person's."""
    page = manager.user(owner(name, key))
    if not (key and await page.send(json.dumps({"type": "replaced"}))):
        raise Refused("name_taken", f"{name} is here already, choose another name")
    await page.disconnect(1000, "opened in another page")


async def find(name: str) -> str:
    """Somebody's name as they write it themselves, on whatever worker; empty for nobody."""
    everyone = await manager.members(EVERYONE)
    return next((found for found in everyone.value if identity(found) == identity(name)), "")


async def announce_presence() -> None:
    names = sorted((await manager.members(EVERYONE)).value, key=identity)
    there = (await manager.rooms_everywhere()).value.keys() - {EVERYONE}
    rooms = [*ROOMS, *sorted(there - set(ROOMS))]
    members = await asyncio.gather(*(manager.members(room) for room in rooms))
    room_of_name = {name: room for room, all in zip(rooms, members, strict=True) for name in all.value}
    presence = {
        "type": "presence",
        "people": [{"name": name, "room": room_of_name.get(name, "")} for name in names],
        "rooms": [{"name": room, "people": len(all.value)} for room, all in zip(rooms, members, strict=True)],
    }
    await manager.broadcast_to_all(json.dumps(presence))


async def to_room(room: str, message: Request, exclude: set[str] | frozenset[str] = frozenset()) -> None:
    await manager.broadcast_to_room(room, json.dumps(message), exclude=exclude)


def room_of(person: Person) -> str:
    if not person.room:
        raise Refused("no_room", "join a room first")
    return person.room


def owner(name: str, key: str) -> str:
    """Whose name it is: who has its secret."""
    return f"{identity(name)} {key}"


def identity(name: str) -> str:
    """What makes two names the same: ADA is Ada, and so is full-width Ａｄａ."""
    return unicodedata.normalize("NFKC", name).casefold()
