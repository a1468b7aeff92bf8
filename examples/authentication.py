"""Authentication before the connection is accepted, by query parameter or ``Authorization: Bearer``.

Browsers cannot set headers on a WebSocket, so they send the token in the query string; programs had
better use the header, as addresses end up in logs. ``close(1008, …)`` before ``accept()`` refuses the
upgrade: the client sees HTTP 403.

Run:  granian --interface rsgi examples.authentication:app
  or  uvicorn examples.authentication:app
Try:  python -m websockets "ws://127.0.0.1:8000/private?token=ann-secret"
"""

from hmac import compare_digest

from anysocket import App, WebSocket

USERS_BY_TOKEN = {"ann-secret": "ann", "bob-secret": "bob"}  # a real application asks its database

app = App()


def bearer_token(websocket: WebSocket) -> str:
    """The token the peer shows, ``""`` if none; the header comes first."""
    scheme, _, token = websocket.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return websocket.query_params.get("token", "")


def find_user(token: str) -> str | None:
    for known_token, user in USERS_BY_TOKEN.items():
        if compare_digest(known_token.encode(), token.encode()):  # takes as long for a near miss
            return user
    return None


@app.websocket("/private")
async def private(websocket: WebSocket) -> None:
    user = find_user(bearer_token(websocket))
    if user is None:
        await websocket.close(1008, "a valid token is required")
        return
    await websocket.accept()
    await websocket.send_text(f"Welcome, {user}")
    async for message in websocket:
        await websocket.send_text(f"{user}, you sent {len(message.data)}")
