"""Validation: every incoming message is checked, and a wrong one is answered with what is wrong.

An order is ``{"item": "tea", "quantity": 2}``. The answer is ``{"accepted": …}`` or ``{"error": …}``, with
``field`` naming the culprit; the connection stays open either way. ``receive_json()`` raises
``ValueError`` for what is not JSON, and ``ConnectionClosed`` at the end, which ends the handler.

Run:  granian --interface rsgi examples.validation:app
  or  uvicorn examples.validation:app
Try:  python -m websockets ws://127.0.0.1:8000/orders  and type {"item": "tea", "quantity": 0}
"""

from typing import Any

from anysocket import App, WebSocket

ITEMS = {"tea", "coffee", "cocoa"}
MAX_QUANTITY = 100

app = App()


class Invalid(Exception):
    """A message that is JSON but not an order; ``field`` is the part that is wrong, if one is."""

    def __init__(self, error: str, field: str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.field = field


def check_order(order: Any) -> dict[str, Any]:
    """The order with nothing but what was checked. Raises :class:`Invalid`."""
    if not isinstance(order, dict):
        raise Invalid("an order is a JSON object")
    if unknown := sorted(order.keys() - {"item", "quantity"}):
        raise Invalid("there is no such field", unknown[0])
    item, quantity = order.get("item"), order.get("quantity")
    if not isinstance(item, str) or item not in ITEMS:
        raise Invalid(f"choose one of {', '.join(sorted(ITEMS))}", "item")
    if type(quantity) is not int or not 1 <= quantity <= MAX_QUANTITY:  # True is an int to isinstance()
        raise Invalid(f"must be a whole number from 1 to {MAX_QUANTITY}", "quantity")
    return {"item": item, "quantity": quantity}


@app.websocket("/orders")
async def orders(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        try:
            order = check_order(await websocket.receive_json())
        except ValueError:
            await websocket.send_json({"error": "this is not JSON text"})
        except Invalid as invalid:
            await websocket.send_json({"error": invalid.error, "field": invalid.field})
        else:
            await websocket.send_json({"accepted": order})
