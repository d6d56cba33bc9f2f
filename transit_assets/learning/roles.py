"""What a version, or a baseline beside it, is called: as an alias in the registry, and where several are judged."""

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
BASELINE = "baseline"
