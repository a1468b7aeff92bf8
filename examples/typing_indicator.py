"""Who is typing: told to everyone in the room but the one who types.

A client sends ``{"typing": true}`` and ``{"typing": false}``, or ``{"text": "…"}`` for a line of chat, which
also ends the typing. One that leaves in mid-sentence is reported to have stopped.

Run:  granian --interface rsgi examples.typing_indicator:app
  or  uvicorn examples.typing_indicator:app
Try:  python -m websockets "ws://127.0.0.1:8000/typing/kitchen?name=Ann" and type {"typing": true};
      watch it in a second terminal with ?name=Bob
"""

import json

from anysocket import App, WebSocket, WebSocketManager

app = App()
manager = WebSocketManager()


@app.websocket("/typing/<room>")
async def chat(websocket: WebSocket, room: str) -> None:
    name = websocket.query_params.get("name", "somebody")
    await websocket.accept()
    manager.add_connection(websocket.id, websocket)
    manager.join_room(websocket.id, room)

    async def tell_others(typing: bool) -> None:
        event = json.dumps({"name": name, "typing": typing})
        await manager.broadcast_to_room(room, event, exclude=[websocket.id])

    is_typing = False
    try:
        while True:
            try:
                event = await websocket.receive_json()
            except ValueError:
                event = None
            match event:
                case {"typing": bool(typing)}:
                    is_typing = typing
                    await tell_others(typing)
                case {"text": str(text)}:
                    is_typing = False
                    await manager.broadcast_to_room(room, json.dumps({"name": name, "text": text}))
                case _:
                    await websocket.send_json({"error": "send a typing or a text event"})
    finally:
        if is_typing:
            await tell_others(False)
