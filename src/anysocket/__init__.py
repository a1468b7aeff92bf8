"""Write a WebSocket app once; run it on any server, unchanged."""

from anysocket._app import App
from anysocket._backplane import Backplane
from anysocket._capability import Capability
from anysocket._errors import (
    BackplaneError,
    ConnectionClosed,
    Denied,
    LimitExceeded,
    PartitionError,
    UnsupportedByTransport,
    WebSocketStateError,
)
from anysocket._everywhere import Everywhere
from anysocket._gap import Gap
from anysocket._heartbeat import Heartbeat
from anysocket._limits import Limits
from anysocket._link import BackplaneStatistics
from anysocket._manager import WebSocketManager
from anysocket._message import Message
from anysocket._monitor import monitor
from anysocket._observer import Observer
from anysocket._policy import Conflate, OutboxPolicy, conflate
from anysocket._proxies import ProxyHeader, TrustedProxies
from anysocket._publisher import Publisher, SyncPublisher
from anysocket._scope import Address, Headers, QueryParams, Scope
from anysocket._statistics import ConnectionStatistics
from anysocket._totals import ManagerStatistics
from anysocket._user import User
from anysocket._websocket import WebSocket

__all__ = [
    "Address",
    "App",
    "Backplane",
    "BackplaneError",
    "BackplaneStatistics",
    "Capability",
    "Conflate",
    "ConnectionClosed",
    "ConnectionStatistics",
    "Denied",
    "Everywhere",
    "Gap",
    "Headers",
    "Heartbeat",
    "LimitExceeded",
    "Limits",
    "ManagerStatistics",
    "Message",
    "Observer",
    "OutboxPolicy",
    "PartitionError",
    "ProxyHeader",
    "Publisher",
    "QueryParams",
    "Scope",
    "SyncPublisher",
    "TrustedProxies",
    "UnsupportedByTransport",
    "User",
    "WebSocket",
    "WebSocketManager",
    "WebSocketStateError",
    "conflate",
    "monitor",
]
