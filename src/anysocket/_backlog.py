"""What waits in an outbox: messages that were posted, and the turns of those who wait themselves."""

from __future__ import annotations

from asyncio import Future
from collections import deque
from collections.abc import Hashable

from anysocket._policy import OutboxPolicy

NOTHING: deque[Post | Future[None]] = deque(maxlen=0)
"""What waits where nothing does: an empty deque takes 0.6 KiB, which would be one for every connection."""

MAX_BYTES = 1 << 20
MAX_MESSAGES = 1024


class Post:
    """A message that somebody left to be sent."""

    __slots__ = ("data", "droppable", "key", "size")

    def __init__(self, data: str | bytes, size: int) -> None:
        self.data = data
        self.size = size
        self.droppable = False
        """Whether others may push it out."""
        self.key: Hashable = None
        """By which a newer one replaces it."""


class Backlog:
    """First in, first out. Posts are bounded, in number and in bytes; turns are not, and are never dropped.

    One post fits into an empty backlog whatever its size, so that nobody waits for ever for room.
    """

    __slots__ = (
        "_by_key",
        "_droppable",
        "_droppable_bytes",
        "bytes",
        "bytes_dropped",
        "entries",
        "max_bytes",
        "max_messages",
        "messages",
        "messages_dropped",
    )

    def __init__(self) -> None:
        self.entries = NOTHING
        """What waits, in order; not to be changed from outside."""
        self._by_key: dict[Hashable, Post] | None = None
        self._droppable = 0
        self._droppable_bytes = 0
        self.max_bytes = MAX_BYTES
        self.max_messages = MAX_MESSAGES
        self.messages = 0
        self.bytes = 0
        self.messages_dropped = 0
        self.bytes_dropped = 0

    @property
    def is_low(self) -> bool:
        """Whether it is half empty: time to go on for those who wait for room."""
        return 2 * self.messages <= self.max_messages and 2 * self.bytes <= self.max_bytes

    def fits(self, size: int) -> bool:
        """Whether a post of ``size`` bytes has room, if need be in the place of some that may be dropped."""
        messages = self.messages - self._droppable
        fits = messages < self.max_messages and self.bytes - self._droppable_bytes + size <= self.max_bytes
        return fits or not messages

    def add_turn(self, turn: Future[None]) -> None:
        """Somebody waits for ``turn``."""
        self._append(turn)

    def _append(self, entry: Post | Future[None]) -> None:
        if not self.entries:
            self.entries = deque()
        self.entries.append(entry)

    def add(self, data: str | bytes, size: int, policy: OutboxPolicy, key: Hashable) -> bool:
        """Take a post, in the way of its policy; False if there is no room: then it is dropped."""
        post = Post(data, size)
        older = None if key is None or self._by_key is None else self._by_key.get(key)
        if older is not None:
            return self._replace(older, post)
        # A broadcast that blocks has waited for room already, be it in the place of others.
        if not self._push_out(size, 1) and policy != "block":
            self._count_dropped(post)
            return False
        if key is not None:
            post.key = key
            if self._by_key is None:
                self._by_key = {}
            self._by_key[key] = post
        elif policy == "drop_oldest":
            post.droppable = True
            self._droppable += 1
            self._droppable_bytes += size
        self._append(post)
        self.messages += 1
        self.bytes += size
        return True

    def _replace(self, older: Post, newer: Post) -> bool:
        growth = newer.size - older.size
        if not self._push_out(growth, 0):
            self._count_dropped(newer)
            return False
        self._count_dropped(older)
        self.bytes += growth
        older.data, older.size = newer.data, newer.size
        return True

    def _push_out(self, bytes: int, messages: int) -> bool:
        """Drop the oldest of those that may be dropped until so much more has room; False if that is not
        enough: then none is dropped."""
        if self._has_room(bytes, messages):
            return True
        if not self._droppable or not self.fits(bytes):
            return False
        kept: list[Post | Future[None]] = []
        while not self._has_room(bytes, messages):
            entry = self.entries.popleft()
            if isinstance(entry, Post) and entry.droppable:
                self._forget(entry)
                self._count_dropped(entry)
            else:
                kept.append(entry)
        self.entries.extendleft(reversed(kept))
        return True

    def _has_room(self, bytes: int, messages: int) -> bool:
        fits = self.messages + messages <= self.max_messages and self.bytes + bytes <= self.max_bytes
        return fits or self.messages + messages <= 1

    def pop(self) -> Post | Future[None]:
        """What has waited longest."""
        entry = self.entries.popleft()
        if isinstance(entry, Post):
            self._forget(entry)
        return entry

    def _forget(self, post: Post) -> None:
        self.messages -= 1
        self.bytes -= post.size
        if post.droppable:
            self._droppable -= 1
            self._droppable_bytes -= post.size
        elif post.key is not None and self._by_key is not None:
            del self._by_key[post.key]

    def drop_posts(self) -> None:
        """Drop every post. Turns stay."""
        if self.messages:
            self.messages_dropped += self.messages
            self.bytes_dropped += self.bytes
            self.messages = self.bytes = self._droppable = self._droppable_bytes = 0
            self._by_key = None
            self.entries = deque(entry for entry in self.entries if not isinstance(entry, Post))

    def _count_dropped(self, post: Post) -> None:
        self.messages_dropped += 1
        self.bytes_dropped += post.size
