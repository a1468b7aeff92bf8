"""What is sent arrives, what is too much does not, and the handshake reads the same everywhere."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from anysocket import Capability
from anysocket.testing import Refused
from anysocket_servers import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Handshake
from peers import receive_data

# Every server has the cases of `python -m anysocket matrix`: these tests see logs, memory and older
# versions as well.
pytestmark = pytest.mark.servers("granian-rsgi", "uvicorn-sansio", "uvicorn-picows", "memory")

MIB = 1 << 20
LIMIT = 65536


# -- sizes and kinds --


@pytest.mark.parametrize(
    "message",
    ["\0", b"\0", "ü" * 32768, b"\xff" * 65536, "x" * MIB, b"y" * MIB],
    ids=["zero-text", "zero-byte", "64-KiB-text", "64-KiB", "1-MiB-text", "1-MiB"],
)
async def test_message_comes_back_as_it_was(running, message):
    async with running.connect("/echo") as peer:
        await peer.send(message)
        assert await receive_data(peer) == message
        await peer.send("and on")
        assert await peer.receive_text() == "and on"


@pytest.mark.fails_on("daphne", reason="drops empty messages")
@pytest.mark.parametrize("message", ["", b""], ids=["text", "bytes"])
async def test_empty_message_is_one(running, message):
    async with running.connect("/echo") as peer:
        await peer.send(message)
        await peer.send("and on")
        assert await receive_data(peer) == message
        assert await peer.receive_text() == "and on"


@pytest.mark.parametrize(
    "message",
    ["x" * LIMIT, "ü" * (LIMIT // 2), "🎉" * (LIMIT // 4), b"y" * LIMIT],
    ids=["ascii", "two-byte", "four-byte", "bytes"],
)
async def test_message_of_the_limit_is_received(running, key, message):
    async with running.connect(f"/limit?key={key}") as peer:
        await peer.send(message)
        kind = "text" if isinstance(message, str) else "bytes"
        assert await peer.receive_json() == {"type": kind, "length": len(message)}


@pytest.mark.parametrize(
    "message",
    ["x" * (LIMIT + 1), "ü" * (LIMIT // 2) + "x", "🎉" * (LIMIT // 4) + "x", b"y" * (LIMIT + 1)],
    ids=["ascii", "two-byte", "four-byte", "bytes"],
)
async def test_message_above_the_limit_closes_with_1009(running, server, told, key, message):
    async with running.connect(f"/limit?key={key}") as peer:
        await peer.send(message)
        closed = await peer.receive_close()
    assert closed.code == server.expected_close(1009)[0]
    facts = await told()
    assert str(LIMIT) in facts["error"] and str(LIMIT + 1) in facts["error"]
    assert facts["end"]["code"] == 1009


@pytest.mark.needs("process")
async def test_fragments_arrive_whole_with_pings_in_between(running):
    async with running.frames() as client:
        assert (await client.upgrade(Handshake("/echo"))).accepted
        client.send(TEXT, "Grü".encode()[:3], final=False)  # in the middle of a character
        client.send(PING, b"here?")
        client.send(CONTINUATION, "Grü".encode()[3:] + b"\xc3", final=False)
        client.send(CONTINUATION, b"", final=False)
        client.send(CONTINUATION, b"\x9fe")
        assert await client.receive() == (PONG, b"here?")
        assert await client.receive() == (TEXT, "Grüße".encode())
        client.send(BINARY, b"", final=False)
        client.send(CONTINUATION, b"\xff")
        assert await client.receive() == (BINARY, b"\xff")
        client.send(CLOSE, b"\x03\xe8")
        opcode, _ = await client.receive() or (None, b"")
        assert opcode == CLOSE


async def test_text_that_no_utf8_can_say_is_refused_and_the_connection_lives(running):
    async with running.connect("/surrogate") as peer:
        answer = await peer.receive_text()
    assert answer.startswith(("ValueError", "UnicodeEncodeError")) and "surrogate" in answer


async def test_text_that_no_utf8_can_say_does_not_stop_a_room(running):
    async with running.connect("/surrogate-in-a-room") as peer:
        assert await peer.receive_text() == "refused"
        assert await peer.receive_text() == "and on"


async def test_wrong_types_are_refused_by_name_and_the_connection_lives(running):
    async with running.connect("/wrong-types") as peer:
        errors = await peer.receive_json()
    assert len(errors) == 5
    for error, name in zip(errors, ["bytes", "NoneType", "str", "int", ""], strict=True):
        assert name in error


@pytest.mark.needs("process")
@pytest.mark.fails_on("daphne", reason="reads on, however much the app leaves unread")
async def test_handler_that_does_not_read_holds_the_peer_back(running, ask, key):
    """256 MiB are offered; the peer is stopped long before, and the server's memory stays small."""
    before = (await ask(running, "/process"))["peak_bytes"]
    message = bytes(MIB // 2)
    async with running.connect(f"/never-reads?key={key}") as peer:
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 512:
                await asyncio.wait_for(peer.send(message), 0.5)
                sent += 1
        after = (await ask(running, "/process"))["peak_bytes"]
        await ask(running, f"/tell/{key}")
    assert sent < 512, "nothing held the peer back"
    assert sent * len(message) < 64 * MIB
    assert after - before < 64 * MIB


# -- the handshake --


async def inspected(running, path="/inspect/x", **handshake):
    async with running.connect(path, **handshake) as peer:
        return await peer.receive_json()


@pytest.mark.needs("process")
async def test_handshake_reads_the_same_everywhere(running):
    scope = await inspected(running, "/inspect/x?a=1&b=%20+&a=2&c=", headers=[("cookie", "one=1; two=a=b")])
    assert scope["path"] == "/inspect/x"
    assert scope["query_string"] == "a=1&b=%20+&a=2&c="
    assert scope["query"] == {"a": ["1", "2"], "b": ["  "], "c": [""]}
    assert scope["cookies"] == {"one": "1", "two": "a=b"}
    host, port = scope["client"]
    assert host == "127.0.0.1" and isinstance(port, int) and port > 0
    assert scope["server"] == ["127.0.0.1", running.port]
    assert scope["scheme"] == "ws"
    assert scope["http_version"] == "1.1"
    assert scope["url"] == f"ws://127.0.0.1:{running.port}/inspect/x?a=1&b=%20+&a=2&c="
    assert scope["started"] == "by the lifespan"


async def test_path_is_percent_decoded(running):
    scope = await inspected(running, "/inspect/caf%C3%A9%20%E4%B8%96%E7%95%8C/and%3Fmore")
    assert scope["path"] == "/inspect/café 世界/and?more"
    assert scope["rest"] == "café 世界/and?more"
    assert scope["raw_path"] in (None, "/inspect/caf%C3%A9%20%E4%B8%96%E7%95%8C/and%3Fmore")
    assert scope["url"].endswith("/inspect/caf%C3%A9%20%E4%B8%96%E7%95%8C/and%3Fmore")


async def test_duplicate_headers_are_all_there_in_order(running):
    scope = await inspected(running, headers=[("x-many", "one"), ("x-other", "between"), ("X-Many", "two")])
    assert "x-other" in dict(scope["headers"])
    assert ", ".join(value for name, value in scope["headers"] if name == "x-many").replace(",t", ", t") == (
        "one, two"
    )
    assert all(name == name.lower() for name, _ in scope["headers"])


@pytest.mark.needs("process")
async def test_header_that_is_not_ascii_does_no_harm(running):
    """Servers refuse it, hide it, or hand it over: never a broken process, never a broken handler."""
    async with running.frames() as client:
        headers = (("x-name", "J\xfcrgen"), ("x-next", "there"))
        answer = await client.upgrade(Handshake("/inspect/x", headers))
        if answer.accepted:
            _, payload = await client.receive() or (None, b"{}")
            seen = dict(json.loads(payload)["headers"])
            assert seen["x-next"] == "there"
            assert seen.get("x-name", "J\xfcrgen") == "J\xfcrgen"
        else:
            assert answer.status in (0, 400, 500)
    assert (await inspected(running))["path"] == "/inspect/x"


@pytest.mark.needs("process")
@pytest.mark.parametrize(
    "lines", [["chat.v1, chat.v2"], ["chat.v1", "chat.v2"], ["chat.v1,chat.v2"]], ids=["one", "two", "tight"]
)
async def test_offered_subprotocols_count_from_one_line_or_several(running, server, lines):
    async with running.frames() as client:
        headers = tuple(("Sec-WebSocket-Protocol", line) for line in lines)
        assert (await client.upgrade(Handshake("/inspect/x", headers))).accepted
        _, payload = await client.receive() or (None, b"{}")
    # Hypercorn knows those of the last line only, and cuts the connection at an answer with another.
    offered = lines[-1:] if server.name == "hypercorn" and len(lines) > 1 else ["chat.v1", "chat.v2"]
    assert json.loads(payload)["subprotocols"] == offered


async def test_subprotocol_that_was_not_offered_is_a_value_error(running):
    async with running.connect("/accept-subprotocol/chat", subprotocols=["other"]) as peer:
        assert (await peer.receive_text()).startswith("ValueError") and peer.subprotocol is None
    async with running.connect("/accept-subprotocol/chat") as peer:
        assert (await peer.receive_text()).startswith("ValueError")


async def test_subprotocol_that_was_offered_is_agreed_on_or_refused_aloud(running, server):
    async with running.connect("/accept-subprotocol/chat", subprotocols=["other", "chat"]) as peer:
        answer = await peer.receive_text()
        if Capability.SUBPROTOCOL in server.capabilities:
            assert (answer, peer.subprotocol) == ("agreed on chat", "chat")
        else:
            assert answer.startswith("UnsupportedByTransport") and "Capability.SUBPROTOCOL" in answer
            assert "--interface asgi" in answer


async def test_accept_headers_are_sent_or_refused_aloud(running, server):
    async with running.connect("/accept-headers") as peer:
        answer = await peer.receive_text()
        if Capability.ACCEPT_HEADERS in server.capabilities:
            assert answer == "sent"
            assert peer.response_headers.get("x-one") == "1"
            assert peer.response_headers.getlist("set-cookie") == ["a=1", "b=2"]
        else:
            assert "Capability.ACCEPT_HEADERS" in answer and "x-one" not in peer.response_headers


async def test_capabilities_are_those_of_the_server(running, server):
    assert (await inspected(running))["capabilities"] == sorted(
        str(each.name) for each in server.capabilities
    )


# -- origins --


async def test_page_of_the_same_host_may_connect(running):
    async with running.connect("/echo", origin=running.url) as peer:
        await peer.send("hello")
        assert await peer.receive_text() == "hello"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_page_of_another_host_is_refused(running, origin):
    with pytest.raises(Refused) as refusal:
        async with running.connect("/echo", origin=origin):
            pass
    assert refusal.value.status == 403


async def test_named_origins_replace_the_own_host(serve):
    running = serve("unmatched_app:app")
    async with running.connect("/echo", origin="https://app.example") as peer:
        await peer.send("hello")
        assert await peer.receive_text() == "hello"
    with pytest.raises(Refused) as refusal:
        async with running.connect("/echo", origin=running.url):
            pass
    assert refusal.value.status == 403
