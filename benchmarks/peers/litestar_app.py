"""Litestar, with its channels: a subscription for each member, run in the background as documented."""

from typing import Any

from litestar import Litestar, WebSocket, websocket
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend
from litestar.exceptions import WebSocketDisconnect

Socket = WebSocket[Any, Any, Any]


@websocket("/")
async def echo(socket: Socket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text(await socket.receive_text())
    except WebSocketDisconnect:
        pass


@websocket("/rooms/{room:str}")
async def member(socket: Socket, room: str, channels: ChannelsPlugin) -> None:
    await socket.accept()
    try:
        async with (
            channels.start_subscription(room) as subscriber,
            subscriber.run_in_background(socket.send_text),
        ):
            while True:
                await channels.wait_published(await socket.receive_text(), room)
    except WebSocketDisconnect:
        pass


app = Litestar(
    [echo, member], plugins=[ChannelsPlugin(MemoryChannelsBackend(), arbitrary_channels_allowed=True)]
)
