"""Members of rooms, each over a transport that plays its peer."""

from __future__ import annotations

from collections.abc import Sized

from anysocket import WebSocketManager
from core.fake_transport import FakeTransport, accepted


async def add(manager: WebSocketManager, id: str, *rooms: str, user: str | None = None) -> FakeTransport:
    """A new member of these rooms; its transport plays its peer."""
    transport = FakeTransport(f"/{id}")
    manager.add_connection(id, await accepted(transport), user=user)
    for room in rooms:
        manager.join_room(id, room)
    return transport


def is_empty(manager: WebSocketManager) -> bool:
    """Nothing is kept of anybody, in any of its books."""
    books = [
        vars(book)
        for book in (manager, manager._rooms, manager._users, manager._events, manager._gate._inside)
    ]
    return not any(value for book in books for value in book.values() if isinstance(value, Sized))
