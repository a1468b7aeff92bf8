"""RSGI apps that fail to start or to stop."""

from __future__ import annotations

import asyncio
from typing import Any

from anysocket_asgi import from_rsgi


class Fails:
    def __init__(self, start: BaseException | None = None, stop: BaseException | None = None) -> None:
        self.start = start
        self.stop = stop

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.start is not None:
            raise self.start

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.stop is not None:
            raise self.stop

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        protocol.response_str(200, [], "served")


raises = from_rsgi(Fails(LookupError("no database")))
refuses = from_rsgi(Fails(SystemExit("not with this configuration")))
fails_to_stop = from_rsgi(Fails(stop=LookupError("cannot leave")))
