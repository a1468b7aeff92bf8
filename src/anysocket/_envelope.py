"""What is around a message between processes. ``docs/backplanes.md`` shows it byte by byte.

    version   1 byte    this is version 1
    kind      1 byte    a Kind: a message, a question, an answer, a sign of life
    format    1 byte    bit 0: the payload is text; the bits above: which policy was given, 0 for none
    node      8 bytes   who publishes, at random
    sequence  8 bytes   of a message: its number among those of this node to this topic, from 1, and 0 for no
                        number; of a question and its answer: the number of the question
    names     4 bytes   how many names follow: rooms, a connection, a user
    excluded  4 bytes   how many ids follow them
    each      4 bytes   of length, and so many bytes of UTF-8
    payload             the rest

Numbers are unsigned and big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple, get_args

from anysocket._policy import Named, OutboxPolicy

VERSION = 1
OURS = bytes((VERSION,))
HEAD = struct.Struct("!BBB8sQII")
LENGTH = struct.Struct("!I")
POLICIES: tuple[Named, ...] = get_args(Named)
LENIENT = "surrogatepass"
"""Names may be any str."""


class Kind(IntEnum):
    """What is in an envelope. A node ignores kinds that it does not know."""

    MESSAGE = 1
    """To everybody in the room of its topic, or in any of the rooms that it names, or to all."""
    HERE = 2
    """A node is alive; told again and again."""
    GONE = 3
    """A node leaves."""
    ANSWER = 4
    """To a question: JSON."""
    SEND = 5
    """The first question: send to a connection. Every node answers, here with how many it was queued to."""
    SEND_TO_USER = 6
    DISCONNECT = 7
    DISCONNECT_USER = 8
    COUNT = 9
    """How many are in a room."""
    MEMBERS = 10
    """Who is in a room."""
    ROOMS = 11
    """Which rooms are there, and how many are in each."""


class UnknownVersion(ValueError):
    """An envelope of a version that is not ours."""


class Envelope(NamedTuple):
    """One message between processes."""

    kind: int
    node: bytes
    sequence: int
    payload: str | bytes = b""
    names: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    policy: OutboxPolicy | None = None
    """That of this message alone. A policy with a function of its own stays in its process."""

    def pack(self) -> bytes:
        """As bytes."""
        text = isinstance(self.payload, str)
        policy = POLICIES.index(self.policy) + 1 if isinstance(self.policy, str) else 0
        head = HEAD.pack(
            VERSION,
            self.kind,
            text | policy << 1,
            self.node,
            self.sequence,
            len(self.names),
            len(self.excluded),
        )
        payload = self.payload.encode() if isinstance(self.payload, str) else self.payload
        return b"".join((head, *_strings((*self.names, *self.excluded)), payload))


def unpack(data: bytes) -> Envelope:
    """The reverse. :class:`UnknownVersion`, and ``ValueError`` for what is no envelope at all."""
    if data[:1] != OURS:
        raise UnknownVersion(f"version {data[0] if data else 'none'}, and not {VERSION}")
    try:
        _, kind, form, node, sequence, names, excluded = HEAD.unpack_from(data)
        position, strings = HEAD.size, list[str]()
        for _ in range(names + excluded):
            (length,) = LENGTH.unpack_from(data, position)
            position += LENGTH.size + length
            strings.append(data[position - length : position].decode(errors=LENIENT))
        policy = POLICIES[(form >> 1) - 1] if form >> 1 else None
        payload = data[position:].decode() if form & 1 else data[position:]
    except (struct.error, IndexError) as error:
        raise ValueError(f"no envelope: {error}") from error
    return Envelope(
        kind,
        node,
        sequence,
        payload,
        tuple(strings[:names]),
        tuple(strings[names:]),
        policy,
    )


def _strings(strings: tuple[str, ...]) -> Iterable[bytes]:
    for string in strings:
        encoded = string.encode(errors=LENIENT)
        yield LENGTH.pack(len(encoded))
        yield encoded
