"""The random numbers: the published generator, addressed, and as random as it should be.

The seeds are fixed, so these tests give one answer for ever: a p-value of at least
0.001 says that this stream is not one of the worst 0.1 % of what the distribution gives.
"""

import math

import numpy as np
import pytest
from scipy import stats

from chainrule.theory.random import (
    Purpose,
    dropout_mask,
    normals,
    permutation,
    raw_draws,
    uniforms,
)

WORD = 2**64 - 1
LEAST_P = 1e-3


def philox(counter, key):
    """Philox 4x64-10 as Salmon, Moraes, Dror and Shaw print it (2011, section 3.3)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        high0, low0 = divmod(0xD2E7470EE14C6C93 * c[0], 2**64)
        high1, low1 = divmod(0xCA5A826395121157 * c[2], 2**64)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B97F4A7C15) & WORD, (k[1] + 0xBB67AE8584CAA73B) & WORD]
    return c


def test_the_generator_gives_the_authors_known_answers():
    """The first and second lines for philox4x64-10 of the authors' kat_vectors."""
    zeros = [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B]
    ones = [0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0]
    assert philox([0] * 4, [0] * 2) == zeros
    assert philox([WORD] * 4, [WORD] * 2) == ones


def test_the_numbers_of_the_purposes_are_for_ever():
    """With others, every seed would give other networks: a saved run could not go on."""
    assert {purpose.name: purpose.value for purpose in Purpose} == {
        "INITIAL_PARAMETERS": 0, "SHUFFLE": 1, "DROPOUT": 2, "SPLIT": 3,
    }  # fmt: skip


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("seed", [0, 1, 2**63, WORD])
def test_raw_draws_are_philox_at_the_stated_address(seed, purpose):
    expected = [
        word for block in (1, 2, 3) for word in philox([block, 5, 17, int(purpose)], [seed, 0])
    ]
    draws = raw_draws(seed, purpose, 10, index=17, layer=5)
    assert draws.dtype == np.uint64
    assert draws.tolist() == expected[:10]
    assert raw_draws(seed, purpose, 4).tolist() == philox([1, 0, 0, int(purpose)], [seed, 0])


def test_a_longer_stream_begins_like_a_shorter_one():
    long, short = (raw_draws(3, Purpose.SHUFFLE, n, index=2) for n in (100, 7))
    np.testing.assert_array_equal(long[:7], short)
    assert len(raw_draws(3, Purpose.SHUFFLE, 0)) == 0


def test_every_part_of_the_address_matters():
    streams = {
        raw_draws(seed, purpose, 4, index=index, layer=layer).tobytes()
        for seed in (0, 1, 2**40)
        for purpose in Purpose
        for index in (0, 1)
        for layer in (0, 1)
    }
    assert len(streams) == 3 * len(Purpose) * 2 * 2


def test_uniforms_are_the_top_53_bits():
    raw = raw_draws(9, Purpose.DROPOUT, 1000, index=4, layer=1).tolist()
    expected = [(word >> 11) / 2**53 for word in raw]
    assert uniforms(9, Purpose.DROPOUT, 1000, index=4, layer=1).tolist() == expected


def test_uniforms_are_uniform_in_0_1():
    u = uniforms(0, Purpose.INITIAL_PARAMETERS, 100_000)
    assert 0 <= u.min() < 1e-4
    assert 1 - 1e-4 < u.max() < 1
    p = stats.kstest(u, "uniform").pvalue
    assert p > LEAST_P, f"Kolmogorov–Smirnov p = {p}"
    serial = np.corrcoef(u[:-1], u[1:])[0, 1]
    assert abs(serial) < 3.3 / math.sqrt(len(u)), f"serial correlation {serial}, 99.9 % bound"


def test_normals_are_box_and_mullers():
    u = uniforms(5, Purpose.INITIAL_PARAMETERS, 400, layer=3).tolist()
    expected = [
        math.sqrt(-2 * math.log1p(-a)) * math.cos(2 * math.pi * b)
        for a, b in zip(u[::2], u[1::2], strict=True)
    ]
    actual = normals(5, Purpose.INITIAL_PARAMETERS, 200, layer=3)
    # Two libraries' log and cos: an ulp each; the cosine of a large angle is relative to 1.
    np.testing.assert_allclose(actual, expected, rtol=1e-13, atol=1e-15)


def test_normals_are_normal():
    z = normals(0, Purpose.INITIAL_PARAMETERS, 100_000)
    p = stats.kstest(z, "norm").pvalue
    assert p > LEAST_P, f"Kolmogorov–Smirnov p = {p}"
    assert np.isfinite(z).all()


class TestPermutation:
    """The order in which an epoch visits the rows."""

    @pytest.mark.parametrize("count", [0, 1, 2, 3, 17, 1000])
    def test_every_row_comes_once(self, count):
        order = permutation(4, 2, count)
        assert order.dtype == np.int64
        assert sorted(order.tolist()) == list(range(count))

    def test_is_fisher_and_yates_from_the_last_place(self):
        raw = iter(raw_draws(11, Purpose.SHUFFLE, 8, index=6).tolist())
        order = list("abcdefghi")
        for i in range(8, 0, -1):
            j = math.floor(next(raw) * (i + 1) / 2**64)
            order[i], order[j] = order[j], order[i]
        assert "".join(np.array(list("abcdefghi"))[permutation(11, 6, 9)]) == "".join(order)

    def test_all_24_orders_of_4_are_equally_frequent(self):
        orders = [tuple(permutation(0, epoch, 4).tolist()) for epoch in range(4800)]
        counts = np.unique(orders, axis=0, return_counts=True)[1]
        assert len(counts) == 24
        p = stats.chisquare(counts).pvalue
        assert p > LEAST_P, f"chi-square p = {p} for {counts.tolist()}"

    def test_each_row_is_equally_often_at_each_place(self):
        table = np.zeros((10, 10))
        for seed in range(3000):
            table[np.arange(10), permutation(seed, 0, 10)] += 1
        statistic = np.sum((table - 300) ** 2) / 300
        p = stats.chi2.sf(statistic, df=81)  # both margins are fixed
        assert p > LEAST_P, f"chi-square {statistic}, p = {p}"

    def test_is_the_same_again_and_different_in_other_epochs_and_seeds(self):
        np.testing.assert_array_equal(permutation(1, 2, 50), permutation(1, 2, 50))
        orders = {permutation(s, e, 50).tobytes() for s in range(3) for e in range(3)}
        assert len(orders) == 9


class TestDropoutMask:
    """Inverted dropout: 0, or 1 / (1 − rate)."""

    def test_factors_and_their_mean(self):
        mask = dropout_mask(0, 1, 0, (500, 100), 0.2)
        assert set(np.unique(mask).tolist()) == {0.0, 1.25}
        # The share of zeros has standard deviation sqrt(0.2 · 0.8 / n): 3.3 of them, 99.9 %.
        share = np.mean(mask == 0)
        assert abs(share - 0.2) < 3.3 * math.sqrt(0.16 / mask.size), f"{share} of 0.2"

    def test_unit_j_of_row_i_takes_draw_i_fan_out_plus_j(self):
        draws = uniforms(8, Purpose.DROPOUT, 21, index=5, layer=2)
        mask = dropout_mask(8, 5, 2, (3, 7), 0.5)
        expected = [[0.0 if draws[7 * i + j] < 0.5 else 2.0 for j in range(7)] for i in range(3)]
        assert mask.tolist() == expected
