"""Quart, with the Broker of its documentation's chat, one for each room."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator

from quart import Quart, websocket


class Broker:
    def __init__(self) -> None:
        self.connections: set[asyncio.Queue[str | bytes]] = set()

    async def publish(self, message: str | bytes) -> None:
        for connection in self.connections:
            await connection.put(message)

    async def subscribe(self) -> AsyncGenerator[str | bytes, None]:
        connection: asyncio.Queue[str | bytes] = asyncio.Queue()
        self.connections.add(connection)
        try:
            while True:
                yield await connection.get()
        finally:
            self.connections.remove(connection)


app = Quart(__name__)
brokers: defaultdict[str, Broker] = defaultdict(Broker)


@app.websocket("/")
async def echo() -> None:
    while True:
        await websocket.send(await websocket.receive())


async def receive(broker: Broker) -> None:
    while True:
        await broker.publish(await websocket.receive())


@app.websocket("/rooms/<room>")
async def member(room: str) -> None:
    broker = brokers[room]
    await websocket.accept()
    task = asyncio.ensure_future(receive(broker))
    try:
        async for message in broker.subscribe():
            await websocket.send(message)
    finally:
        task.cancel()
        await task
