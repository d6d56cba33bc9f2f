"""Payload to interim rows: pure functions, no I/O, no orchestration.

`formats` tells what a file is and decodes it to `records`; `status` and `information` make the candidate rows of
one Paris day from `observations` (polls and archives); `stations` makes the tables that are rebuilt whole.
"""
