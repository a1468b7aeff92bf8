"""One app for each library, all with the same job, each written as its own documentation shows.

``/`` echoes. ``/rooms/<room>`` makes a member of the room, and what any member sends goes to all of them.
python-socketio, with a protocol of its own, has the same two jobs as events: see ``benchmarks.dialects``.
"""
