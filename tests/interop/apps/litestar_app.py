"""Litestar: its channels plugin, a WebSocket listener and a validated body."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import Litestar, post, websocket_listener
from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend

from anysocket_rsgi import from_asgi


@dataclass
class News:
    text: str


@post("/news/{room:str}", status_code=202, sync_to_thread=False)
def publish(room: str, data: News, channels: ChannelsPlugin) -> dict[str, str]:
    channels.publish({"text": data.text}, room)
    return {"room": room}


@websocket_listener("/echo")
async def echo(data: dict[str, str]) -> dict[str, str]:
    return {key: value.upper() for key, value in data.items()}


channels = ChannelsPlugin(
    backend=MemoryChannelsBackend(history=1),
    arbitrary_channels_allowed=True,
    create_ws_route_handlers=True,
    ws_handler_base_path="/channels",
)
app = from_asgi(Litestar([publish, echo], plugins=[channels]))
