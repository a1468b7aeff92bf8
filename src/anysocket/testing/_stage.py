"""Where a contract case is played: what its handler and its client note, and how they wait for each other."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Awaitable, Iterator, Sequence

from anysocket._errors import ConnectionClosed
from anysocket._message import Message

HEADER = "x-anysocket-stage"
"""The request header that names the stage of a connection."""
BEGUN = "(a handler has begun)"
ENDED = "(a handler has ended)"
MOMENT = 0.1
"""Seconds within which a note that was sent has come."""
SHOWN = 60
"""Characters of a payload that are shown in full."""


class Stage:
    """The handler's side of one play of a case."""

    def __init__(self, token: str, backstage: Backstage) -> None:
        self.token = token
        """Unique to this play: a name for rooms and ids."""
        self._backstage = backstage

    def note(self, text: str) -> None:
        """Tell what was seen. Never waits, and works to the last moment of the process."""
        self._backstage.note(self.token, text)

    async def cue(self, name: str) -> None:
        """Wait until the client gives this cue."""
        await self._backstage.wait_for_cue(self.token, name)

    async def attempt(self, call: Awaitable[object]) -> None:
        """Await ``call`` and note what came of it."""
        self.note(await outcome(call))


class Backstage(ABC):
    """What connects the two sides: within a process, or from a server's process to the client's."""

    @abstractmethod
    def note(self, token: str, text: str) -> None:
        """From a handler."""

    @abstractmethod
    async def wait_for_cue(self, token: str, name: str) -> None:
        """From a handler."""

    @contextlib.contextmanager
    def open(self, token: str) -> Iterator[Stage]:
        """A stage for a handler; its end is noted however it ends."""
        self.note(token, BEGUN)
        try:
            yield Stage(token, self)
        finally:
            self.note(token, ENDED)


class Notebook:
    """The client's side: what was noted, by token, and the cues that were given."""

    def __init__(self) -> None:
        self._notes: dict[str, list[str]] = defaultdict(list)
        self._cues: set[tuple[str, str]] = set()
        self._changed: asyncio.Event = asyncio.Event()

    def add(self, token: str, text: str) -> None:
        """A note has come."""
        self._notes[token].append(text)
        self._wake()

    def give(self, token: str, name: str) -> None:
        """Give a cue."""
        self._cues.add((token, name))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def notes(self, token: str) -> list[str]:
        """What handlers of this token have noted so far."""
        return [text for text in self._notes[token] if text not in (BEGUN, ENDED)]

    async def given(self, token: str, name: str) -> None:
        """Wait for a cue."""
        while (token, name) not in self._cues:
            await self._changed.wait()

    async def noted(self, token: str, text: str) -> None:
        """Wait for a note."""
        while text not in self._notes[token]:
            await self._changed.wait()

    async def settled(self, token: str, wanted: Sequence[str] | None) -> None:
        """Wait until the handlers of this token have noted what is wanted, or have ended with something else:
        those that have begun have ended, and no note is on its way any more. Where something is wanted, at
        least one must have begun. None: whatever they note."""
        notes = self._notes[token]
        while wanted is None or self.notes(token) != [*wanted]:
            before = len(notes)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(MOMENT):
                    while len(notes) == before:
                        await self._changed.wait()
            begun, ended = notes.count(BEGUN), notes.count(ENDED)
            if len(notes) == before and begun <= ended and (begun or wanted is None):
                return


class LocalBackstage(Backstage):
    """Handlers and clients in one event loop."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook

    def note(self, token: str, text: str) -> None:
        self._notebook.add(token, text)

    async def wait_for_cue(self, token: str, name: str) -> None:
        await self._notebook.given(token, name)


def seen(message: Message) -> str:
    """A message as notes have it: ``text 'hello'``, ``close 1000 'bye'``."""
    if message.code is not None:
        return f"{message.type} {message.code} {message.reason!r}"
    return f"{message.type} {shown(message.data)}"


def shown(data: str | bytes) -> str:
    """A payload, or its size and ends where it is long."""
    if len(data) <= SHOWN:
        return repr(data)
    kind = "characters" if isinstance(data, str) else "bytes"
    return f"of {len(data)} {kind}, {data[:4]!r} to {data[-4:]!r}"


def ended(closed: ConnectionClosed) -> str:
    """An end as notes have it: ``closed 1006 by lost``."""
    reason = f" {closed.reason!r}" if closed.reason else ""
    return f"closed {closed.code}{reason} by {closed.by}"


async def outcome(call: Awaitable[object]) -> str:
    """Await ``call`` and say what came of it: a message, ``done``, or the exception."""
    try:
        result = await call
    except ConnectionClosed as closed:
        return ended(closed)
    except Exception as error:
        return f"{type(error).__name__}"
    return seen(result) if isinstance(result, Message) else "done"
