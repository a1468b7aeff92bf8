"""The door: what uvicorn hands a connection to that asks for an upgrade."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast
from urllib.parse import unquote

from picows import WSListener, WSTransport
from uvicorn.config import Config
from uvicorn.protocols.utils import (
    ClientDisconnected,
    get_client_addr,
    get_local_addr,
    get_path_with_query_string,
    get_remote_addr,
    is_ssl,
)
from uvicorn.server import ServerState

from anysocket._scope import Headers, offered_subprotocols
from anysocket._transport import RawHeaders
from anysocket_asgi._entry import TRANSPORT
from anysocket_picows._arrivals import HIGH_WATER
from anysocket_picows._engine import engage, feed
from anysocket_picows._events import Events
from anysocket_picows._handshake import Handshake, Unacceptable
from anysocket_picows._transport import PicowsTransport

logger = logging.getLogger("uvicorn.error")


class WebSocketProtocol(asyncio.Protocol):
    """uvicorn's ``--ws``. Until the app accepts it is TCP's protocol, from then on picows is.

    uvicorn's settings hold: ``ws_max_size`` (bytes of a message), ``ws_ping_interval`` and
    ``ws_ping_timeout`` (seconds). Messages are never compressed, whatever ``ws_per_message_deflate`` says.
    """

    tcp: asyncio.Transport

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._config = config
        self._app_state = app_state
        self._loop = _loop or asyncio.get_running_loop()
        self._connections: set[Any] = server_state.connections
        self._tasks = server_state.tasks
        self._default_headers = server_state.default_headers
        self.max_message_bytes = config.ws_max_size
        self.ping_interval = config.ws_ping_interval
        self.ping_timeout = config.ws_ping_timeout
        self._handshake: Handshake | None = None
        self._scope: dict[str, Any] = {}
        self._events: Events | None = None
        self._engine: Any = None
        self._early = b""
        self._answered = False

    # -- of TCP, before the app has accepted --

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.tcp = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self._handshake is None:
            self._begin(Handshake(data))
        elif self._engine is not None:  # The app accepted before uvicorn was done handing over.
            feed(self._engine, data)
        else:  # RFC 6455 section 4.1 tells clients to wait for the answer, but not all do.
            self._early += data
            if len(self._early) > HIGH_WATER:
                self.tcp.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._engine is not None:
            self._engine.connection_lost(exc)
        elif self._events is not None:
            self._events.transport.lost()
        else:
            self.left()

    def shutdown(self) -> None:
        """uvicorn ends."""
        if self._engine is not None and self._events is not None:
            self._events.transport.shut_down()
        elif not self._answered:
            self.deny(500, [], b"Internal Server Error")

    # -- of the transport --

    def accept(self, listener: WSListener, subprotocol: str | None, headers: RawHeaders) -> WSTransport:
        """Answer with 101, and hand TCP over to picows."""
        handshake = self._handshake
        assert handshake is not None

        def response(token: str) -> bytes:
            return handshake.accept(token, subprotocol, [*self._default_headers, *headers])

        self._log("[accepted]")
        self._answered = True
        early, self._early = self._early, b""
        self._engine, transport = engage(
            self.tcp, listener, handshake.key, response, self.max_message_bytes, early
        )
        if len(early) > HIGH_WATER:
            self.tcp.resume_reading()
        return transport

    def deny(self, status: int, headers: RawHeaders, body: bytes) -> None:
        """Answer with another response, and end TCP."""
        assert self._handshake is not None
        response = self._handshake.refuse(status, [*self._default_headers, *headers], body)
        self._log(str(status))
        self._answered = True
        self.tcp.write(response)
        self.tcp.close()

    def left(self) -> None:
        """TCP has ended."""
        self._connections.discard(self)

    def _log(self, outcome: str) -> None:
        if self._scope:
            path = get_path_with_query_string(cast(Any, self._scope))
            logger.info('%s - "WebSocket %s" %s', get_client_addr(cast(Any, self._scope)), path, outcome)

    # -- the app --

    def _begin(self, handshake: Handshake) -> None:
        self._handshake = handshake
        try:
            handshake.check()
        except Unacceptable as error:
            self.deny(error.status, error.headers, str(error).encode())
            return
        transport = PicowsTransport(self)
        self._events = events = Events(transport)
        direct = {"receive": events.receive, "send": events.send, "transport": transport}
        self._scope = self._build_scope(handshake)
        self._scope["extensions"] = {"websocket.http.response": {}, TRANSPORT: direct}
        task = self._loop.create_task(self._run(events))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _build_scope(self, handshake: Handshake) -> dict[str, Any]:
        path, _, query_string = handshake.target.partition(b"?")
        root_path = self._config.root_path
        return {
            "type": "websocket",
            "asgi": {"version": self._config.asgi_version, "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self.tcp) else "ws",
            "server": get_local_addr(self.tcp),
            "client": get_remote_addr(self.tcp),
            "root_path": root_path,
            "path": root_path + unquote(path.decode("ascii")),
            "raw_path": root_path.encode("ascii") + path,
            "query_string": query_string,
            "headers": handshake.headers,
            "subprotocols": list(offered_subprotocols(Headers(handshake.headers))),
            "state": self._app_state.copy(),
        }

    async def _run(self, events: Events) -> None:
        """Call the app, and see to what it leaves undone."""
        code = 1000
        try:
            result: object = await cast(Any, self._config.loaded_app)(
                self._scope, events.receive, events.send
            )
        except ClientDisconnected:
            pass
        except BaseException:
            logger.exception("Exception in ASGI application\n")
            code = 1011
        else:
            if not self._answered:
                logger.error("ASGI callable returned without completing handshake.")
            elif result is not None:
                logger.error("ASGI callable should return None, but returned '%s'.", result)
        if self._answered:
            events.transport.start_close(code, "")
        elif not self.tcp.is_closing():
            self.deny(500, [], b"Internal Server Error")
