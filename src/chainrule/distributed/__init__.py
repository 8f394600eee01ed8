"""Training on rows that come in parts: the same bits for any number of workers."""
