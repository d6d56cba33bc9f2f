"""Payload to interim rows: pure functions, no I/O, no orchestration.

`formats` tells what a payload is and decodes it to records, by London month; `incidents` and `mobilisations` make the
candidate rows of one month from what has landed, and `stations` the table of stations that is rebuilt whole.

What could point to a home (postcode, UPRN, USRN, exact coordinates) is not read at all: see `names`.
"""
