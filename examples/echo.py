"""Echo: every message comes back as it was sent, text as text and bytes as bytes.

Run:  granian --interface rsgi examples.echo:app
  or  uvicorn examples.echo:app
Try:  python -m websockets ws://127.0.0.1:8000/echo  and type a line
"""

from anysocket import App, WebSocket

app = App()


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message.data)
