"""The tables of shim.md: all that ASGI and RSGI have, what becomes of it, and tests that exist."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from anysocket_asgi._rsgi_http import HTTPProtocol
from anysocket_asgi._rsgi_socket import WebSocketTransport
from anysocket_asgi._rsgi_stream import StreamTransport
from anysocket_asgi._rsgi_websocket import WebSocketProtocol
from anysocket_rsgi._request import Headers, Scope

ROOT = Path(__file__).parents[2]
SHIM = (ROOT / "docs" / "shim.md").read_text()
ASGI, RSGI = re.split(r"^## RSGI under ASGI$", SHIM.partition("\n## Applications")[0], flags=re.MULTILINE)

TEST = re.compile(r"`(test_\w+)`")
OUTCOME = re.compile(r"carried(?! with a loss)\b|carried with a loss: |impossible: ")

ASGI_SCOPE = [
    *("type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string", "root_path"),
    *("headers", "client", "server", "subprotocols", "state", "extensions"),
]
ASGI_MESSAGES = {
    "http.request": ["body", "more_body"],
    "http.response.start": ["status", "headers", "trailers"],
    "http.response.body": ["body", "more_body"],
    "http.disconnect": [],
    "http.response.pathsend": ["path"],
    "http.response.push": [],
    "http.response.trailers": [],
    "http.response.early_hint": [],
    "http.response.zerocopysend": [],
    "http.response.debug": [],
    "websocket.connect": [],
    "websocket.accept": ["subprotocol", "headers"],
    "websocket.receive": ["text", "bytes"],
    "websocket.send": ["text", "bytes"],
    "websocket.disconnect": ["code", "reason"],
    "websocket.close": ["code", "reason"],
    "websocket.http.response.start": ["status", "headers"],
    "websocket.http.response.body": ["body", "more_body"],
    "lifespan.startup": [],
    "lifespan.startup.complete": [],
    "lifespan.startup.failed": ["message"],
    "lifespan.shutdown": [],
    "lifespan.shutdown.complete": [],
    "lifespan.shutdown.failed": ["message"],
}
"""ASGI 3: HTTP 2.5, WebSocket 2.5, Lifespan 2.0, and the extensions."""


def public(kind: type) -> list[str]:
    """What an app may use of one of RSGI's objects. The servers' part of ours is not RSGI."""
    ours = {"finish", "release", "peer_is_gone", "attend", "close", "lost", "read_on"}
    return [name for name in vars(kind) if not name.startswith("_") and name not in ours]


RSGI_NAMES = [
    *(field.name for field in dataclasses.fields(Scope)),
    *public(Headers),
    *(name for kind in (HTTPProtocol, StreamTransport) for name in public(kind)),
    *(name for kind in (WebSocketProtocol, WebSocketTransport) for name in public(kind)),
    *("close", "protocol()", "async for", "__rsgi_init__", "__rsgi_del__", "ProtocolClosed", "ProtocolError"),
]


def rows(half: str) -> list[list[str]]:
    """The tables' rows, of three cells each."""
    cells = [line.strip("| ").split(" | ") for line in half.splitlines() if line.startswith("| ")]
    return [row for row in cells if row[-1] != "test"]


@pytest.mark.parametrize("half", [ASGI, RSGI], ids=["ASGI", "RSGI"])
def test_each_row_has_an_outcome_and_a_test(half):
    assert len(rows(half)) > 30
    for row in rows(half):
        assert len(row) == 3 and OUTCOME.match(row[1]) and TEST.search(row[2]), row


def test_each_field_of_an_asgi_scope_is_there():
    scope = " ".join(what for what, *_ in rows(ASGI.partition("### HTTP")[0]))
    assert [name for name in ASGI_SCOPE if f"`{name}`" not in scope] == []


@pytest.mark.parametrize("message", ASGI_MESSAGES)
def test_each_asgi_message_is_there_with_its_fields(message):
    of_it = [what for what, *_ in rows(ASGI) if f"`{message}`" in what]
    assert of_it
    assert [name for name in ASGI_MESSAGES[message] if f"`{name}`" not in " ".join(of_it)] == []


@pytest.mark.parametrize("name", RSGI_NAMES)
def test_each_name_of_rsgi_is_there(name):
    spans = [span for row in rows(RSGI) for cell in row[:2] for span in re.findall(r"`([^`]+)`", cell)]
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    assert any(word.search(span) for span in spans)


def test_each_test_that_is_named_exists():
    named = set(TEST.findall(SHIM))
    sources = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    written = {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)}
    assert named and named <= written, named - written
