"""The road: counters of Paris, hour by hour: flow, occupancy and level of traffic on an axis."""
