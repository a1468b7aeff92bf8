"""One node as a process: `python node.py URL NAME` publishes numbers, and prints what it hears as JSON."""

import asyncio
import contextlib
import json
import sys

from anysocket import BackplaneError, Gap, WebSocketManager
from core.members import add

PAUSE = 0.02


class Told(list[str | bytes]):
    """What the member is sent, printed."""

    def append(self, message: str | bytes) -> None:
        tell(json.loads(message))


def tell(what: object) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201


async def main(url: str, name: str) -> None:
    manager = WebSocketManager(backplane=url)
    manager.on_gap(tell_gap)
    await manager.backplane.start()
    member = await add(manager, name, "r")
    member.sent = Told()
    number = 0
    while True:
        number += 1
        with contextlib.suppress(BackplaneError):
            await manager.broadcast_to_room("r", json.dumps([name, number]), exclude=[name])
        await asyncio.sleep(PAUSE)


def tell_gap(gap: Gap) -> None:
    tell({"gap": gap.missed})


asyncio.run(main(*sys.argv[1:]))
