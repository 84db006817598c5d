"""Which checkpoint of each group to take."""
