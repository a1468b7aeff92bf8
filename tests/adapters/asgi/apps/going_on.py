"""Handlers that go on after their peer has closed."""

import asyncio

from anysocket import App

app = App()
LONG = 8.0


@app.websocket("/sleeps")
async def sleeps(websocket):
    await websocket.accept()
    await asyncio.sleep(LONG)


@app.websocket("/reads-to-the-end")
async def reads_to_the_end(websocket):
    await websocket.accept()
    async for _ in websocket:
        pass
    await asyncio.sleep(LONG)


@app.websocket("/closes")
async def closes(websocket):
    await websocket.accept()
    await websocket.close(4001)
    await asyncio.sleep(LONG)
