"""What is sent arrives, whole and as it was; what is too much does not."""

from __future__ import annotations

from typing import Any

from anysocket._capability import Capability
from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client, Sight, close_seen
from anysocket.testing._stage import Stage, seen, shown

LIMIT = 65536
MIB = 1 << 20


class Messages(Case):
    """Of this group."""

    group = "messages"

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        """Note what comes and send it back."""
        await websocket.accept()
        async for message in websocket:
            stage.note(seen(message))
            await websocket.send(message.data)


class _Echo(Messages):
    """Of messages that come back as they were."""

    clauses = ("4.1", "5.1")
    sent: tuple[str | bytes, ...] = ()

    def expected(self, capabilities: Capability) -> Sight:
        notes = tuple(_seen(data) for data in self.sent)
        return Sight(notes, notes)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            for data in self.sent:
                await peer.send(data)
                await client.see(peer)


def _seen(data: str | bytes) -> str:
    return f"{'text' if isinstance(data, str) else 'bytes'} {shown(data)}"


class ShortMessages(_Echo):
    """Text and bytes come back as what they were, in turn."""

    sent = ("hello", b"hello", "grüße 世界 🎉", b"\x00\xff", "\0")


class EmptyText(_Echo):
    """An empty text is a message."""

    sent = ("", "and on")


class EmptyBytes(_Echo):
    """Empty bytes are a message."""

    sent = (b"", b"and on")


class LongText(_Echo):
    """64 KiB of text in one frame."""

    sent = ("ü" * (32 << 10), "and on")


class LongBytes(_Echo):
    """64 KiB of bytes in one frame."""

    sent = (b"\xff" * (64 << 10), "and on")


class MebibyteOfText(_Echo):
    """1 MiB of text, the default limit."""

    sent = ("x" * MIB, "and on")


class MebibyteOfBytes(_Echo):
    """1 MiB of bytes, the default limit."""

    sent = (b"y" * MIB, "and on")


class _Limited(Messages):
    clauses = ("4.4",)
    route_options = {"max_message_bytes": LIMIT}
    sent: str | bytes = ""

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        for _ in range(2):
            await stage.attempt(websocket.receive())

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.send(self.sent)
            await client.see(peer)


class _AtTheLimit(_Limited):
    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        message = await websocket.receive()
        stage.note(seen(message))
        await websocket.send(message.data)

    def expected(self, capabilities: Capability) -> Sight:
        return Sight((_seen(self.sent),), (_seen(self.sent),))


class TextAtTheLimit(_AtTheLimit):
    """A text of exactly max_message_bytes is received: UTF-8 counts, not characters."""

    sent = "🎉" * (LIMIT // 4)


class BytesAtTheLimit(_AtTheLimit):
    """Bytes of exactly max_message_bytes are received."""

    sent = b"y" * LIMIT


class _AboveTheLimit(_Limited):
    needs = Capability.CLOSE_CODE | Capability.CLOSE_REASON

    def expected(self, capabilities: Capability) -> Sight:
        why = f"message of {LIMIT + 1} bytes exceeds max_message_bytes={LIMIT}"
        return Sight(
            (close_seen(capabilities, 1009, why),),
            (f"error 1009 {why!r}", f"closed 1009 {why!r} by us"),
        )


class TextAboveTheLimit(_AboveTheLimit):
    """One byte of text above max_message_bytes: an error message for the handler, 1009 for the peer."""

    sent = "🎉" * (LIMIT // 4) + "x"


class BytesAboveTheLimit(_AboveTheLimit):
    """One byte above max_message_bytes: an error message for the handler, 1009 for the peer."""

    sent = b"y" * (LIMIT + 1)


class _Conversions(Messages):
    """Of the receiving calls that insist on one kind."""

    clauses = ("2.websocket",)

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            for data in ("text", b"bytes", '{"a": [1]}', b"no text", "no bytes", "no json", "after"):
                await peer.send(data)
            await peer.close()


class ReceiveOneKind(_Conversions):
    """receive_text, receive_bytes and receive_json give their kind; another kind is a ValueError."""

    handler_sees = (
        "'text'",
        "b'bytes'",
        "{'a': [1]}",
        "ValueError",
        "ValueError",
        "JSONDecodeError",
        "'after'",
    )

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        text, data, json = websocket.receive_text, websocket.receive_bytes, websocket.receive_json
        for receive in (text, data, json, text, data, json, text):
            try:
                stage.note(repr(await receive()))
            except ValueError as error:
                stage.note(type(error).__name__)


class Iterate(Messages):
    """iter_text, iter_bytes and iter_json end at the peer's close."""

    clauses = ("2.websocket", "4.3")
    bare = False
    handler_sees = ("['a', 'b']",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        stage.note(repr([text async for text in websocket.iter_text()]))

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await peer.send_text("a")
            await peer.send_text("b")
            await peer.close()


class SendEachKind(Messages):
    """send, send_text, send_bytes and send_json send what their names say."""

    clauses = ("2.websocket",)
    client_sees = ("text 'a'", "bytes b'b'", "text 'c'", "bytes b'd'", "text '[1,\"ü\"]'")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        await websocket.send("a")
        await websocket.send(b"b")
        await websocket.send_text("c")
        await websocket.send_bytes(b"d")
        await websocket.send_json([1, "ü"])
        await websocket.wait_closed()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            for _ in self.client_sees:
                await client.see(peer)


class WrongTypes(Messages):
    """What is neither str nor bytes is a TypeError that names the type, and the connection lives."""

    clauses = ("5.3",)
    client_sees = ("text 'and on'",)
    handler_sees = ("bytes", "NoneType", "str", "int")

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        calls: list[tuple[Any, Any, str]] = [
            (websocket.send_text, b"x", "bytes"),
            (websocket.send_text, None, "NoneType"),
            (websocket.send_bytes, "x", "str"),
            (websocket.send, 3, "int"),
        ]
        for send, data, name in calls:
            try:
                await send(data)
            except TypeError as error:
                stage.note(name if name in str(error) else f"a TypeError without {name}")
            except Exception as error:
                stage.note(type(error).__name__)
            else:
                stage.note("silence")
        await websocket.send_text("and on")
        await websocket.wait_closed()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)


class LoneSurrogate(Messages):
    """Text that no UTF-8 can say is a ValueError, and the connection lives."""

    clauses = ("5.3",)
    client_sees = ("text 'and on'",)
    handler_sees = ("ValueError",)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        await websocket.accept()
        try:
            await websocket.send_text("\ud800")
        except ValueError:
            stage.note("ValueError")
        except Exception as error:
            stage.note(type(error).__name__)
        else:
            stage.note("silence")
        await websocket.send_text("and on")
        await websocket.wait_closed()

    async def client(self, client: Client) -> None:
        async with client.connect() as peer:
            await client.see(peer)
