"""Verifying a receipt: plain Python floats, and nothing of the rest of the package."""
