"""The command line of redheart."""
