"""The tables of plugins.toml."""
