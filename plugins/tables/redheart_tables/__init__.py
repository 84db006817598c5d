"""The data sets `jsonl` and `csv`: users' own files, with a mapping from columns to fields."""
