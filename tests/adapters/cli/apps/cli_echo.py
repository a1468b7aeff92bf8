"""What `anysocket serve` is given to serve."""

from anysocket import App

app = App()
app_with_subprotocol = App()


@app.get("/")
async def index(request):
    return "echo"


@app.websocket("/echo")
@app_with_subprotocol.websocket("/echo", subprotocols=["shout"])
async def echo(websocket):
    await websocket.accept()
    async for message in websocket:
        await websocket.send(message.data.upper() if websocket.subprotocol else message.data)


async def plain(scope, receive, send):
    """An ASGI app that knows nothing of anysocket."""
    if scope["type"] == "websocket":
        await app(scope, receive, send)


builtin = max
"""Stands for an ASGI app written in C: callable, and its arguments cannot be told."""
