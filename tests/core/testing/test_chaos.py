"""A bad network that is the same in every run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

import anysocket_rsgi.testing
from anysocket import App, ConnectionClosed, Message, WebSocket, WebSocketManager
from anysocket._transport import Transport
from anysocket.testing import Chaos, Peer, check_transport, connect
from anysocket.testing.cases import CASES

END = "that was all"
app = App()
seen: list[Message | ConnectionClosed] = []


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message.data)


@app.websocket("/count/<int:count>")
async def count_up(websocket: WebSocket, count: int) -> None:
    await websocket.accept()
    for number in range(count):
        await websocket.send_text(str(number))
    await websocket.close(4000, END)


@app.websocket("/listen")
async def listen(websocket: WebSocket) -> None:
    """Keeps what comes, the end included."""
    seen.clear()
    await websocket.accept()
    try:
        while True:
            seen.append(await websocket.receive())
    except ConnectionClosed as closed:
        seen.append(closed)


@app.websocket("/wait")
async def wait(websocket: WebSocket) -> None:
    """Receives with timeouts that most messages miss."""
    await websocket.accept()
    while True:
        try:
            async with asyncio.timeout(0.002):
                message = await websocket.receive()
        except TimeoutError:
            continue
        await websocket.send(message.data)


async def numbers(peer: Peer) -> list[int]:
    """Everything that comes until the close or the loss."""
    got: list[int] = []
    try:
        while (message := await peer.receive()).type != "close":
            got.append(int(message.data))
    except ConnectionClosed:
        pass
    return got


# -- delays --


@pytest.mark.parametrize(("delay", "least"), [(0.01, 0.11), ((0.005, 0.015), 0.05)])
async def test_each_message_takes_its_time_each_way_and_order_is_kept(delay: Any, least: float) -> None:
    begun = time.monotonic()
    async with connect(app, "/echo", chaos=Chaos(delay=delay)) as peer:
        for number in range(10):
            await peer.send_text(str(number))
        assert [await peer.receive_text() for _ in range(10)] == [str(number) for number in range(10)]
    assert time.monotonic() - begun >= least


async def test_delayed_messages_survive_receives_that_are_cancelled() -> None:
    async with connect(app, "/wait", chaos=Chaos(seed=3, delay=(0.0, 0.006))) as peer:
        for number in range(50):
            await peer.send_text(str(number))
        assert [await peer.receive_text() for _ in range(50)] == [str(number) for number in range(50)]


# -- drops --


async def dropped(seed: int, path: str = "/count/200") -> list[int]:
    async with connect(app, path, chaos=Chaos(seed=seed, drop_to_peer=0.2)) as peer:
        got = await numbers(peer)
    return sorted(set(range(200)) - set(got))


async def test_a_share_of_what_is_sent_never_arrives_the_same_in_every_run() -> None:
    missing = await dropped(seed=1)
    assert 20 <= len(missing) <= 60
    assert await dropped(seed=1) == missing
    assert await dropped(seed=2) != missing


async def test_a_share_of_what_the_peer_sends_never_arrives() -> None:
    runs = []
    for _ in range(2):
        async with connect(app, "/listen", chaos=Chaos(seed=1, drop_to_app=0.5)) as peer:
            for number in range(100):
                await peer.send_text(str(number))
            await peer.close(4001, END)
        *messages, close, end = seen
        assert isinstance(close, Message) and (close.type, close.code) == ("close", 4001)
        assert isinstance(end, ConnectionClosed)
        runs.append([message.data for message in messages if isinstance(message, Message)])
    assert runs[0] == runs[1]
    assert 30 <= len(runs[0]) <= 70


async def test_drops_one_way_leave_the_other_way_alone() -> None:
    async with connect(app, "/listen", chaos=Chaos(drop_to_peer=1)) as peer:
        await peer.send_text("arrives")
    assert isinstance(seen[0], Message) and seen[0].data == "arrives"


async def test_delays_do_not_change_which_messages_are_dropped() -> None:
    async with connect(app, "/count/50", chaos=Chaos(seed=1, drop_to_peer=0.2, delay=(0, 0.001))) as peer:
        got = await numbers(peer)
    assert sorted(set(range(50)) - set(got)) == [number for number in await dropped(seed=1) if number < 50]


# -- a slow peer --


async def test_a_slow_peer_reads_so_many_messages_a_second() -> None:
    begun = time.monotonic()
    async with connect(app, "/count/21", chaos=Chaos(peer_rate=200)) as peer:
        assert await numbers(peer) == list(range(21))
    assert time.monotonic() - begun >= 20 / 200


async def test_a_peer_that_pauses_reads_on_after_it() -> None:
    begun = time.monotonic()
    async with connect(app, "/count/11", chaos=Chaos(peer_pauses=(5, 0.05))) as peer:
        assert await numbers(peer) == list(range(11))
    assert time.monotonic() - begun >= 2 * 0.05


async def test_a_room_drops_its_slow_member_and_no_other() -> None:
    app, manager = App(), WebSocketManager()

    @app.websocket("/")
    async def member(websocket: WebSocket) -> None:
        await websocket.accept()
        manager.add_connection(websocket.id, websocket)
        await websocket.wait_closed()

    async with connect(app, "/") as quick, connect(app, "/", chaos=Chaos(peer_pauses=(1, 0.2))) as slow:
        for number in range(1100):
            await manager.broadcast_to_all(str(number))
            assert await quick.receive_text() == str(number)
        assert await slow.receive_text() == "0"
        while (message := await slow.receive()).type == "text":
            pass
        assert (message.code, message.reason) == (1013, "slow consumer")


# -- a loss --


async def test_the_connection_is_lost_after_so_many_messages_both_ways() -> None:
    async with connect(app, "/echo", chaos=Chaos(lose_after=5)) as peer:
        for text in ("1", "2"):
            await peer.send_text(text)
            assert await peer.receive_text() == text
        await peer.send_text("3")
        with pytest.raises(ConnectionClosed) as closed:
            await peer.receive()
        assert (closed.value.code, closed.value.by) == (1006, "lost")


async def test_a_close_after_the_loss_does_not_reach_the_peer() -> None:
    app = App()

    @app.websocket("/")
    async def answer(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send(await websocket.receive_text())
        await websocket.close(4000, END)

    async with connect(app, "/", chaos=Chaos(lose_after=2)) as peer:
        await peer.send_text("1")
        assert await peer.receive_text() == "1"
        with pytest.raises(ConnectionClosed) as closed:
            await peer.receive()
    assert (closed.value.code, closed.value.by) == (1006, "lost")


async def test_the_app_is_told_of_the_loss() -> None:
    async with connect(app, "/listen", chaos=Chaos(lose_after=2)) as peer:
        await peer.send_text("1")
        await peer.send_text("2")
        with pytest.raises(ConnectionClosed):
            await peer.receive()
    assert [message.data for message in seen[:2] if isinstance(message, Message)] == ["1", "2"]
    assert isinstance(seen[2], ConnectionClosed) and (seen[2].code, seen[2].by) == (1006, "lost")


async def test_a_handler_that_only_sends_is_told_too() -> None:
    app = App()
    ends: list[ConnectionClosed] = []

    @app.websocket("/")
    async def send(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                await websocket.send_text("tick")
        except ConnectionClosed as closed:
            ends.append(closed)
        await websocket.close()

    async with connect(app, "/", chaos=Chaos(lose_after=3)) as peer:
        assert [await peer.receive_text() for _ in range(3)] == ["tick"] * 3
        with pytest.raises(ConnectionClosed):
            await peer.receive()
    assert [(closed.code, closed.by) for closed in ends] == [(1006, "lost")]


async def test_dropped_messages_count_and_a_loss_after_one_of_them_is_a_loss() -> None:
    async with connect(app, "/listen", chaos=Chaos(drop_to_app=1, lose_after=2)) as peer:
        await peer.send_text("1")
        await peer.send_text("2")
        with pytest.raises(ConnectionClosed):
            await peer.receive()
    assert [type(each) for each in seen] == [ConnectionClosed]


async def test_what_is_on_its_way_is_lost_as_well() -> None:
    app = App()
    received: list[Message] = []

    @app.websocket("/")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("1")
        await websocket.send_text("2")
        received.append(await websocket.receive())

    async with connect(app, "/", chaos=Chaos(delay=0.1, lose_after=2)) as peer:
        await peer.receive_text()
        await asyncio.sleep(0.05)
        await peer.send_text("does not arrive any more")
        await peer.receive_text()
        with pytest.raises(ConnectionClosed):
            await peer.receive()
    assert received == []


async def lost_after(seed: int) -> int:
    async with connect(app, "/count/100", chaos=Chaos(seed=seed, lose_after=(10, 50))) as peer:
        return len(await numbers(peer))


async def test_the_point_of_the_loss_is_chosen_by_the_seed() -> None:
    points = [await lost_after(seed) for seed in range(20)]
    assert all(10 <= point <= 50 for point in points)
    assert len(set(points)) > 5
    assert [await lost_after(seed) for seed in range(20)] == points


# -- around any transport --


class Chaotic(App):
    """An app whose connections are bad, whatever serves it."""

    async def serve(self, transport: Transport) -> None:
        await super().serve(Chaos(seed=1, drop_to_peer=0.2, delay=(0.0, 0.0001)).around(transport))


async def test_it_is_the_same_around_another_transport() -> None:
    chaotic = Chaotic()
    chaotic.websocket("/count/<int:count>")(count_up)
    async with anysocket_rsgi.testing.connect(chaotic, "/count/200") as peer:
        got = await numbers(peer)
    assert sorted(set(range(200)) - set(got)) == await dropped(seed=1)


async def test_a_loss_around_another_transport_is_one_to_the_app() -> None:
    class Lost(App):
        async def serve(self, transport: Transport) -> None:
            await super().serve(Chaos(lose_after=3).around(transport))

    lost = Lost()
    lost.websocket("/listen")(listen)
    async with anysocket_rsgi.testing.connect(lost, "/listen") as peer:
        for text in ("1", "2", "3"):
            await peer.send_text(text)
        await peer.receive_close()
    assert isinstance(seen[-1], ConnectionClosed) and (seen[-1].code, seen[-1].by) == (1006, "lost")
    assert len(seen) == 4


@pytest.mark.parametrize("chaos", [Chaos(), Chaos(seed=6, delay=(0.0, 0.002))], ids=["calm", "jitter"])
async def test_the_contract_holds_over_a_slow_network(chaos: Chaos) -> None:
    def chaotic(
        app: App, path: str, *, headers: Sequence[tuple[str, str]], subprotocols: Sequence[str]
    ) -> AbstractAsyncContextManager[Peer]:
        return connect(app, path, headers=headers, subprotocols=subprotocols, chaos=chaos)

    groups = {"messages", "closing", "lost", "misuse", "rooms"}
    assert await check_transport(chaotic, cases=[case for case in CASES if case.group in groups]) > 30


# -- bad values --


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"delay": -1}, "delay must be seconds of 0 or more, or a pair of them, the lower first; not -1"),
        ({"delay": (2, 1)}, r"the lower first; not \(2, 1\)"),
        ({"delay": "soon"}, "not 'soon'"),
        ({"delay": float("nan")}, "not nan"),
        ({"drop_to_app": 1.5}, "drop_to_app must be a share from 0 to 1, not 1.5"),
        ({"drop_to_peer": -0.1}, "drop_to_peer must be a share from 0 to 1, not -0.1"),
        ({"drop_to_peer": True}, "not True"),
        ({"peer_rate": 0}, "peer_rate must be messages per second, more than 0, not 0"),
        ({"peer_pauses": (0, 1)}, r"peer_pauses must be a pair: .* 1 or more, .* 0 or more; not \(0, 1\)"),
        ({"peer_pauses": (1, -1)}, r"not \(1, -1\)"),
        ({"peer_pauses": 5}, "not 5"),
        ({"lose_after": 0}, "lose_after must be a number of messages, 1 or more, or a pair of them"),
        ({"lose_after": (1, 2.5)}, r"not \(1, 2.5\)"),
    ],
)
def test_bad_values_are_told_with_their_bounds(values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Chaos(**values)
