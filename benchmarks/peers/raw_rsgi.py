"""The floor on RSGI: no library. A broadcast starts all sends together, then waits for them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

rooms: defaultdict[str, set[Any]] = defaultdict(set)


async def app(scope: Any, protocol: Any) -> None:
    transport = await protocol.accept()
    if scope.path.startswith("/rooms/"):
        await member(transport, rooms[scope.path])
    else:
        await echo(transport)
    protocol.close()


async def echo(transport: Any) -> None:
    while True:
        message = await transport.receive()
        if message.kind == 2:
            await transport.send_str(message.data)
        elif message.kind == 1:
            await transport.send_bytes(message.data)
        else:
            return


async def member(transport: Any, room: set[Any]) -> None:
    room.add(transport)
    try:
        while (message := await transport.receive()).kind == 2:
            # Granian's futures start at the call: this is what gather() does, without its tasks.
            for sent in [other.send_str(message.data) for other in room]:
                await sent
    finally:
        room.discard(transport)
