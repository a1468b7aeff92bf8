"""The backplane in memory: what its trouble does not reach."""

from __future__ import annotations

from anysocket.testing import MemoryHub
from core.fake_transport import settle


class Listener:
    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.errors: list[BaseException] = []

    def received(self, topic: str, data: bytes) -> None:
        self.heard.append(data)

    def lost(self, error: BaseException) -> None:
        self.errors.append(error)


async def test_what_was_on_its_way_is_not_heard_after_the_stop() -> None:
    hub, listener = MemoryHub(), Listener()
    sender, backplane = hub.connect(), hub.connect()
    await sender.start(Listener())
    await backplane.start(listener)
    await backplane.subscribe(["topic"])
    await sender.publish([("topic", b"heard")])
    await settle()
    await sender.publish([("topic", b"late")])
    await backplane.stop()
    await settle()
    assert listener.heard == [b"heard"]


async def test_a_cut_tells_nobody_who_has_stopped() -> None:
    hub, listener = MemoryHub(), Listener()
    backplane = hub.connect()
    await backplane.start(listener)
    backplane.cut()
    await settle()
    await backplane.stop()
    backplane.cut()
    await settle()
    assert [str(error) for error in listener.errors] == ["cut off"]
