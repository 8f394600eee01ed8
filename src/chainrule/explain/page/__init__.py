"""The page that opens a step: one JSON document, and the modules that show it and compute on it."""
