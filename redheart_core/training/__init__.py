"""Group trainers, schedule, regularization, audit and the loop over epochs."""
