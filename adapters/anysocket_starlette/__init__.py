"""anysocket and Starlette: an app's HTTP routes and mounts, and anysocket inside Starlette and FastAPI."""

from anysocket_starlette._endpoint import websocket_endpoint
from anysocket_starlette._http import HTTPSource, build_http
from anysocket_starlette._request import Request
from anysocket_starlette._wrap import wrap

__all__ = ["HTTPSource", "Request", "build_http", "websocket_endpoint", "wrap"]
