"""Port: what carries messages between processes. And how an adapter is found by its URL.

A backplane moves bytes by topic, and no more: the core owns rooms, delivery to the connections of a process,
what a message means, its numbers, questions and answers between processes, and what happens in trouble.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol, runtime_checkable
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

GROUP = "anysocket.backplanes"
"""The entry points: by the scheme of a URL, a function of the URL that gives a :class:`Backplane`."""


PREFIX = "anysocket"
"""What topics begin with, unless a URL says otherwise."""


class Listener(Protocol):
    """Who is told by a backplane; in the event loop that started it."""

    def received(self, topic: str, data: bytes) -> None:
        """A message came. Messages of one publisher and topic in the order in which they were published."""

    def lost(self, error: BaseException) -> None:
        """What brings messages has ended. Called once at most, and followed by ``stop()``."""


@runtime_checkable
class Backplane(Protocol):
    """What an adapter must do. All of it is called in one event loop, by one task at a time, with a timeout:
    a call that is cancelled is followed by ``stop()``. Nothing may block the loop.

    Whatever fails is raised, as any exception: then the core calls ``stop()``, and later ``start()`` anew.
    An adapter neither repeats nor reconnects by itself, unless nothing can be lost by that.
    """

    @property
    def max_bytes(self) -> int | None:
        """The largest data that can be published, once started; None where there is no limit to know."""

    async def start(self, listener: Listener) -> None:
        """Connect. Returns when messages can be published; there are no subscriptions yet."""

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Hand over messages, ``(topic, data)``, in this order. At most once: none is ever repeated.

        Returns when they are handed over, which need not mean that they have arrived. A publisher may get its
        own messages back, or not.
        """

    async def subscribe(self, topics: Collection[str]) -> None:
        """Returns when what is published to these topics from now on, by whomever, is received."""

    async def unsubscribe(self, topics: Collection[str]) -> None:
        """Of topics that were subscribed to. What was on its way may still be received."""

    async def health(self) -> None:
        """Returns if messages get through in both directions, as far as can be told. Called after a start,
        and then every second.

        :class:`~anysocket.PartitionError` if they do with some of the others only, and a new start would be
        of no use: then it goes on, and does not count as up.
        """

    async def stop(self) -> None:
        """Let go of everything. Called after each ``start()``, whether that has succeeded or not."""


def open_backplane(url: str) -> Backplane:
    """The adapter for a URL, not started yet.

    ``ValueError`` for a scheme that nobody has, or what the adapter cannot make sense of;
    ``ImportError`` that names what to install where the library of the adapter is missing.
    """
    scheme = urlsplit(url).scheme.lower()
    found = {point.name: point for point in entry_points(group=GROUP)}
    if scheme not in found:
        known = ", ".join(f"{name}://" for name in sorted(found))
        raise ValueError(f"no backplane for {url!r}: its scheme must be one of {known}")
    return _load(found[scheme])(url)


def open_prefixed(backplane: str | Backplane) -> tuple[Backplane, str]:
    """The backplane, and the beginning of its topics: ``prefix`` in the URL's query, which is the core's."""
    if not isinstance(backplane, str):
        if not isinstance(backplane, Backplane):
            raise TypeError(f"a backplane is a URL or an anysocket.Backplane, not {backplane!r}")
        return backplane, PREFIX
    parts = urlsplit(backplane)
    options = parse_qsl(parts.query, keep_blank_values=True)
    prefix = dict(options).get("prefix", PREFIX)
    if not re.fullmatch(r"[\w-]+", prefix, re.ASCII):
        raise ValueError(f"the prefix of a backplane is of letters, digits, _ and -, not {prefix!r}")
    query = urlencode([(name, value) for name, value in options if name != "prefix"])
    return open_backplane(urlunsplit(parts._replace(query=query))), prefix


def _load(point: EntryPoint) -> Callable[[str], Backplane]:
    try:
        connect: Callable[[str], Backplane] = point.load()
    except ModuleNotFoundError as error:
        project = point.dist.name if point.dist is not None else "anysocket"
        extras = f"[{','.join(point.extras)}]" if point.extras else ""
        raise ImportError(
            f'a backplane {point.name}:// needs the library {error.name}: pip install "{project}{extras}"'
        ) from error
    return connect
