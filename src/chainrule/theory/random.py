"""Counter-based random numbers: every draw is a function of its address.

Philox 4x64-10 (Salmon, Moraes, Dror, Shaw 2011, Parallel random numbers: as
easy as 1, 2, 3), as in NumPy's ``Philox``. A stream is addressed by (seed,
purpose, index, layer); there is no hidden state, so a run resumes or is replayed
from its counters alone, and both engines draw the same numbers.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Purpose(IntEnum):
    """What a stream is for; keeps streams of one seed apart."""

    INITIAL_PARAMETERS = 0
    SHUFFLE = 1
    DROPOUT = 2
    SPLIT = 3


def raw_draws(
    seed: int, purpose: Purpose, count: int, *, index: int = 0, layer: int = 0
) -> NDArray[np.uint64]:
    """Return the first draws of a stream.

    Parameters
    ----------
    seed : int
        From 0 to 2⁶⁴ − 1.
    purpose : Purpose
    count : int
        How many draws.
    index, layer : int
        The epoch or step, and the layer, that the stream belongs to.

    Returns
    -------
    ndarray of shape (count,), dtype uint64

    Notes
    -----
    Key (seed, 0); counter (block, layer, index, purpose), the block counted from 1.
    """
    bits = np.random.Philox(
        key=np.array([seed, 0], dtype=np.uint64),
        counter=np.array([0, layer, index, purpose], dtype=np.uint64),
    )
    return bits.random_raw(count)


def uniforms(
    seed: int, purpose: Purpose, count: int, *, index: int = 0, layer: int = 0
) -> NDArray[np.float64]:
    """Return uniform numbers in [0, 1): the top 53 bits of each draw, times 2⁻⁵³."""
    draws = raw_draws(seed, purpose, count, index=index, layer=layer)
    return (draws >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(
    seed: int, purpose: Purpose, count: int, *, index: int = 0, layer: int = 0
) -> NDArray[np.float64]:
    """Return standard normal numbers by the Box–Muller transform.

    Notes
    -----
    z = √(−2 ln(1 − u)) cos(2πv) for consecutive uniforms u, v
    (Box, Muller 1958); the sine twin is not used.
    """
    u, v = uniforms(seed, purpose, 2 * count, index=index, layer=layer).reshape(count, 2).T
    return np.sqrt(-2.0 * np.log1p(-u)) * np.cos(2.0 * np.pi * v)


def permutation(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """Return the order in which an epoch visits the rows.

    Parameters
    ----------
    seed, epoch : int
        Epochs count from 0.
    count : int
        How many rows.

    Returns
    -------
    ndarray of shape (count,), dtype int64

    Notes
    -----
    Fisher–Yates from the last place to the second: place i swaps with place
    ⌊r (i + 1) / 2⁶⁴⌋ for the next draw r. The product is not re-drawn to be
    exactly uniform; the bias is below count / 2⁶⁴.
    """
    order = list(range(count))
    draws = raw_draws(seed, Purpose.SHUFFLE, max(count - 1, 0), index=epoch).tolist()
    for i, draw in zip(range(count - 1, 0, -1), draws, strict=True):
        j = (draw * (i + 1)) >> 64
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)


def ranks_of_draws(seed: int, epoch: int, place: int, count: int) -> NDArray[np.int64]:
    """Return an order of some of an epoch's rows, those from a place on: by a draw for each.

    Parameters
    ----------
    seed, epoch : int
    place : int
        From 1 on, so that it is no order of a whole epoch.
    count : int
        How many rows.

    Returns
    -------
    ndarray of shape (count,), dtype int64
        Of equal draws, the first comes first.
    """
    draws = raw_draws(seed, Purpose.SHUFFLE, count, index=epoch, layer=place)
    return np.argsort(draws, kind="stable")


def dropout_mask(
    seed: int, step: int, layer: int, shape: tuple[int, int], rate: float
) -> NDArray[np.float64]:
    """Return the factors that dropout multiplies the activations by.

    Notes
    -----
    Inverted dropout (Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov
    2014, section 10, scaled in training): 0 with probability ``rate``, else
    1 / (1 − rate). Unit (i, j) of a layer takes draw i · fan_out + j.
    """
    draws = uniforms(seed, Purpose.DROPOUT, shape[0] * shape[1], index=step, layer=layer)
    return np.where(draws < rate, 0.0, 1.0 / (1.0 - rate)).reshape(shape)
