"""A memory of past cases with nearest-neighbour search, in an SQLite file or a PostgreSQL database."""
