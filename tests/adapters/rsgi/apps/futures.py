"""Probes of the futures that Granian's calls return."""

from __future__ import annotations

import asyncio
from typing import Any

from records import TIMEOUT, Record, content, outcome, outcome_of


async def future(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    pending = transport.receive()
    coroutine = {
        "blocking": pending._asyncio_future_blocking,
        "isfuture": asyncio.isfuture(pending),
        "get_loop": pending.get_loop() is asyncio.get_running_loop(),
        "await is itself": pending.__await__() is pending and iter(pending) is pending,
        "next is itself": next(pending) is pending,
        "create_task": outcome_of(asyncio.get_running_loop().create_task, pending),
        "pending": [
            pending.done(),
            pending.cancelled(),
            outcome_of(pending.result),
            outcome_of(pending.exception),
        ],
        "remove": pending.remove_done_callback(print),
    }
    await transport.send_str("go on")
    await until_done(pending)  # It was never awaited, and started all the same.
    data = pending.result().data
    done = {
        "done": [pending.done(), pending.cancelled(), pending.cancel(), data, pending.exception()],
        "awaited twice": [(await pending).data, (await pending).data],
    }
    record.tell({**coroutine, **done})


async def until_done(future: Any) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not future.done():
            await asyncio.sleep(0)


async def callbacks(scope: Any, protocol: Any, record: Record) -> None:
    transport = await protocol.accept()
    pending = transport.receive()
    called: list[object] = []
    pending.add_done_callback(lambda future: called.append("first"))
    pending.add_done_callback(lambda future: called.append("second"), context=None)
    await transport.send_str("go on")
    await until_done(pending)
    pending.add_done_callback(lambda future: called.append("after the end"))
    while len(called) < 2:
        await asyncio.sleep(0)
    removed = transport.receive()
    removed.add_done_callback(lambda future: called.append("removed"))
    removed.remove_done_callback(print)
    await transport.send_str("go on")
    await until_done(removed)
    await asyncio.sleep(0.01)
    record.tell(called)


async def cancel(scope: Any, protocol: Any, record: Record) -> None:
    """Cancelled before anything came: nothing is lost."""
    transport = await protocol.accept()
    pending = transport.receive()
    called: list[object] = []
    pending.add_done_callback(lambda future: called.append(type(future).__name__ == type(pending).__name__))
    await asyncio.sleep(0.01)
    seen = [pending.cancel(), pending.cancel("again"), pending.done(), pending.cancelled()]
    seen += [outcome_of(pending.result), outcome_of(pending.exception)]
    await asyncio.sleep(0.01)
    await transport.send_str("go on")
    record.tell([seen, called, await content(transport)])


async def cancelled_readers(scope: Any, protocol: Any, record: Record) -> None:
    """Readers that are cancelled when their message is there: how many messages of 50 are lost."""
    transport = await protocol.accept()
    read = 0
    for _ in range(50):
        pending = transport.receive()
        reader = asyncio.create_task(outcome(pending))
        await asyncio.sleep(0)
        await transport.send_str("next")
        await until_done(pending)
        reader.cancel()
        await asyncio.wait({reader})
        read += not reader.cancelled()
    record.tell({"some are lost": read < 50})
