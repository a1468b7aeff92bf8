"""The same apps through the shim: Starlette's under RSGI, the raw RSGI app under ASGI."""

from __future__ import annotations

from anysocket_asgi import from_rsgi
from anysocket_rsgi import from_asgi
from benchmarks.peers import raw_rsgi, starlette_app

under_rsgi = from_asgi(starlette_app.app)
under_asgi = from_rsgi(raw_rsgi.app)
