"""The pages of a server: trying a text, and looking at runs."""
