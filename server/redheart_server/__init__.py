"""The HTTP server: models that answer over the network, with the same JSON as the commands."""
