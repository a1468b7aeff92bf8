"""Rooms across processes by Redis, Valkey, and what else speaks their protocol: ``redis://…``, ``rediss://…``."""

from anysocket_redis._backplane import RedisBackplane, connect

__all__ = ["RedisBackplane", "connect"]
