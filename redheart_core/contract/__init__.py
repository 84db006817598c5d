"""What a plugin author reads: fields, specs, hooks, events, errors and tensor checks; imports no torch."""
