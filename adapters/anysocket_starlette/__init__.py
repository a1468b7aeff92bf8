"""anysocket and Starlette: HTTP routes and mounts of an app, and anysocket inside Starlette or FastAPI apps."""

from anysocket_starlette._endpoint import websocket_endpoint
from anysocket_starlette._http import HTTPSource, build_http
from anysocket_starlette._request import Request
from anysocket_starlette._wrap import wrap

__all__ = ["HTTPSource", "Request", "build_http", "websocket_endpoint", "wrap"]
