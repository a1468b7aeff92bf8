"""The app: routes, and the doors through which servers call it.

This is the composition root, the only core module that knows adapters, and it imports each of them
only when a server calls through its door.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, Literal, TypeVar

from anysocket._capability import Capability
from anysocket._drain import Drain, Live, check_seconds
from anysocket._errors import UnsupportedByTransport
from anysocket._heartbeat import Heartbeat
from anysocket._http_routes import RoutesHTTP
from anysocket._lifespan import Lifespan, LifespanManager
from anysocket._limits import Limits, gate_of_app
from anysocket._link import links_are_up, start_links, stop_links
from anysocket._log_fields import handler_name
from anysocket._observer import Observer, Observers
from anysocket._proxies import TrustedProxies
from anysocket._routing import (
    ASGIApp,
    Mount,
    Router,
    WebSocketHandler,
    WebSocketRoute,
)
from anysocket._session import refuse, reject_unmatched, run_inside, serve_route
from anysocket._transport import Transport
from anysocket._websocket import DEFAULT_MAX_MESSAGE_BYTES, WebSocket

WS = TypeVar("WS", bound=WebSocketHandler)


class App(RoutesHTTP):
    """WebSocket and HTTP routes as one application, for any server: an RSGI and an ASGI app in one object.

    ``lifespan``: ``async with lifespan(app) as state`` around the time the app serves, once per worker;
    the mapping it yields is ``websocket.state`` and ``request.state``.
    ``requires``: capabilities without which the app does not start.
    ``allowed_origins``: which browser origins may connect; None means the request's own host, ``"*"`` any.
    ``unmatched``: what a WebSocket to an unknown path gets, ``"close"`` (accept, 1001) or ``"deny"`` (404).
    ``max_message_bytes``: the largest message received, for routes that do not say otherwise.
    ``drain_timeout``: seconds from the signal to stop until connections, handlers and lifespan have ended.
    ``drain_delay``: for how many of them :attr:`ready` is false while connections are still accepted, for a
    load balancer to notice; less than half of ``drain_timeout``.
    ``observers``: who is told of every connection, see :class:`Observer`.
    ``limits``: what is too much, of all connections together and of each, see :class:`Limits`.
    ``trusted_proxies``: who may tell the client's address, see :class:`TrustedProxies`; nobody by default.
    ``heartbeat``: how peers are asked whether they are there, see :class:`Heartbeat`; not by default.
    """

    def __init__(
        self,
        *,
        lifespan: LifespanManager | None = None,
        requires: Capability = Capability(0),
        allowed_origins: Collection[str] | None = None,
        unmatched: Literal["close", "deny"] = "close",
        max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
        drain_timeout: float = 10.0,
        drain_delay: float = 0.0,
        observers: Iterable[Observer] = (),
        limits: Limits | None = None,
        trusted_proxies: TrustedProxies | None = None,
        heartbeat: Heartbeat | None = None,
    ) -> None:
        if unmatched not in ("close", "deny"):
            raise ValueError(f"unmatched must be 'close' or 'deny', not {unmatched!r}")
        self.logger = logging.getLogger("anysocket")
        self.requires = requires
        self.allowed_origins = {allowed_origins} if isinstance(allowed_origins, str) else allowed_origins
        self.unmatched = unmatched
        self.max_message_bytes = _positive("max_message_bytes", max_message_bytes)
        self.lifespan = Lifespan(self, lifespan)
        self._drain = Drain(drain_timeout, drain_delay)
        self._observers = Observers(observers)
        self._gate = gate_of_app(limits)
        self._trusted_proxies = trusted_proxies
        self._heartbeat = heartbeat
        self.http_routes = []
        self.mounts: list[Mount] = []
        self._router = Router()
        self._http = None

    # -- routes --

    def websocket(
        self,
        path: str,
        *,
        subprotocols: Sequence[str] = (),
        max_message_bytes: int | None = None,
        limits: Limits | None = None,
    ) -> Callable[[WS], WS]:
        """Route a path to ``async def handler(websocket, …)``; parameters ``<name>``, ``<int:name>``,
        ``<float:name>``, ``<uuid:name>``, ``<path:name>`` are handed over by name.

        ``subprotocols``: ``accept()`` agrees on the first of them that the peer offers. ``limits`` hold for
        the route's own connections, besides the app's.
        """
        if isinstance(subprotocols, str):
            raise TypeError(f"subprotocols takes a list of names, not the str {subprotocols!r}")
        if max_message_bytes is not None:
            _positive("max_message_bytes", max_message_bytes)
        gate = self._gate if limits is None else gate_of_app(limits, self._gate)

        def register(handler: WS) -> WS:
            self._router.add(WebSocketRoute(path, handler, tuple(subprotocols), max_message_bytes, gate))
            return handler

        return register

    def mount(self, path: str, app: ASGIApp) -> None:
        """Put any ASGI app (static files, FastAPI) under a path prefix. The app's own routes come first."""
        if not path.startswith("/"):
            raise ValueError(f"path {path!r} must begin with '/'")
        self.mounts.append(Mount(path.rstrip("/"), app))
        self._http = None

    # -- the end --

    @property
    def ready(self) -> bool:
        """Whether a load balancer may send more: false from the moment at which the end begins, and while a
        backplane is down."""
        return self._drain.ready and links_are_up()

    async def drain(self, timeout: float | None = None) -> None:
        """Close every WebSocket with 1001 "server shutting down" and wait until the handlers have ended.

        Servers' signals do this by themselves; call it in a program that stops its server on its own, before
        it does so. New upgrades are refused with 503 from then on, until the lifespan starts anew. Handlers
        that run on are cancelled after half of the time, and left behind with an error in the log when it is
        over: it returns after ``timeout`` seconds (more than 0; ``drain_timeout`` by default) at the latest.

        Any number of tasks may call it: there is one end for all, which a later call's ``timeout`` can only
        hasten. A handler that calls it is not waited for. Cancelling the call leaves the end under way.
        """
        if timeout is not None:
            check_seconds("timeout", timeout)
        await self._drain.run(timeout)

    # -- what adapters use --

    async def start(self) -> None:
        """The app's life begins: connect its managers' backplanes, if they can be reached, and enter the
        lifespan, whose errors come out of here."""
        self._drain.reset()
        await start_links()
        await self.lifespan.start()

    async def stop(self) -> None:
        """The app's life ends: drain what is left, as the server takes no more connections, then leave the
        lifespan. Its errors come out of here."""
        await self._drain.run(delay=0)
        try:
            await self.leave_lifespan()
        finally:
            self._drain.reset()

    @property
    def has_cut(self) -> bool:
        """Whether the end has cut connections, whose peers have not taken what was sent to them."""
        return self._drain.has_cut

    async def leave_lifespan(self) -> None:
        """After :meth:`drain`, where the server does not end the lifespan."""
        try:
            await self.lifespan.stop(self._drain.left)
        finally:
            await stop_links()

    def hasten(self) -> None:
        """Let an end that is under way be over within a second."""
        self._drain.hasten()

    @property
    def accepting(self) -> bool:
        """Whether new connections are accepted."""
        return self._drain.accepting

    def watch(self, name: str, websocket: WebSocket | None = None, *, left: bool = False) -> Live:
        """``with app.watch(…).around(coroutine): await coroutine`` lets :meth:`drain` end a connection and
        the handler of this name. ``left``: the server ends it in order by itself."""
        return Live(self._drain, name, websocket, left=left)

    @property
    def http(self) -> ASGIApp:
        """The HTTP side, routes and mounts, as an ASGI app."""
        if self._http is None:
            from anysocket_starlette import build_http

            self._http = build_http(self)
        return self._http

    @property
    def required_capabilities(self) -> Capability:
        """What the server must be able to do: ``requires``, and what the routes need."""
        needed = self.requires
        if any(route.subprotocols for route in self._router.routes):
            needed |= Capability.SUBPROTOCOL
        return needed

    def mounted(self, path: str) -> bool:
        """Whether a WebSocket to this path belongs to a mounted app; the app's own routes come first."""
        below = any(path == mount.path or path.startswith(mount.path + "/") for mount in self.mounts)
        return below and self._router.match(path) is None

    def check_server(self, server: str, capabilities: Capability, remedy: str) -> None:
        """Raise :class:`UnsupportedByTransport` if the server lacks what the app requires."""
        missing = self.required_capabilities & ~capabilities
        if missing:
            names = ", ".join(f"Capability.{flag.name}" for flag in missing)
            raise UnsupportedByTransport(f"this app requires {names}, which {server} lacks: {remedy}")

    async def serve(self, transport: Transport) -> None:
        """Run one connection from its handshake to its end."""
        found = self._router.match(transport.scope.path)
        route, parameters = found or (None, {})
        if self._trusted_proxies is not None:
            self._trusted_proxies.resolve(transport.scope)
        websocket = WebSocket(
            transport,
            max_message_bytes=(route and route.max_message_bytes) or self.max_message_bytes,
            subprotocols=route.subprotocols if route else (),
            observers=self._observers,
        )
        with self._observers.around(websocket, route.path if route else ""):
            if not self.accepting:
                await refuse(websocket, 503, "draining")
            elif route is not None:
                serving = serve_route(
                    route.handler,
                    websocket,
                    parameters,
                    allowed_origins=self.allowed_origins,
                    gate=route.gate,
                    heartbeat=self._heartbeat,
                )
                with self.watch(handler_name(route.handler), websocket).around(serving):
                    await serving
            elif self.unmatched == "deny":
                await refuse(websocket, 404, "route")
            else:
                serving = run_inside(self._gate, reject_unmatched, websocket, {})
                with self.watch("of an unknown path", websocket).around(serving):
                    await serving

    # -- the doors --

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI 3."""
        from anysocket_asgi import serve_asgi

        await serve_asgi(self, scope, receive, send)

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """RSGI: a worker starts; the loop is not running yet."""
        from anysocket_rsgi import start_worker

        start_worker(self, loop)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """RSGI: a worker ends; the loop is not running any more."""
        from anysocket_rsgi import stop_worker

        stop_worker(self, loop)

    def __rsgi__(self, scope: Any, protocol: Any) -> Awaitable[None]:
        """RSGI 1.6."""
        from anysocket_rsgi import serve_rsgi

        return serve_rsgi(self, scope, protocol)


def _positive(name: str, value: int) -> int:
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a positive number of bytes, not {value!r}")
    return value
