"""anysocket's own behaviour on RSGI, over the in-memory server: whatever handlers and peers do, the server
lives, nothing is lost, and the connection is let go."""

from __future__ import annotations

import asyncio
import gc
import random
from pathlib import Path

import pytest
from handlers import app, kept

from anysocket import App, ConnectionClosed, WebSocket
from anysocket.testing import Refused
from anysocket_rsgi.testing import connect

APPS = Path(__file__).parent / "apps"


async def test_websocket_to_a_mounted_app_is_that_apps():
    app, mounted = App(), App()
    app.mount("/api", mounted)

    @mounted.websocket("/socket")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for message in websocket:
            await websocket.send(message.data)

    async with connect(app, "/api/socket") as peer:
        await peer.send_text("one")
        assert await peer.receive_text() == "one"
    with pytest.raises(Refused) as refused:
        async with connect(app, "/api"):
            pass
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/return", 403),
        ("/raise", 500),
        ("/close/1000", 403),
        ("/close/1001", 403),
        ("/close/1008", 403),
        ("/close/4999", 403),
        ("/close/1005", 500),
        ("/close/99999", 500),
        ("/deny/400", 400),
        ("/deny/404", 404),
        ("/deny/599", 599),
        ("/deny-nonsense", 500),
    ],
)
async def test_every_way_out_before_accept_is_a_refusal(path, status):
    for _ in range(20):
        with pytest.raises(Refused) as refused:
            async with connect(app, path):
                pass
        assert refused.value.status == status


async def test_a_handler_that_is_cancelled_leaves_an_answer():
    with pytest.raises(Refused) as refused:
        async with connect(app, "/raise-base"):
            pass
    assert refused.value.status == 500


@pytest.mark.parametrize(
    ("path", "text"),
    [("/double-accept", "alive"), ("/accept-at-once", "NoneType,WebSocketStateError")],
)
async def test_misuse_of_accept_is_told_and_survived(path, text):
    async with connect(app, path) as peer:
        assert await peer.receive_text() == text
        assert (await peer.receive_close()).code == 1005


@pytest.mark.servers("granian-rsgi", "granian-rsgi-mt")
async def test_a_cancelled_accept_closes_at_once_though_the_handler_goes_on(serve):
    """Granian sends the 101 all the same."""
    running = serve("handlers:app", APPS)
    for _ in range(20):
        async with running.connect("/cancel-accept") as peer:
            assert (await peer.receive_close(1.0)).code == 1005
            await peer.wait_ended(1.0)


@pytest.mark.parametrize("path", ["/unsupported", "/raise-after-accept", "/no/such/path"])
async def test_close_codes_are_dropped(path):
    async with connect(app, path, subprotocols=["chat"]) as peer:
        assert (await peer.receive_close()).code == 1005
        assert await peer.wait_ended(), "the peer's answer was left unread: a reset"


async def test_unmatched_path_denied():
    with pytest.raises(Refused) as refused:
        async with connect(App(unmatched="deny"), "/nowhere"):
            pass
    assert refused.value.status == 404


async def test_foreign_origin_is_refused():
    with pytest.raises(Refused) as refused:
        async with connect(app, "/echo", headers={"origin": "https://elsewhere.example"}):
            pass
    assert refused.value.status == 403


@pytest.mark.parametrize("path", ["/echo", "/flood", "/keep"])
@pytest.mark.parametrize("mode", ["st", "mt"])
async def test_peers_that_vanish_are_survived(path, mode):
    for _ in range(50):
        async with connect(app, path, runtime_mode=mode) as peer:
            for _ in range(random.randrange(3)):
                await peer.send_text("x")
            for _ in range(random.randrange(3)):
                await asyncio.sleep(0)
            await peer.abort()
            await peer.wait_ended()


async def test_peer_that_leaves_during_the_handshake():
    entered, accepting = asyncio.Event(), asyncio.Event()
    outcome: asyncio.Future[tuple[int, str, bool]] = asyncio.Future()
    late = App()

    @late.websocket("/late")
    async def handler(websocket):
        entered.set()
        await accepting.wait()
        try:
            await websocket.accept()
        except ConnectionClosed as closed:
            outcome.set_result((closed.code, closed.by, websocket.closed))
            raise

    async def enter():
        async with connect(late, "/late"):
            pass

    task = asyncio.create_task(enter())
    await entered.wait()
    task.cancel()
    accepting.set()
    assert await asyncio.wait_for(outcome, 5) == (1006, "lost", True)
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()


async def test_refusal_of_a_peer_that_has_left():
    """Answered for nobody, and survived."""
    entered, ends, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    late = App()

    @late.websocket("/late")
    async def handler(websocket):
        entered.set()
        await ends.wait()
        await websocket.deny(404)
        ended.set()

    async def enter():
        async with connect(late, "/late"):
            pass

    task = asyncio.create_task(enter())
    await entered.wait()
    task.cancel()
    ends.set()
    await asyncio.wait_for(ended.wait(), 5)
    await asyncio.wait({task}, timeout=5)
    assert task.cancelled()


@pytest.mark.servers("granian-rsgi")
async def test_http_and_websockets_through_one_door(serve):
    running = serve("handlers:app", APPS)
    response = await running.request("GET", "/http")
    assert (response.status, response.json()) == (200, {"path": "/http"})
    async with running.connect("/echo") as peer:
        await peer.send_text("x")
        assert await peer.receive_text() == "x"


@pytest.mark.parametrize("mode", ["st", "mt"])
async def test_cancelled_receives_lose_nothing(mode):
    got: list[str] = []
    hurried = App()
    cancelled = 0

    @hurried.websocket("/")
    async def handler(websocket):
        nonlocal cancelled
        await websocket.accept()
        while len(got) < 500:
            reader = asyncio.create_task(websocket.receive_text())
            for _ in range(random.randrange(6)):
                await asyncio.sleep(0)
            reader.cancel()
            await asyncio.wait({reader})
            if reader.cancelled():
                cancelled += 1
            else:
                got.append(reader.result())
        await websocket.send_text("enough")

    async with connect(hurried, "/", runtime_mode=mode) as peer:
        for number in range(500):
            await peer.send_text(str(number))
            for _ in range(random.randrange(6)):
                await asyncio.sleep(0)
        assert await peer.receive_text() == "enough"
    assert got == [str(number) for number in range(500)]
    assert cancelled > 50, "the race was none"


async def test_sends_keep_their_order_in_mt():
    ordered = App()

    @ordered.websocket("/")
    async def handler(websocket):
        await websocket.accept()
        async with asyncio.TaskGroup() as tasks:
            for number in range(300):
                tasks.create_task(websocket.send_text(str(number)))

    async with connect(ordered, "/", runtime_mode="mt") as peer:
        assert [int(await peer.receive_text()) for _ in range(300)] == list(range(300))


async def test_bytes_and_empty_messages_pass():
    async with connect(app, "/echo") as peer:
        for data in ("", "é", "\0"):
            await peer.send_text(data)
            assert await peer.receive_text() == data
        for content in (b"", b"\xff"):
            await peer.send_bytes(content)
            assert await peer.receive_bytes() == content


@pytest.mark.parametrize("leave", ["close", "abort"])
async def test_tcp_ends_after_the_handler_though_the_app_keeps_the_websocket(leave):
    kept.clear()
    async with connect(app, "/keep") as peer:
        await peer.send_text("x")
        await peer.receive_text()
        await getattr(peer, leave)()
        assert await peer.wait_ended()
    assert kept[0].closed


@pytest.mark.parametrize("reads", [True, False])
async def test_close_of_the_peer_is_answered_while_the_handler_goes_on(reads):
    """Granian answers, and ends TCP, only if told to close as well and its transport object is freed."""
    goes_on, ends = App(), asyncio.Event()

    @goes_on.websocket("/")
    async def handler(websocket):
        await websocket.accept()
        if reads:
            async for _ in websocket:
                pass
        await ends.wait()

    gc.disable()  # No cycle may hold it.
    try:
        async with connect(goes_on, "/") as peer:
            await peer.ping()
            await peer.close(4000)
            await peer.wait_close_answered()
            assert await peer.wait_ended()
            ends.set()
    finally:
        gc.enable()


async def test_posts_that_meet_the_peers_end_raise_nothing(caplog):
    """Our close waits for what was queued before it; the peer's close comes in between."""
    slow = App()

    @slow.websocket("/")
    async def handler(websocket):
        await websocket.accept()
        for number in range(200):
            websocket._outbox.post(str(number), 1, "disconnect")
        await websocket.close()

    async with connect(slow, "/") as peer:
        assert await peer.receive_text() == "0"
        await peer.close()
        await peer.wait_ended()
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
