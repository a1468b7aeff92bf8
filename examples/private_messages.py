"""Private messages: an HTTP POST reaches one user, by name.

It answers 200 when the message was delivered, 404 when the user is not online, 500 when the connection
failed while it was being delivered. The user's name is the connection's id, so ``manager.connections``
is the list of who is online.

Run:  granian --interface rsgi examples.private_messages:app
  or  uvicorn examples.private_messages:app
Try:  python -m websockets ws://127.0.0.1:8000/inbox/ann  and in another terminal
      curl -d '{"from": "bob", "text": "Hello"}' http://127.0.0.1:8000/messages/ann
"""

from typing import Any

from starlette.requests import Request

from anysocket import App, WebSocket, WebSocketManager

app = App()
manager = WebSocketManager()


@app.websocket("/inbox/<user>")
async def inbox(websocket: WebSocket, user: str) -> None:
    await websocket.accept()
    try:
        manager.add_connection(user, websocket)
    except ValueError:
        await websocket.close(1008, "this user is already online")
        return
    await websocket.wait_closed()


@app.post("/messages/<user>")
async def send_message(request: Request, user: str) -> tuple[dict[str, Any], int]:
    message = await request.json()
    websocket = manager.connections.get(user)
    if websocket is None:
        return {"delivered": False, "error": f"{user} is not online"}, 404
    try:
        await websocket.send_json(message)
    except ConnectionError:
        return {"delivered": False, "error": f"the connection of {user} failed"}, 500
    return {"delivered": True}, 200
