"""A WebSocket implementation for uvicorn on picows, a protocol engine in native code.

    uvicorn --ws anysocket_picows:WebSocketProtocol module:app

An anysocket app on it gets this package's transport, with no ASGI event in between; any other ASGI app gets
the events that it knows from uvicorn's own implementations.
"""

from anysocket_picows._protocol import WebSocketProtocol
from anysocket_picows._transport import CAPABILITIES, PicowsTransport

__all__ = ["CAPABILITIES", "PicowsTransport", "WebSocketProtocol"]
