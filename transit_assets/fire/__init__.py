"""The fire: calls of the London Fire Brigade, and how long its vehicles take to arrive."""
