"""A lane's share has the same sums, in whatever pieces the engine gets it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import chainrule as cr
from chainrule.distributed import lanes
from chainrule.distributed.lanes import ShareSums, chunk_rows
from chainrule.distributed.sums import Sums, Tree


class Rows:
    """Samples as they are."""

    def fill(self, rows, X, y):
        X[:], y[:] = rows[:, : X.shape[1]], rows[:, X.shape[1] :]


ROWS = np.random.default_rng(1).normal(size=(3000, 5))


def sums_of(rows, number=9, **options):
    network = cr.Network([3, 8, 2], activation="tanh", seed=0, **options)
    return ShareSums(Rows(), network.parameters, seed=2).of(rows, number)


@pytest.mark.parametrize("options", [{}, {"dropout": 0.5}], ids=["plain", "dropout"])
@pytest.mark.parametrize("count", [1, 255, 256, 300, 1024, 2000, 3000])
def test_no_bit_depends_on_the_pieces(count, options, monkeypatch):
    whole = sums_of(ROWS[:count], **options)
    monkeypatch.setattr(lanes, "_PIECE", 1)  # a chunk at a time
    pieces = sums_of(ROWS[:count], **options)
    assert (whole.rows, whole.loss) == (pieces.rows, pieces.loss)
    assert whole.rows == count
    assert_array_equal(whole.gradient, pieces.gradient)
    tree = Tree()
    for k, first in enumerate(range(0, count, 256)):  # each with its number
        tree.add(sums_of(ROWS[first : min(first + 256, count)], 9 + k, **options))
    assert_array_equal(tree.total().gradient, whole.gradient)


def test_no_rows_add_up_to_nothing():
    nothing = sums_of(ROWS[:0])
    assert isinstance(nothing, Sums)
    assert nothing.rows == nothing.loss == 0
    assert not nothing.gradient.any()


def test_large_networks_have_larger_chunks():
    small, large = (cr.Network([10, units, 1]).spec for units in (1000, 100_000))
    assert (chunk_rows(small), chunk_rows(large)) == (256, 1024)
