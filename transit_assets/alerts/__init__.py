"""Alerts of any domain on their way to people: what is kept of them, channels, and an outbox that sends each once."""
