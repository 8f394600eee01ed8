"""Which samples are held out: a function of their numbers and the seed, not of their places."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.utils import shuffle

from chainrule.engine.sparse_rows import SparseRows
from chainrule.estimators.samples import Prepared, divided

RNG = np.random.default_rng(0)


def prepared(n=200, classes=None, copies=None, dtype="float64"):
    X = RNG.normal(size=(n, 3)).astype(dtype)
    y = RNG.integers(classes, size=n) if classes else RNG.normal(size=n)
    columns = np.eye(classes)[y] if classes and classes > 2 else y.reshape(-1, 1)
    return Prepared(X, columns.astype(dtype), y, copies, copies)


def rows_of(part):
    return {tuple(row) for row in part.X.tolist()}


def numbers_of(data):
    return None if data.y.shape[1] > 2 else data.truth


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_each_sample_is_on_one_side(fraction):
    data = prepared()
    training, held_out = divided(data, fraction, 0, None)
    assert rows_of(training) | rows_of(held_out) == rows_of(data)
    assert not rows_of(training) & rows_of(held_out)
    assert len(held_out.X) == round(200 * fraction)


def test_the_order_does_not_matter():
    data = prepared()
    _, held_out = divided(data, 0.2, 0, None)
    order = shuffle(np.arange(200), random_state=1)
    _, again = divided(data.take(order), 0.2, 0, None)
    assert rows_of(held_out) == rows_of(again)


def test_the_seed_does():
    data = prepared()
    sides = [rows_of(divided(data, 0.2, seed, None)[1]) for seed in range(20)]
    shared = np.mean([len(sides[0] & side) for side in sides[1:]])
    assert 2 < shared < 15  # of 40: 8 by chance


def test_a_sample_is_held_out_as_often_as_the_fraction_says():
    """Over many seeds, each sample about as often: no number is preferred."""
    data = prepared(60)
    often = dict.fromkeys(rows_of(data), 0)
    for seed in range(400):
        for row in rows_of(divided(data, 0.25, seed, None)[1]):
            often[row] += 1
    shares = np.array(list(often.values())) / 400
    # binomial: a standard deviation of 0.022; of 60, the largest within 4 of them
    assert np.abs(shares - 0.25).max() < 0.09


def test_copies_are_on_one_side_and_a_weight_is_as_many_copies():
    copies = RNG.integers(1, 5, size=200)
    data = prepared()
    repeated = data.take(np.arange(200).repeat(copies))
    weighted = data._replace(weight=copies.astype(float), copies=copies.astype(float))
    sides = [divided(d, 0.2, 0, None) for d in (repeated, weighted)]
    assert rows_of(sides[0][1]) == rows_of(sides[1][1])
    assert not rows_of(sides[0][0]) & rows_of(sides[0][1])
    assert abs(len(sides[0][1].X) - 0.2 * copies.sum()) <= 4


@pytest.mark.parametrize("classes", [2, 5, 30])
def test_of_each_class_as_much(classes):
    data = prepared(600, classes)
    numbers = data.truth
    training, held_out = divided(data, 0.2, 0, numbers)
    assert abs(len(held_out.X) - 120) <= 1
    found = np.bincount(held_out.truth, minlength=classes)
    assert (np.abs(found - 0.2 * np.bincount(numbers, minlength=classes)) <= 1).all()
    assert set(training.truth) == set(numbers)


def test_the_only_sample_of_a_class_is_learned_from():
    data = prepared(50, 3)
    numbers = np.r_[np.zeros(25, int), np.ones(24, int), 2]
    data = data._replace(y=np.eye(3)[numbers], truth=numbers)
    for seed in range(20):
        training, _ = divided(data, 0.5, seed, numbers)
        assert set(training.truth) == {0, 1, 2}


def test_sparse_rows_are_on_the_side_of_dense_ones():
    data = prepared(80)
    X = np.where(RNG.uniform(size=data.X.shape) < 0.6, 0.0, data.X)
    thin = data._replace(X=SparseRows.of(sparse.csr_array(X), "float64"))
    sides = [divided(d, 0.3, 0, None) for d in (data._replace(X=X), thin)]
    for dense, found in zip(*sides, strict=True):
        np.testing.assert_array_equal(found.X[:], dense.X)


def test_minus_0_is_0():
    data = prepared(40)
    X = np.where(RNG.uniform(size=data.X.shape) < 0.3, 0.0, data.X)
    one, two = (data._replace(X=np.where(X == 0, zero, X)) for zero in (0.0, -0.0))
    assert rows_of(divided(one, 0.3, 0, None)[1]) == rows_of(divided(two, 0.3, 0, None)[1])


def test_of_four_samples_two():
    training, held_out = divided(prepared(4), 0.1, 0, None)
    assert (len(training.X), len(held_out.X)) == (2, 2)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_of_fewer_none(n):
    with pytest.raises(ValueError, match=rf"The validation set is too small.* n_samples={n}, and"):
        divided(prepared(n), 0.1, 0, None)


def test_samples_that_are_all_the_same():
    data = prepared(20)
    same = data._replace(X=np.ones((20, 3)), y=np.ones((20, 1)))
    with pytest.raises(ValueError, match="The validation set is too small"):
        divided(same, 0.1, 0, None)
