"""One message as a handler receives it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

MessageType = Literal["text", "bytes", "close", "error"]


class Message:
    """What ``receive()`` returns.

    ``type`` is ``"text"`` (``data`` is a ``str``), ``"bytes"`` (``data`` is ``bytes``), ``"close"``
    (``code`` and ``reason`` of the peer's close frame, ``data`` is the reason) or ``"error"`` (the peer
    broke a limit; ``data`` says which). ``code`` is None for text and bytes.
    """

    __slots__ = ("code", "data", "reason", "type")
    __match_args__ = ("type", "data")

    def __init__(
        self, type: MessageType, data: str | bytes = "", code: int | None = None, reason: str = ""
    ) -> None:
        self.type: MessageType = type
        self.data = data
        self.code = code
        self.reason = reason

    def __repr__(self) -> str:
        if self.code is not None:
            return f"Message({self.type!r}, code={self.code}, reason={self.reason!r})"
        return f"Message({self.type!r}, {self.data!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message):
            return NotImplemented
        return (self.type, self.data, self.code, self.reason) == (
            other.type,
            other.data,
            other.code,
            other.reason,
        )

    def __hash__(self) -> int:
        return hash((self.type, self.data, self.code, self.reason))

    def __reduce__(self) -> tuple[type[Message], tuple[MessageType, str | bytes, int | None, str]]:
        return Message, (self.type, self.data, self.code, self.reason)


class DataMessage(Message):
    """A text or a binary message as adapters make it; they set its ``data`` then. An ``__init__`` in Python
    would cost a small message as much as its way through the inbox."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __init__(self) -> None: ...
    else:
        __init__ = object.__init__

    code = None
    reason = ""


class TextMessage(DataMessage):
    """What ``receive()`` returns for a text message."""

    __slots__ = ()

    type = "text"


class BytesMessage(DataMessage):
    """What ``receive()`` returns for a binary one."""

    __slots__ = ()

    type = "bytes"
