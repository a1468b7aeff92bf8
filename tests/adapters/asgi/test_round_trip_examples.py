"""The examples through RSGI and back."""

from __future__ import annotations

import contextlib
import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from round_trip import answer, close_code, refused_status, same
from starlette.testclient import TestClient

EXAMPLES = Path(__file__).parents[3] / "examples"


def asks(websocket: Any, *values: Any) -> list[Any]:
    """Send each as JSON and return what comes for it."""
    answers = []
    for value in values:
        websocket.send_text(value if isinstance(value, str) else json.dumps(value))
        answers.append(websocket.receive_json())
    return answers


@contextlib.contextmanager
def both(client: TestClient, first: str, second: str) -> Iterator[tuple[Any, Any]]:
    with client.websocket_connect(first) as one, client.websocket_connect(second) as other:
        yield one, other


def eventually(client: TestClient, path: str, wanted: Any) -> Any:
    """Ask until this is the answer: the end of a WebSocket reaches its handler a little later."""
    value = None
    for _ in range(1000):
        value = client.get(path).json()
        if value == wanted:
            return value
    raise AssertionError(f"{path} stays {value!r}")


def announcements(client: TestClient) -> Any:
    with both(client, "/listen/a", "/listen/b") as (one, other):
        seen = [
            answer(client.post("/announce", json={"text": "all"})),
            one.receive_text(),
            other.receive_text(),
        ]
        seen += [answer(client.post("/announce/a", json={"text": "a"})), one.receive_text()]
        return [*seen, answer(client.post("/announce", content="{")), answer(client.get("/announce"))]


def authentication(client: TestClient) -> Any:
    seen = [refused_status(client, path) for path in ("/private", "/private?token=wrong")]
    for path, headers in (
        ("/private?token=ann-secret", {}),
        ("/private", {"authorization": "Bearer bob-secret"}),
    ):
        with client.websocket_connect(path, headers=headers) as websocket:
            websocket.send_text("hi")
            seen += [websocket.receive_text(), websocket.receive_text()]
    return seen


def chat_application(client: TestClient) -> Any:
    tokens = [client.post("/login", json={"name": name}).json()["token"] for name in ("Ann", "Bob")]
    seen = [answer(client.post("/login", json={"name": "Ann"})), refused_status(client, "/chat?token=x")]
    with client.websocket_connect(f"/chat?token={tokens[0]}") as ann:
        seen.append(ann.receive_json())
        with client.websocket_connect(f"/chat?token={tokens[1]}") as bob:
            seen += [bob.receive_json(), ann.receive_json()]
            seen += asks(ann, {"type": "send", "room": "k", "text": "hi"}, {"type": "join", "room": "k"})
            seen += asks(bob, {"type": "join", "room": "k"})
            seen.append(ann.receive_json())
            seen += asks(bob, {"type": "send", "room": "k", "text": "hello"}, "no json")
            seen += [ann.receive_json(), answer(client.get("/rooms"))]
            with client.websocket_connect(f"/chat?token={tokens[1]}") as again:
                seen.append(close_code(again))
        return [*seen, ann.receive_json()]


def chat_rooms(client: TestClient) -> Any:
    with both(client, "/rooms/a", "/rooms/a") as (one, other):
        one.send_text("text")
        other.send_bytes(b"\x00")
        seen = [one.receive_text(), one.receive_bytes(), other.receive_text(), other.receive_bytes()]
        seen.append(client.get("/rooms").json())
    return [*seen, eventually(client, "/rooms", {})]


def connection_statistics(client: TestClient) -> Any:
    with client.websocket_connect("/rooms/a") as websocket:
        name = websocket.receive_json()["id"]
        websocket.send_text("12345")
        seen = [websocket.receive_text(), *asks(websocket, "statistics")]
        statistics = client.get("/statistics").json()
        seen += [statistics["connections"].pop(name), statistics]
    for counted in (seen[1], seen[2]):
        assert counted.pop("seconds_connected") >= 0
    return seen


def echo(client: TestClient) -> Any:
    with client.websocket_connect("/echo") as websocket:
        seen: list[Any] = []
        for text, data in (("text", b"bytes"), ("", b""), ("ü" * 50_000, b"\x00\xff" * 50_000)):
            websocket.send_text(text)
            websocket.send_bytes(data)
            seen += [websocket.receive_text(), websocket.receive_bytes()]
    with client.websocket_connect("/unknown") as websocket:
        return [*seen, close_code(websocket), answer(client.get("/unknown"))]


def job_progress(client: TestClient) -> Any:
    job = client.post("/jobs", json={"steps": 2}).json()["job_id"]
    seen: list[Any] = [answer(client.post("/jobs", json={})), refused_status(client, "/jobs/none")]
    with client.websocket_connect(f"/jobs/{job}") as websocket:
        while not (progress := websocket.receive_json())["done"]:
            pass
        return [*seen, progress, close_code(websocket)]


def limits(client: TestClient) -> Any:
    with both(client, "/rooms/a", "/rooms/a") as (one, _), client.websocket_connect("/rooms/a") as third:
        seen: list[Any] = [close_code(third), eventually(client, "/connections", {"connections": 2})]
        with client.websocket_connect("/rooms/b"):
            seen.append(refused_status(client, "/rooms/c"))
        for _ in range(6):
            one.send_text("x")
        seen += [one.receive_text() for _ in range(5)]
        return [*seen, close_code(one)]


def live_data(client: TestClient) -> Any:
    with client.websocket_connect("/live") as websocket:
        seen = [websocket.receive_json()["number"] for _ in range(2)]
        seen.append(client.get("/live/clients").json())
    return [*seen, eventually(client, "/live/clients", {"clients": 0})]


def private_messages(client: TestClient) -> Any:
    message = {"from": "bob", "text": "Hello"}
    seen = [answer(client.post("/messages/ann", json=message))]
    with both(client, "/inbox/ann", "/inbox/ann") as (first, second):
        seen += [close_code(second), answer(client.post("/messages/ann", json=message))]
        return [*seen, first.receive_json()]


def robust_handler(client: TestClient) -> Any:
    with client.websocket_connect("/calculate") as websocket:
        return asks(
            websocket,
            {"action": "divide", "a": 1, "b": 4},
            {"action": "divide", "a": 1, "b": 0},
            {"action": "ask"},
            "no json",
            [],
        )


def typing_indicator(client: TestClient) -> Any:
    with client.websocket_connect("/typing/a?name=Bob") as bob:
        with client.websocket_connect("/typing/a?name=Ann") as ann:
            ann.send_json({"typing": True})
            ann.send_json({"text": "hi"})
            seen = [bob.receive_json(), bob.receive_json(), ann.receive_json()]
            seen += asks(ann, "no json")
            ann.send_json({"typing": True})
            seen.append(bob.receive_json())
        return [*seen, bob.receive_json()]


def validation(client: TestClient) -> Any:
    with client.websocket_connect("/orders") as websocket:
        return asks(websocket, {"item": "tea", "quantity": 2}, {"item": "tea", "quantity": 0}, "no json")


PLAYS = [
    announcements,
    authentication,
    chat_application,
    chat_rooms,
    connection_statistics,
    echo,
    job_progress,
    limits,
    live_data,
    private_messages,
    robust_handler,
    typing_indicator,
    validation,
]


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.__name__)
def test_example(play):
    seen = same(lambda: runpy.run_path(str(EXAMPLES / f"{play.__name__}.py"))["app"], play)
    assert len(seen) > 2


def test_every_example_is_played():
    written = {path.stem for path in EXAMPLES.glob("*.py") if path.stem != "__init__"}
    assert written == {play.__name__ for play in PLAYS}
