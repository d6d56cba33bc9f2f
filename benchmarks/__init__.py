"""What the design costs, measured against the floor and against the usual ways: `python -m benchmarks [NAME...]`."""
