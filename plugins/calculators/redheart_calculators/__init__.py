"""Ten exact calculators, a module each: redheart's exact mathematics for a user's own numbers."""
