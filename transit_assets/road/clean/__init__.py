"""Payload to interim rows: pure functions, no I/O, no orchestration.

`formats` tells what a payload is and decodes it to `records`, by Paris month; `counts` and `arcs` make the candidate
rows of one month from what has landed, and `arcs` the table of arcs that is rebuilt whole.
"""
