"""All of a user's devices."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from anysocket import WebSocketManager
from core.fake_transport import FakeTransport, accepted, settle
from core.members import add, is_empty


@pytest.fixture
def manager() -> WebSocketManager:
    return WebSocketManager()


async def test_a_message_to_a_user_reaches_every_device_and_nobody_else(manager: WebSocketManager) -> None:
    phone, laptop = [await add(manager, id, user="ada") for id in ("phone", "laptop")]
    bob, nobody = await add(manager, "bob", user="bob"), await add(manager, "nobody")
    ada = manager.user("ada")
    assert ada.connections == {"phone", "laptop"}
    assert await ada.send("hello") == 2
    assert await ada.send(b"\x00", exclude="phone") == 1
    assert (phone.sent, laptop.sent, bob.sent, nobody.sent) == (["hello"], ["hello", b"\x00"], [], [])
    assert "ada" in repr(ada) and "2" in repr(ada)


async def test_a_user_who_is_not_there(manager: WebSocketManager) -> None:
    eve = manager.user("eve")
    assert eve.connections == set()
    assert await eve.send("anybody?") == 0
    assert await eve.disconnect() == 0
    with pytest.raises(TypeError):
        await eve.send(None)  # type: ignore[arg-type]


async def test_disconnecting_a_user_closes_every_device(manager: WebSocketManager) -> None:
    devices = [await add(manager, id, user="ada") for id in ("phone", "laptop")]
    await add(manager, "bob", user="bob")
    with pytest.raises(ValueError, match="must not be sent"):
        await manager.user("ada").disconnect(1005)
    assert await manager.user("ada").disconnect(4001, "signed out") == 2
    assert [device.close_frame for device in devices] == [(4001, "signed out")] * 2
    assert list(manager.connections) == ["bob"]


async def test_a_user_goes_with_the_last_device(manager: WebSocketManager) -> None:
    phone, laptop = [await add(manager, id, user="ada") for id in ("phone", "laptop")]
    phone.peer_is_lost()
    await settle()
    assert manager.user("ada").connections == {"laptop"}
    laptop.peer_closes()
    await settle()
    del phone, laptop
    gc.collect()
    assert is_empty(manager)


async def test_slow_devices_have_the_managers_policy_or_one_for_the_message(
    manager: WebSocketManager,
) -> None:
    manager = WebSocketManager(max_outbox_messages=1, policy="drop_newest")
    phone = await add(manager, "phone", user="ada")
    phone.hold_sends()
    ada = manager.user("ada")
    assert [await ada.send(data) for data in "abc"] == [1, 1, 0]
    assert await ada.send("d", policy="disconnect") == 0
    assert not manager.connections


@pytest.mark.parametrize("user", ["", 7, b"ada"])
async def test_a_user_is_a_string_that_is_not_empty(manager: WebSocketManager, user: Any) -> None:
    with pytest.raises(ValueError, match="a user must be a non-empty str"):
        manager.add_connection("phone", await accepted(FakeTransport()), user=user)
    assert is_empty(manager)


async def test_adding_again_does_not_change_the_user(manager: WebSocketManager) -> None:
    await add(manager, "phone", user="ada")
    phone = manager.connections["phone"]
    manager.add_connection("phone", phone, user="ada")
    manager.add_connection("phone", phone)
    with pytest.raises(ValueError, match="without user='bob'"):
        manager.add_connection("phone", phone, user="bob")
    assert manager.user("ada").connections == {"phone"}
