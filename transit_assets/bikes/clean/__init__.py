"""Payload to interim rows: pure functions, no I/O, no orchestration."""
