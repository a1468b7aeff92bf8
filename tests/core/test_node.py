"""Broadcasts between processes, each a manager here; and what becomes of them in trouble."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from anysocket import (
    BackplaneError,
    Gap,
    PartitionError,
    WebSocketManager,
    _census,
    _node,
    _publishing,
    conflate,
)
from anysocket._envelope import Envelope, Kind
from anysocket._link import Link
from anysocket.testing import MemoryHub
from core.fake_transport import settle
from core.members import add
from core.nodes import nodes, until


@pytest.fixture
def hub() -> MemoryHub:
    return MemoryHub()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a second takes a moment."""
    monkeypatch.setattr(_node, "BEAT", 0.02)
    monkeypatch.setattr(_census, "MISSING", 0.2)
    monkeypatch.setattr(_node, "BACKOFF", 0.01)
    monkeypatch.setattr(_node, "MAX_BACKOFF", 0.05)
    monkeypatch.setattr(_node, "ACQUAINTED", 0.02)


async def join(manager: WebSocketManager, id: str, *rooms: str, user: str | None = None) -> list[Any]:
    """A member whom broadcasts of other nodes reach; what is sent to its peer."""
    transport = await add(manager, id, user=user)
    for room in rooms:
        await manager.join_room(id, room)
    return transport.sent


async def test_a_broadcast_reaches_the_room_on_all_nodes(hub: MemoryHub) -> None:
    async with nodes(hub, 3) as ((a, b, c), _):
        ann, bob, cat = await join(a, "ann", "r"), await join(b, "bob", "r"), await join(c, "cat", "other")
        assert await a.broadcast_to_room("r", "text") == 1
        assert await c.broadcast_to_room("r", b"bytes") == 0
        assert await b.broadcast_to_all("all", exclude=["ann"]) == 1
        await until(lambda: len(ann) == 2 and len(bob) == 3 and len(cat) == 1)
        # No order is promised between publishers.
        assert (set(ann), set(bob), cat) == ({"text", b"bytes"}, {"text", b"bytes", "all"}, ["all"])


async def test_several_rooms_at_once_are_one_message_to_each_member(hub: MemoryHub) -> None:
    async with nodes(hub, 2) as ((a, b), _):
        both, one, none = (
            await join(b, "both", "r", "s"),
            await join(b, "one", "s"),
            await join(b, "none", "t"),
        )
        await a.broadcast_to_rooms(["nobody", "s", "r", "r"], "x", exclude=["none"])
        await a.broadcast_to_rooms([], "nobody")
        await a.broadcast_to_rooms(["r", "s"], "y", exclude="one")
        await a.broadcast_to_all("end")
        await until(lambda: len(none) == 1)
        assert (both, one, none) == (["x", "y", "end"], ["x", "end"], ["end"])


async def test_order_is_kept_for_a_publisher(hub: MemoryHub) -> None:
    async with nodes(hub, 3) as ((a, b, c), _):
        received = await join(c, "cat", "r")
        for number in range(300):
            await a.broadcast_to_room("r", f"a {number}")
            await b.broadcast_to_room("r", f"b {number}")
        await until(lambda: len(received) == 600)
        for name in "ab":
            assert [text for text in received if text[0] == name] == [f"{name} {n}" for n in range(300)]


async def test_only_rooms_with_members_here_are_followed(hub: MemoryHub) -> None:
    async with nodes(hub, 2) as ((_, b), planes):
        await join(b, "bob", "r", "s")
        await join(b, "eve", "r")
        assert {topic for topic in planes[1]._topics if "/room/" in topic} == {
            "anysocket/room/r",
            "anysocket/room/s",
        }
        b.leave_room("eve", "r")
        b.remove_connection("bob")
        await until(lambda: not {topic for topic in planes[1]._topics if "/room/" in topic})


async def test_a_policy_of_a_broadcast_holds_everywhere_and_none_waits_there(hub: MemoryHub) -> None:
    async with nodes(hub, 2, max_outbox_messages=1) as ((a, b), _):
        slow = await add(b, "slow")
        await b.join_room("slow", "r")
        slow.hold_sends()
        for text in "abc":
            await a.broadcast_to_room("r", text, policy="drop_oldest")
        await a.broadcast_to_room("r", "d", policy=conflate(len))
        other = await join(b, "other", "r")
        await a.broadcast_to_room("r", "e", policy="block")
        await until(lambda: other[-1:] == ["e"])
        assert "slow" not in b.connections, "it was too slow for a message that may not be dropped"


async def test_send_to_and_disconnect_find_a_connection_wherever_it_is(hub: MemoryHub) -> None:
    async with nodes(hub, 3) as ((a, b, _), _planes):
        bob = await add(b, "bob")
        assert await a.send_to("bob", "hello") and await b.send_to("bob", b"you")
        assert not await a.send_to("nobody", "hello")
        assert bob.sent == ["hello", b"you"]
        assert not await a.disconnect("nobody")
        with pytest.raises(ValueError, match="must not be sent"):
            await a.disconnect("bob", 1005)
        assert await a.disconnect("bob", 4000, "bye")
        await until(lambda: bob.close_frame == (4000, "bye"))


async def test_the_devices_of_a_user_are_anywhere(hub: MemoryHub) -> None:
    async with nodes(hub, 2) as ((a, b), _):
        phone, laptop = await add(a, "phone", user="ada"), await add(b, "laptop", user="ada")
        assert await a.user("ada").send("hello") == 2
        assert await b.user("ada").send("not you", exclude="phone") == 1
        assert (phone.sent, laptop.sent) == (["hello"], ["hello", "not you"])
        assert await a.user("ada").disconnect(4001) == 2
        await until(lambda: not b.connections)
        assert await a.user("ada").send("anybody?") == 0


async def test_what_is_asked_of_all_is_put_together(hub: MemoryHub) -> None:
    async with nodes(hub, 3) as ((a, b, c), planes):
        await join(a, "ann", "r")
        await join(b, "bob", "r", "s")
        count, members = await c.count("r"), await c.members("r")
        assert (count.value, count.answered, count.nodes, count.complete) == (2, 3, 3, True)
        assert members.value == {"ann", "bob"}
        assert (await a.rooms_everywhere()).value == {"r": 2, "s": 1}
        planes[1].partition()
        count = await c.count("r", timeout=0.05)
        assert (count.value, count.answered, count.nodes, count.complete) == (1, 2, 3, False)


@pytest.mark.usefixtures("quick")
async def test_who_leaves_or_dies_is_not_waited_for(hub: MemoryHub) -> None:
    async with nodes(hub, 3) as ((a, b, _), planes):
        await b.backplane.stop()
        await until(lambda: a.backplane.statistics.nodes == 2)
        planes[2].partition()
        await until(lambda: a.backplane.statistics.nodes == 1)
        assert (await a.count("r")).complete
        planes[2].heal()
        await until(lambda: a.backplane.statistics.nodes == 2)


@pytest.mark.usefixtures("quick")
async def test_what_was_lost_is_told_by_the_next_message(
    hub: MemoryHub, caplog: pytest.LogCaptureFixture
) -> None:
    gaps: list[Gap] = []
    async with nodes(hub, 2) as ((a, b), planes):
        b.on_gap(gaps.append)
        received = await join(b, "bob", "r", "s")
        await a.broadcast_to_room("r", "1")
        await until(lambda: received == ["1"])
        planes[1].partition()
        for text in "23":
            await a.broadcast_to_room("r", text)
        await a.broadcast_to_all("4")
        await a.broadcast_to_room("s", "5")
        await until(lambda: a.backplane.statistics.queued == 0)
        planes[1].heal()
        await a.broadcast_to_room("r", "6")
        await until(lambda: received == ["1", "6"])
        assert [(gap.rooms, gap.missed) for gap in gaps] == [(frozenset({"r"}), 2)]
        assert gaps[0].node is not None
        assert b.backplane.statistics.missed == 2
    assert "missed" in caplog.text


@pytest.mark.usefixtures("quick")
async def test_down_and_up_again(hub: MemoryHub, caplog: pytest.LogCaptureFixture) -> None:
    gaps: list[Gap] = []
    async with nodes(hub, 2) as ((a, b), _):
        b.on_gap(gaps.append)
        ann, bob = await join(a, "ann", "r"), await join(b, "bob", "r")
        hub.fail()
        await until(lambda: not a.backplane.up and not b.backplane.up)
        with pytest.raises(BackplaneError, match="down"):
            await a.broadcast_to_room("r", "down")
        assert ann == ["down"], "local members are served"
        for call in (a.send_to("bob", "x"), a.user("eve").send("x"), a.count("r")):
            with pytest.raises(BackplaneError):
                await call
        assert await a.send_to("ann", "local")
        late = b.join_room("bob", "late")
        hub.restore()
        await until(lambda: a.backplane.up and b.backplane.up)
        await late
        await a.broadcast_to_room("late", "back")
        await until(lambda: bob == ["back"])
        assert Gap(frozenset({"r", "late"}), None, None) in gaps
        await a.broadcast_to_room("r", "again")
        await until(lambda: bob == ["back", "again"])
        assert a.backplane.statistics.dropped == 1 and a.backplane.statistics.restarts > 0
    assert [record.levelname for record in caplog.records if "backplane is" in record.message][:2] == [
        "ERROR"
    ] * 2


@pytest.mark.usefixtures("quick")
async def test_down_may_be_no_error(hub: MemoryHub) -> None:
    async with nodes(hub, 2, on_down="local") as ((a, _), _planes):
        ann = await join(a, "ann", "r")
        hub.fail()
        await until(lambda: not a.backplane.up)
        assert await a.broadcast_to_room("r", "x") == 1
        assert not await a.send_to("bob", "x")
        assert await a.user("eve").send("x") == 0
        count = await a.count("r")
        assert (count.value, count.answered, count.nodes, count.complete) == (1, 1, None, False)
        assert ann == ["x"] and a.backplane.statistics.dropped == 1


@pytest.mark.usefixtures("quick")
async def test_what_begins_down_comes_up(hub: MemoryHub) -> None:
    hub.fail()
    a, b = (WebSocketManager(backplane=hub.connect()) for _ in range(2))
    received = await add(b, "bob", "r")
    await a.backplane.start()
    assert not a.backplane.up
    hub.restore()
    await asyncio.wait_for(_wait(b.join_room("bob", "r")), 5)
    await until(lambda: a.backplane.up)
    await a.broadcast_to_room("r", "x")
    await until(lambda: received.sent == ["x"])
    await asyncio.gather(a.backplane.stop(), b.backplane.stop())


async def test_what_is_published_before_it_has_started_is_kept(hub: MemoryHub) -> None:
    async with nodes(hub, 1) as ((b,), _):
        received = await join(b, "bob", "r")
        a = WebSocketManager(backplane=hub.connect())
        await a.broadcast_to_room("r", "first")
        await until(lambda: received == ["first"])
        await a.backplane.stop()


async def test_what_waits_is_published_before_it_leaves(hub: MemoryHub) -> None:
    async with nodes(hub, 2) as ((a, b), _):
        received = await join(b, "bob", "r")
        for number in range(500):
            await a.broadcast_to_room("r", str(number))
        await a.backplane.stop()
        await until(lambda: len(received) == 500)


class Slow:
    """A backplane that takes nothing until it may."""

    max_bytes: int | None = None

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.taken: list[bytes] = []
        self.fails: BaseException | None = None

    async def start(self, listener: Any) -> None: ...

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        await self.free.wait()
        if self.fails is not None:
            raise self.fails
        self.taken += [data for _, data in messages]

    async def subscribe(self, topics: Any) -> None: ...

    async def unsubscribe(self, topics: Any) -> None: ...

    async def health(self) -> None: ...

    async def stop(self) -> None:
        raise OSError("nor does it stop")


async def test_a_slow_backplane_holds_back_publishers_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_publishing, "MAX_MESSAGES", 10)
    monkeypatch.setattr(_node, "PUBLISH_TIMEOUT", 0.05)
    slow = Slow()
    manager = WebSocketManager(backplane=slow)
    local = await add(manager, "ann", "r")
    for number in range(10):
        await manager.broadcast_to_room("r", str(number))
    with pytest.raises(BackplaneError, match="too slow"):
        await _broadcast_on(manager)
    assert len(local.sent) > 10, "local members are served"
    assert manager.backplane.statistics.dropped == 1
    slow.free.set()
    await until(lambda: manager.backplane.statistics.queued == 0)
    await manager.broadcast_to_room("r", "again")
    await manager.backplane.stop()


async def _broadcast_on(manager: WebSocketManager) -> None:
    while True:
        await manager.broadcast_to_room("r", "more")


async def test_what_is_too_large_is_told_and_hurts_nobody() -> None:
    slow = Slow()
    slow.free.set()
    slow.max_bytes = 100
    manager = WebSocketManager(backplane=slow)
    await manager.backplane.start()
    with pytest.raises(BackplaneError, match="exceeds the backplane's 100"):
        await manager.broadcast_to_all("x" * 100)
    assert manager.backplane.up and manager.backplane.statistics.dropped == 1
    await manager.backplane.stop()


@pytest.mark.usefixtures("quick")
async def test_whatever_fails_is_started_anew(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()
    slow.free.set()
    manager = WebSocketManager(backplane=slow)
    await manager.backplane.start()
    slow.fails = OSError("broken")
    await manager.broadcast_to_all("lost")
    await until(lambda: not manager.backplane.up)
    assert "OSError: broken" in caplog.text
    slow.fails = None
    await until(lambda: manager.backplane.up)
    slow.taken.clear()
    await manager.broadcast_to_all("sent")
    await until(lambda: any(b"sent" in data for data in slow.taken))
    assert not any(b"lost" in data for data in slow.taken)
    await manager.backplane.stop()


@pytest.mark.usefixtures("quick")
async def test_who_reaches_some_of_the_others_goes_on_and_is_not_up(caplog: pytest.LogCaptureFixture) -> None:
    class Partly(Slow):
        missing = 1

        async def health(self) -> None:
            if self.missing:
                raise PartitionError(f"{self.missing} is missing")

    partly = Partly()
    partly.free.set()
    manager = WebSocketManager(backplane=partly)
    await manager.backplane.start()
    assert not manager.backplane.up and not manager.backplane.statistics.up
    await manager.broadcast_to_all("sent")
    await until(lambda: any(b"sent" in data for data in partly.taken))
    partly.missing = 0
    await until(lambda: manager.backplane.up)
    assert manager.backplane.statistics.restarts == 0
    told = [record.message for record in caplog.records if "backplane" in record.message]
    assert told == [
        "backplane does not reach everybody: 1 is missing",
        "backplane reaches everybody again",
    ]
    await manager.backplane.stop()


@pytest.mark.usefixtures("quick")
async def test_a_library_that_swallows_cancellations_is_ended_all_the_same() -> None:
    class Swallowing(Slow):
        async def health(self) -> None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.02)

    swallowing = Swallowing()
    manager = WebSocketManager(backplane=swallowing)
    await manager.backplane.start()
    for _ in range(5):
        swallowing.fails = OSError("broken")
        swallowing.free.set()
        await manager.broadcast_to_all("lost")
        await until(lambda: not manager.backplane.up)
        swallowing.fails = None
        await until(lambda: manager.backplane.up)
    await asyncio.wait_for(manager.backplane.stop(), 5)


async def test_a_backplane_that_takes_its_time_to_stop_is_waited_for() -> None:
    class Slowly(Slow):
        stopped = False

        async def stop(self) -> None:
            await asyncio.sleep(0.5)
            self.stopped = True

    slowly = Slowly()
    slowly.free.set()
    manager = WebSocketManager(backplane=slowly)
    await manager.backplane.start()
    await manager.backplane.stop()
    assert slowly.stopped


async def test_strangers_are_ignored_and_told_of_once(
    hub: MemoryHub, caplog: pytest.LogCaptureFixture
) -> None:
    async with nodes(hub, 2) as ((a, b), planes):
        received = await join(b, "bob", "r")
        room = "anysocket/room/r"
        for data in (b"", b"\x07 of the future", b"\x01\x01", b"\x01\xc8" + bytes(25)):
            await planes[0].publish([(room, data), ("anysocket/nodes", data)])
        await a.broadcast_to_room("r", "x")
        await until(lambda: received == ["x"])
    assert len([record for record in caplog.records if "ignored" in record.message]) == 1


async def test_what_comes_twice_or_too_late_is_not_delivered(hub: MemoryHub) -> None:
    """A backplane may repeat itself, or still bring what was on its way when the last member left."""
    async with nodes(hub, 2) as ((a, b), planes):
        received = await join(b, "bob", "r")
        await join(b, "eve", "end")
        room, twice = "anysocket/room/r", Envelope(Kind.MESSAGE, b"another!", 5, "x").pack()
        await planes[0].publish([(room, twice), (room, twice)])
        await a.broadcast_to_room("end", "sent")
        await until(lambda: received == ["x"])
        assert isinstance(b._link, Link)
        incoming = b._link._node().incoming
        b.leave_room("bob", "r")
        incoming._take(room, Envelope(Kind.MESSAGE, b"another!", 6, "late").pack())
        await settle()
        assert received == ["x"]
        assert b.backplane.statistics.received == 2


async def test_whoever_waits_as_the_backplane_goes_down_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_publishing, "MAX_MESSAGES", 10)
    slow = Slow()
    manager = WebSocketManager(backplane=slow)
    await add(manager, "ann", "r")
    await manager.backplane.start()
    waiting = asyncio.create_task(_broadcast_on(manager))
    await until(lambda: manager.backplane.statistics.queued >= 11)
    slow.fails = OSError("gone")
    slow.free.set()
    with pytest.raises(BackplaneError, match="down"):
        await waiting
    assert manager.backplane.statistics.dropped == 1
    await manager.backplane.stop()
    await manager.backplane.stop()  # Stopping again does nothing.


async def test_a_message_that_cannot_be_delivered_hurts_nobody(
    hub: MemoryHub, caplog: pytest.LogCaptureFixture
) -> None:
    async with nodes(hub, 2) as ((a, b), _):
        b.max_outbox_bytes = 10
        received = await join(b, "bob", "r")
        await a.broadcast_to_room("r", "x" * 11)
        await a.broadcast_to_room("r", "x")
        await until(lambda: received == ["x"])
    assert any(record.levelno == logging.ERROR for record in caplog.records)


async def test_a_question_that_is_none_hurts_nobody(hub: MemoryHub, caplog: pytest.LogCaptureFixture) -> None:
    async with nodes(hub, 2) as ((a, b), planes):
        await join(b, "bob", "r")
        for kind, names in ((Kind.COUNT, ()), (Kind.DISCONNECT, ("bob",))):
            question = Envelope(kind, b"stranger", 1, '[7, "no such code"]', names)
            await planes[0].publish([("anysocket/nodes", question.pack())])
        await until(lambda: "a question of kind 9 with 0 names" in caplog.text)
        await until(lambda: "a connection could not be closed" in caplog.text)
        assert (await a.count("r")).value == 1


async def test_the_end_of_a_question_that_waits_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_publishing, "MAX_MESSAGES", 1)
    monkeypatch.setattr(_node, "PUBLISH_TIMEOUT", 0.05)
    slow = Slow()
    manager = WebSocketManager(backplane=slow)
    await manager.backplane.start()
    assert isinstance(manager._link, Link)
    manager._link._node().census.seen(b"somebody", 0)
    for _ in range(3):
        await manager.broadcast_to_all("x")
        await asyncio.sleep(0)
        if manager.backplane.statistics.queued > 0:
            break
    with pytest.raises(BackplaneError, match="too slow"):
        await manager.count("r")
    await manager.backplane.stop()


async def test_prefixes_keep_apps_apart() -> None:
    managers = [
        WebSocketManager(backplane=url)
        for url in ("memory://shared?prefix=one", "memory://shared?prefix=two", "memory://shared?prefix=one")
    ]
    received = [await join(manager, "id", "r") for manager in managers]
    await managers[0].broadcast_to_room("r", "x")
    await until(lambda: received[2] == ["x"])
    await settle()
    assert received == [["x"], [], ["x"]]
    await asyncio.gather(*(manager.backplane.stop() for manager in managers))


async def _wait(awaitable: Any) -> None:
    await awaitable
