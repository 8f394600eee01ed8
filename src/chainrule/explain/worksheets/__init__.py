"""Worksheets: exercises on a step of a small network, with solutions that the engine verified."""
