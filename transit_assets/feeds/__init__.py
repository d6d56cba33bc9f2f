"""The outside world: one client for every provider, and one module for each of them. Knows no domain.

`feed_client` builds the client; `velib` polls the bikes, `counters` the road, `lfb` the fire; `gbfs` and
`opendatasoft` type their payloads.
"""

from transit_assets.feeds.client import (
    Attempt,
    Credentials,
    FeedClient,
    Limits,
    calls_spent,
    feed_client,
    payload_of,
)
from transit_assets.feeds.feed import Content, Feed

__all__ = [
    "Attempt",
    "Content",
    "Credentials",
    "Feed",
    "FeedClient",
    "Limits",
    "calls_spent",
    "feed_client",
    "payload_of",
]
