"""The weather that domains share, hour by hour: what was observed or forecast at a place, and when that was known."""
