"""GTFS Schedule: any valid zip of it, read member by member and checked by the rules of the canonical validator.

Rules have the names of the validator's notices (`foreign_key_violation`); gtfs.org describes them.
"""

from transit_assets.feeds.gtfs.feed import Feed, read, survey
from transit_assets.feeds.gtfs.files import Finding
from transit_assets.feeds.gtfs.reading import is_feed

__all__ = ["Feed", "Finding", "is_feed", "read", "survey"]
