"""The same echo three times: raw RSGI, raw ASGI, anysocket."""

from __future__ import annotations

from typing import Any

from anysocket import App, WebSocket


async def raw_asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        text = event.get("text")
        if text is not None:
            await send({"type": "websocket.send", "text": text})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})


async def raw_rsgi(scope: Any, protocol: Any) -> None:
    transport = await protocol.accept()
    while True:
        message = await transport.receive()
        if message.kind == 2:
            await transport.send_str(message.data)
        elif message.kind == 1:
            await transport.send_bytes(message.data)
        else:
            protocol.close()
            return


# As large as what the Autobahn suite sends.
app = App(max_message_bytes=1 << 26)


@app.websocket("/")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message.data)
