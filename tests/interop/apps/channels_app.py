"""Django with Channels: a view, and a chat consumer whose groups are in the in-memory layer."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="not a secret",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["channels"],
    USE_TZ=True,
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
)
django.setup()

from channels.generic.websocket import AsyncJsonWebsocketConsumer, WebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402

from anysocket_rsgi import from_asgi  # noqa: E402


def shout(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"method": request.method, "body": request.body.decode().upper()})


class Chat(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        self.room = self.scope["url_route"]["kwargs"]["room"]
        if self.room == "closed":
            await self.close()
            return
        await self.channel_layer.group_add(self.room, self.channel_name)
        await self.accept()
        await self.send_json({"joined": self.room})

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        await self.channel_layer.group_send(self.room, {"type": "said", "text": content["say"]})

    async def said(self, event: dict[str, Any]) -> None:
        await self.send_json({"said": event["text"]})

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_send(self.room, {"type": "said", "text": "somebody left"})
        await self.channel_layer.group_discard(self.room, self.channel_name)


class Echo(WebsocketConsumer):
    """Runs in threads."""

    def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self.send(text_data=text_data, bytes_data=bytes_data)


urlpatterns = [path("shout", shout)]
websockets = URLRouter([path("chat/<room>", Chat.as_asgi()), path("echo", Echo.as_asgi())])
app = from_asgi(
    ProtocolTypeRouter({"http": get_asgi_application(), "websocket": AllowedHostsOriginValidator(websockets)})
)
