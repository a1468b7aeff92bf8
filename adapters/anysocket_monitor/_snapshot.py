"""What the page shows, as JSON: the manager's statistics, and the longest of its lists."""

from __future__ import annotations

import heapq
import os
import time
from dataclasses import asdict
from typing import Any

from anysocket._manager import WebSocketManager
from anysocket._websocket import WebSocket

ROOMS = 50
"""How many rooms are listed, the largest ones."""
QUEUES = 10
"""How many connections are listed, those with the longest queues."""


def snapshot(manager: WebSocketManager) -> dict[str, Any]:
    """The manager at this moment: its statistics with the largest rooms only, and ``queues``, the
    connections for which the most bytes wait.

    ``time`` is a clock in seconds and ``process`` tells whose it is: a server with several processes
    may have another one answer, with numbers of its own.
    """
    statistics = asdict(manager.stats())
    rooms: dict[str, int] = statistics["rooms"]
    statistics["rooms"] = heapq.nlargest(ROOMS, rooms.items(), key=lambda room: room[1])
    statistics["closes"] = sorted(statistics["closes"].items())
    return {
        **statistics,
        "room_count": len(rooms),
        "queues": _queues(manager),
        "time": time.monotonic(),
        "process": os.getpid(),
    }


def _queues(manager: WebSocketManager) -> list[dict[str, Any]]:
    waiting = [
        (queued, id)
        for id, websocket in manager.connections.items()
        if (queued := websocket.statistics.bytes_queued)
    ]
    return [_queue(id, manager.connections[id]) for _, id in heapq.nlargest(QUEUES, waiting)]


def _queue(id: str, websocket: WebSocket) -> dict[str, Any]:
    statistics = websocket.statistics
    return {
        "id": id,
        "path": websocket.scope.path,
        "client": websocket.client.host if websocket.client else None,
        "messages_queued": statistics.messages_queued,
        "bytes_queued": statistics.bytes_queued,
        "messages_dropped": statistics.messages_dropped,
    }
