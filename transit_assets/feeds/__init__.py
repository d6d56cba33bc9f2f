"""The outside world: one client for every provider, and one module for each of them. Knows no domain.

`feed_client` builds the client; `velib` polls the bikes; `gbfs` and `opendatasoft` type their payloads.
"""

from transit_assets.feeds.client import (
    Attempt,
    Credentials,
    Feed,
    FeedClient,
    Limits,
    calls_spent,
    feed_client,
    payload_of,
)

__all__ = ["Attempt", "Credentials", "Feed", "FeedClient", "Limits", "calls_spent", "feed_client", "payload_of"]
