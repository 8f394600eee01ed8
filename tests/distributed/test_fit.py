"""The same bits for any number of workers, and the steps of any other fit."""

from itertools import pairwise

import numpy as np
import pytest
from rows_in_memory import SOURCE, fitted, made, network, order_of

from chainrule.distributed.fit import Held
from chainrule.distributed.lanes import Worker, joined, samples_of
from chainrule.distributed.sums import Sums, Tree, subtrees
from chainrule.engine.batches import Batches
from chainrule.engine.reference import Trainer
from chainrule.theory.optimizers import SGD, Adam, AdamW
from chainrule.theory.schedules import Cosine
from chainrule.training.stopping import EarlyStopping


@pytest.mark.parametrize("options", [{}, {"dropout": 0.3}, {"l2": 0.01, "reduction": "sum"}])
@pytest.mark.parametrize("batch_size", [8, 64, 16384])
def test_threads_change_no_bit(batch_size, options):
    def of(workers):
        order, optimizer = order_of(batch_size=batch_size), AdamW(Cosine(1e-3), averaging=0.9)
        return fitted(workers, network(**options), optimizer, order)

    one = of(1)
    for workers in (2, 3, 8, 20):
        other = of(workers)
        np.testing.assert_array_equal(one.losses, other.losses)
        np.testing.assert_array_equal(one.network.parameters.theta, other.network.parameters.theta)


@pytest.mark.parametrize("cuts", [[0, 8], [0, 4, 8], [0, 3, 8], [0, 1, 6, 7, 8]])
def test_whoever_holds_the_lanes(cuts):
    order, spec, theta = order_of(), network().spec, network().parameters.theta
    whole = joined(Worker(SOURCE, order, spec).sums(theta, 1, range(3), range(8)))
    parts = []
    for first, last in pairwise(cuts):
        parts += Worker(SOURCE, order, spec).sums(theta, 1, range(3), range(first, last))
    sums = joined(parts[::-1])
    assert (sums.rows, sums.loss) == (whole.rows, whole.loss)
    np.testing.assert_array_equal(sums.gradient, whole.gradient)


def rows_of_piece(piece):
    return np.concatenate([*SOURCE.read(*piece)])


def rows_of(order, epoch, step):
    """Return the rows of a step's batch, as the order says, not as a worker reads them."""
    ordered, batch = order.epoch(epoch), []
    for lane in range(order.lanes):
        rows = []
        for buffer in range(order.buffers(lane)):
            held = np.concatenate([*map(rows_of_piece, ordered.pieces(lane, buffer))])
            rows.append(held[np.argsort(ordered.places(lane, buffer))])
        batch.append(np.concatenate(rows)[step * order.share : (step + 1) * order.share])
    return np.concatenate(batch)


@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), Adam(clip_norm=0.1)], ids=str)
@pytest.mark.parametrize("options", [{}, {"l2": 0.01, "l1": 1e-3, "reduction": "sum"}], ids=str)
def test_each_step_is_the_references(options, optimizer):
    if options:
        optimizer = optimizer.at_rate(1e-3)
    order, net = order_of(batch_size=512), network("float64", **options)
    theirs = network("float64", **options).parameters
    state = [optimizer.initial_slot(slot, theirs.theta) for slot in optimizer.slots]
    fit = fitted(2, net, optimizer, order, epochs=2)
    for step in range(fit.step):
        rows = rows_of(order, *divmod(step, order.steps_per_epoch))
        batches = Batches.whole(rows[:, :5].copy(), rows[:, 5:].copy(), None)
        trainer = Trainer(theirs, optimizer, state, batches, step)
        # an epoch's order is that of its rows, so the batch is one, whatever the step
        loss, gradient = Trainer(theirs, optimizer, state, batches).gradient()
        assert fit.losses[step] == pytest.approx(loss, rel=1e-11)
        trainer.step_along(gradient - penalty_gradient(theirs), float(optimizer.learning_rate))
    np.testing.assert_allclose(net.parameters.theta, theirs.theta, rtol=1e-9, atol=1e-12)


def penalty_gradient(parameters):
    spec, part = parameters.spec, np.zeros_like(parameters.theta)
    w = parameters.w
    part[: w.size] = spec.l2 * w + spec.l1 * np.sign(w)
    return part


def test_the_best_epoch_is_kept_and_ends_it():
    others = made((5000,), seed=9)  # more than are judged at a time
    X, y = samples_of(others, others.rows, network().spec)
    held, stopping = Held(others, others.rows), EarlyStopping(patience=2)
    fit = fitted(2, optimizer=Adam(0.3), epochs=50, early_stopping=stopping, held=held)
    assert fit.stopped == "early_stopping"
    assert len(fit.validation_losses) < 50
    assert fit.best_epoch == stopping.best_epoch(fit.validation_losses)
    assert fit.network.loss(X, y) == pytest.approx(min(fit.validation_losses), rel=1e-6)


def test_a_fit_that_diverges_says_so():
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        fitted(2, optimizer=SGD(1e12), epochs=9)


@pytest.mark.parametrize("leaves", [1, 2, 5, 7, 8, 13])
def test_the_tree_halves_at_powers_of_two(leaves):
    numbers = np.random.default_rng(leaves).normal(size=(leaves, 3)).astype("float32")

    def halved(first, last):
        if last - first == 1:
            return numbers[first].copy()
        half = 1 << ((last - first - 1).bit_length() - 1)
        return halved(first, first + half) + halved(first + half, last)

    tree = Tree()
    for row in numbers:
        tree.add(Sums(1, float(row[0]), row.copy()))
    total = tree.total()
    np.testing.assert_array_equal(total.gradient, halved(0, leaves))
    assert total.rows == leaves


@pytest.mark.parametrize(("first", "last"), [(0, 8), (3, 8), (1, 7), (5, 6), (4, 4)])
def test_subtrees_are_aligned_and_make_up_the_range(first, last):
    found = list(subtrees(first, last))
    leaves = [leaf for at, height in found for leaf in range(at, at + (1 << height))]
    assert leaves == list(range(first, last))
    assert all(at % (1 << height) == 0 for at, height in found)
