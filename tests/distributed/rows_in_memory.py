"""A source of rows that are in memory: what the tests of the floor learn from."""

from dataclasses import dataclass

import numpy as np

from chainrule.distributed.fit import Fit
from chainrule.distributed.order import RowOrder
from chainrule.distributed.teams import Threads
from chainrule.theory.optimizers import Adam
from chainrule.training.network import Network


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
        yield self.rows[start + first : start + last]

    def fill(self, rows, X, y):
        X[:], y[:] = rows[:, : self.inputs], rows[:, self.inputs :]


def made(groups=(700, 1, 300, 0, 999, 48), inputs=5, outputs=2, seed=0):
    """Return a source of so many rows, whose targets can be learned."""
    numbers = np.random.default_rng(seed)
    X = numbers.normal(size=(sum(groups), inputs))
    y = np.tanh(X @ numbers.normal(size=(inputs, outputs)))
    return Arrays(np.hstack([X, y]), tuple(groups), inputs)


SOURCE = made()


def network(dtype="float32", **options):
    return Network([5, 17, 2], seed=4, dtype=dtype, **{"activation": "tanh", **options})


def order_of(source=SOURCE, batch_size=64, lanes=8, buffer_rows=200, **options):
    return RowOrder(source.group_rows, batch_size, lanes, buffer_rows, **options)


def fitted(workers=1, net=None, optimizer=None, order=None, epochs=2, **options):
    fit = Fit(net or network(), optimizer or Adam(), order or order_of(), epochs, **options)
    team = Threads(SOURCE, fit.order, fit.network.spec, workers)
    fit.run(team)
    team.close()
    return fit
