"""Files, JSON, settings and random streams."""
