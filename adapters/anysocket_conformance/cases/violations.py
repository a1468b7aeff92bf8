"""Frames that break RFC 6455: the connection ends, the handler is told of an end, the process lives."""

from __future__ import annotations

import contextlib
from typing import ClassVar

from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, subclasses
from anysocket.testing._stage import Stage, seen
from anysocket_conformance.cases._frames import NEXT, see_end, see_next, upgraded
from anysocket_servers import BINARY, CLOSE, CONTINUATION, PING, TEXT, frame, header

HUNDRED_MB = 100_000_000
RESERVED_OPCODE, RESERVED_CONTROL = 0x3, 0xB
RESERVED_BITS = 0x70


class _Violation(Case):
    """Of this group. The handler is told of an end, and the next connection works."""

    group = "violations"
    clauses = ("3.5",)
    tools = ("frames",)
    sent = b""
    client_sees: ClassVar[tuple[str, ...]] = ("the connection ends", "text 'and on'")
    handler_sees = ("an end",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        if websocket.scope.path.endswith(NEXT):
            await websocket.send((await websocket.receive()).data)
            return
        # How it ended is for the server to tell; a bare one may raise what it likes.
        with contextlib.suppress(Exception):
            while (message := await websocket.receive()).code is None:
                stage.note(seen(message))
        stage.note("an end")

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            frames.write(self.sent)
            await see_end(client, frames)
        await see_next(client)


class InvalidUTF8(_Violation):
    """Text that is no UTF-8 ends the connection."""

    sent = frame(TEXT, b"\xff\xfe")


class InvalidUTF8InFragments(_Violation):
    """Text whose last fragment leaves a character unfinished ends the connection."""

    sent = frame(TEXT, b"Gr\xc3", final=False) + frame(CONTINUATION, b"")


class UnmaskedFrame(_Violation):
    """A frame of a client that is not masked ends the connection."""

    sent = frame(TEXT, b"bare", masked=False)


class ReservedOpcode(_Violation):
    """A data frame with a reserved opcode ends the connection."""

    sent = frame(RESERVED_OPCODE, b"?")


class ReservedControlOpcode(_Violation):
    """A control frame with a reserved opcode ends the connection."""

    sent = frame(RESERVED_CONTROL, b"?")


class ReservedBits(_Violation):
    """A frame with reserved bits that no extension gives a meaning ends the connection."""

    sent = frame(TEXT | RESERVED_BITS, b"?")


class CloseOfOneByte(_Violation):
    """A close frame of one byte ends the connection."""

    sent = frame(CLOSE, b"\x03")


class CloseWithInvalidCode(_Violation):
    """A close frame with code 999 ends the connection."""

    sent = frame(CLOSE, (999).to_bytes(2))


class CloseWithReservedCode(_Violation):
    """A close frame with code 1005, which no frame may carry, ends the connection."""

    sent = frame(CLOSE, (1005).to_bytes(2))


class CloseWithLossCode(_Violation):
    """A close frame with code 1006, which no frame may carry, ends the connection."""

    sent = frame(CLOSE, (1006).to_bytes(2))


class CloseWithInvalidReason(_Violation):
    """A close frame whose reason is no UTF-8 ends the connection."""

    sent = frame(CLOSE, (1000).to_bytes(2) + b"\xff")


class LongControlFrame(_Violation):
    """A ping of more than 125 bytes ends the connection."""

    sent = frame(PING, bytes(126))


class FragmentedControlFrame(_Violation):
    """A ping in fragments ends the connection."""

    sent = frame(PING, b"he", final=False) + frame(CONTINUATION, b"re")


class ContinuationOfNothing(_Violation):
    """A continuation without a beginning ends the connection."""

    sent = frame(CONTINUATION, b"and so on")


class MessageInsideMessage(_Violation):
    """A new message before the last fragment of another one ends the connection."""

    sent = frame(TEXT, b"one", final=False) + frame(TEXT, b"two")


class RequestInsteadOfFrames(_Violation):
    """A second HTTP request where frames belong ends the connection."""

    sent = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


class LengthWithItsHighestBit(_Violation):
    """A length of 2**63 bytes, which RFC 6455 forbids, ends the connection."""

    sent = header(BINARY, 1 << 63) + bytes(4)


VIOLATIONS = tuple(case.sent for case in subclasses(_Violation) if isinstance(case, _Violation))
"""What each of these cases sends."""


class _Announced(_Violation):
    """Of frames that are announced and never come: the peer leaves, whatever the server has done by then."""

    client_sees = ("text 'and on'",)

    async def client(self, client: Client) -> None:
        async with upgraded(client) as frames:
            frames.write(self.sent)
            frames.reset()
        await see_next(client)


class HundredMegabytesAnnounced(_Announced):
    """A peer that announces 100 MB, sends 1 KB of it and is gone leaves the server as it was."""

    sent = header(BINARY, HUNDRED_MB) + bytes(4) + bytes(1000)


class GreatestLengthAnnounced(_Announced):
    """A peer that announces 2**63 - 1 bytes and is gone leaves the server as it was."""

    sent = header(TEXT, (1 << 63) - 1) + bytes(4) + bytes(1000)
