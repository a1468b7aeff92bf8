"""Mistakes that type checkers must find: an ignore that is not needed fails the check of its own."""

from anysocket import App, Limits, TrustedProxies, WebSocket, WebSocketManager

app = App()
TrustedProxies(["10.0.0.0/8"], header="X-Real-IP")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Limits(connections=1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Limits().connections = 5  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
App(unmatched="ignore")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def handler(websocket: WebSocket) -> None:
    await websocket.send_text(b"bytes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await websocket.send_bytes("text")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await websocket.send({"a": 1})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await websocket.close("bye")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def views_are_read_only(manager: WebSocketManager, websocket: WebSocket) -> None:
    manager.connections["id"] = websocket  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
    del manager.rooms["room"]  # type: ignore[attr-defined]  # pyright: ignore[reportIndexIssue]


async def policies(manager: WebSocketManager) -> None:
    await manager.broadcast_to_all("text", policy="drop")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    manager.on_join(lambda id: None)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]


@app.websocket("/")  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
def not_async(websocket: WebSocket) -> None:
    raise NotImplementedError


class Own(WebSocket):  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    """The class is final: what it promises must hold for every WebSocket."""
