"""RSGI without a framework, as one writes it for Granian: a chat with its HTTP side."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from anysocket_asgi import from_rsgi

JSON = [("content-type", "application/json")]


class Chat:
    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.rooms: dict[str, set[Any]] = {}
        self.greeting = loop.run_until_complete(self.load())

    async def load(self) -> str:
        await asyncio.sleep(0)
        return "welcome"

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        if scope.proto == "http":
            await self.respond(scope, protocol)
        else:
            await self.talk(scope.path.removeprefix("/rooms/"), protocol)

    async def respond(self, scope: Any, protocol: Any) -> None:
        if scope.path == "/say" and scope.method == "POST":
            said = json.loads(await protocol())
            await self.say(said["room"], said["text"])
            protocol.response_empty(204, [])
        elif scope.path == "/file":
            protocol.response_file(200, [("content-type", "text/x-python")], __file__)
        elif scope.path == "/stream":
            transport = protocol.response_stream(200, [("content-type", "text/plain")])
            for number in range(3):
                await transport.send_str(f"{number},")
        elif scope.path == "/sizes":
            sizes = [len(chunk) async for chunk in protocol]
            protocol.response_str(200, JSON, json.dumps(sum(sizes)))
        else:
            protocol.response_str(404, JSON, json.dumps({"missing": scope.path}))

    async def say(self, room: str, text: str) -> None:
        for transport in list(self.rooms.get(room, ())):
            await transport.send_str(text)

    async def talk(self, room: str, protocol: Any) -> None:
        if room == "closed":
            protocol.close(404)
            return
        transport = await protocol.accept()
        members = self.rooms.setdefault(room, set())
        members.add(transport)
        try:
            await transport.send_str(self.greeting)
            while (message := await transport.receive()).kind:
                if message.kind == 1:  # bytes
                    await transport.send_bytes(message.data)
                else:
                    await self.say(room, message.data)
        finally:
            members.remove(transport)


chat = Chat()
app = from_rsgi(chat)
