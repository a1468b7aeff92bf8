"""GraphQL of Strawberry; its subscriptions need the subprotocol graphql-transport-ws."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import strawberry
from strawberry.asgi import GraphQL

from anysocket_rsgi import from_asgi


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str) -> str:
        return f"hello {name}"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number


graphql = GraphQL(strawberry.Schema(Query, subscription=Subscription))
app = from_asgi(graphql)
lenient = from_asgi(graphql, on_unsupported="ignore")
