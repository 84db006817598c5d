"""Records, text, encoders, splits, the embedding store and batches."""
