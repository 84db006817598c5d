"""From entry points to what plugins offer, for the registry and the conformance kit alike."""
