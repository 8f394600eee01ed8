"""A source of rows that are in memory: what the tests of the floor learn from."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Arrays:
    """Rows of X and y side by side, in groups."""

    rows: np.ndarray
    groups: tuple
    inputs: int

    @property
    def group_rows(self):
        return self.groups

    def reader(self):
        return self

    def read(self, group, first, last):
        start = sum(self.groups[:group])
        assert 0 <= first <= last <= self.groups[group]
        return self.rows[start + first : start + last].copy()

    def fill(self, rows, X, y):
        X[:], y[:] = rows[:, : self.inputs], rows[:, self.inputs :]


def made(groups=(700, 1, 300, 0, 999, 48), inputs=5, outputs=2, seed=0):
    """Return a source of so many rows, whose targets can be learned."""
    numbers = np.random.default_rng(seed)
    X = numbers.normal(size=(sum(groups), inputs))
    y = np.tanh(X @ numbers.normal(size=(inputs, outputs)))
    return Arrays(np.hstack([X, y]), tuple(groups), inputs)
