"""The contract's clauses by number: what a handler, a room and a client may rely on, on every server.

Each has at least one case or a line in ``PENDING``, and each case names its clauses (``tests/contract``
compares them).
"""

from __future__ import annotations

CLAUSES: dict[str, str] = {
    "1": "The same app object runs on every server, HTTP routes beside WebSockets.",
    "2.app": "Routes with typed parameters, handed to the handler by name.",
    "2.http": "HTTP handlers return dicts, lists, str, bytes, tuples with status and headers, or responses.",
    "2.websocket": "Receiving and sending calls by kind; any attribute can be set; id, state, subprotocol.",
    "2.message": "A message has a type, data, and for a close code and reason.",
    "2.scope": "The handshake request reads the same everywhere: the same attributes with the same types.",
    "2.manager": "Connections by id and rooms of them, as mappings.",
    "2.errors": "Every failure of a connection is a ConnectionError.",
    "3.1": "The handler runs before the upgrade is answered; accept() answers it.",
    "3.2": "deny() and Denied refuse with an HTTP response; close() before accept() is 403.",
    "3.3": "Returning before accept() is 403 and a warning, raising is 500 and a traceback.",
    "3.4": "A path without a route is closed with 1001, or denied with 404.",
    "3.5": "Nothing a peer sends and nothing a handler does stops the server process.",
    "3.6": "A browser's Origin must match the host, or what allowed_origins says.",
    "3.7": "Subprotocols: only one that was offered; negotiated by the route; offers in one line or several.",
    "4.1": "One message in, one message out: whole, in its kind, empty ones too.",
    "4.2": "A close frame is one close message, then ConnectionClosed; a lost peer raises it with 1006.",
    "4.3": "Iteration ends at a close, and raises when the peer was lost.",
    "4.4": "Above max_message_bytes: an error message, 1009 for the peer, then ConnectionClosed(1009).",
    "4.5": "A cancelled receive loses nothing; a second receiver is refused.",
    "4.6": "The peer's end is noticed within a second whatever the handler does, its close answered at once.",
    "4.7": "A handler that does not read holds the peer back.",
    "5.1": "Messages arrive in the order of the sends, from any number of tasks.",
    "5.2": "A send returns when the server has taken the message, and waits while the peer is too slow.",
    "5.3": "Misuse raises WebSocketStateError or TypeError; after the end ConnectionClosed, never silence.",
    "5.4": "close() twice is no error; an invalid code or reason is a ValueError.",
    "5.5": "Returning after accept() closes with 1000, raising with 1011 and a traceback.",
    "6.1": "Connections are added once, removed any number of times, and leave by themselves at their end.",
    "6.2": "Joining needs a known id and a proper room name.",
    "6.3": "Broadcasts take str or bytes and exclude=, return how many they were queued to, survive deaths.",
    "6.4": "A slow member delays no one, its outbox is bounded.",
    "6.5": "Everyone in a room on one node sees its broadcasts in the same order.",
    "6.6": "send_to() and disconnect() by id.",
    "6.7": "Limits refuse with their name: 503 or 429 before accept, 1008 after.",
    "7": "At the end of the server sockets get 1001, handlers unwind, and it ends within drain_timeout.",
    "8": "Capabilities say what a server carries; asking for more is dropped or refused as documented.",
    "9": "The errors form one tree.",
}

PENDING: dict[str, str] = {}
"""Clauses that no case can show yet, and why."""
