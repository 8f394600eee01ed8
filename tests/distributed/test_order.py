"""Every row once an epoch, in an order that depends on nothing but seed and epoch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.distributed.order import RowOrder

GROUPS = (700, 1, 300, 0, 999, 48)


def visited(order, epoch=0):
    """Return (group, row) of each step's rows, lane after lane, as lists."""
    ordered = order.epoch(epoch)
    lanes = []
    for lane in range(order.lanes):
        rows = []
        for buffer in range(order.buffers(lane)):
            held = [
                (piece.group, row)
                for piece in ordered.pieces(lane, buffer)
                for row in range(piece.first, piece.last)
            ]
            assert len(held) <= order.buffer_rows
            rows += [held[k] for k in np.argsort(ordered.places(lane, buffer))]
        lanes.append(rows)
    return lanes


@given(
    groups=st.lists(st.integers(0, 40), min_size=1, max_size=9).filter(any),
    lanes=st.sampled_from([1, 2, 4, 8]),
    share=st.integers(1, 5),
    buffer_rows=st.integers(1, 50),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 5),
)
def test_an_epoch_has_every_row_once(groups, lanes, share, buffer_rows, seed, epoch):
    order = RowOrder(tuple(groups), lanes * share, lanes, buffer_rows, True, seed)
    rows = visited(order, epoch)
    all_rows = [(group, row) for group, count in enumerate(groups) for row in range(count)]
    assert sorted(row for lane in rows for row in lane) == all_rows
    lengths = {len(lane) for lane in rows}
    assert max(lengths) - min(lengths) <= 1
    assert order.steps_per_epoch == -(-max(lengths) // share)


def test_epochs_and_seeds_have_orders_of_their_own():
    of = {
        (seed, epoch): visited(RowOrder(GROUPS, 8, 2, 500, True, seed), epoch)
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len({str(order) for order in of.values()}) == 4
    assert of[0, 1] == visited(RowOrder(GROUPS, 8, 2, 500, True, 0), 1)


def test_unshuffled_lanes_follow_the_table():
    rows = visited(RowOrder(GROUPS, 8, 2, 100, shuffle=False))
    assert [row for lane in rows for row in lane] == [
        (group, row) for group, count in enumerate(GROUPS) for row in range(count)
    ]


def displacement(buffer_groups):
    """Return how far a row moves within its lane, on average, as a share of a full shuffle's."""
    order = RowOrder((100,) * 64, 8, 4, 100 * buffer_groups, True, 3)
    moved = []
    for lane in visited(order):
        groups = np.array([group for group, _ in lane])
        place = np.arange(len(lane))
        for group in np.unique(groups):  # rows of one group lie together, unless they are mixed
            at = place[groups == group]
            if at.size > 1:
                moved.append(np.abs(at[:, None] - at[None, :]).mean() / len(lane))
    return np.mean(moved) / (1 / 3)  # of two random places


def test_the_larger_the_buffer_the_nearer_to_a_full_shuffle():
    shares = [displacement(groups) for groups in (1, 4, 16)]
    assert shares[0] < 0.12 < shares[1] < 0.5 < shares[2]
    assert shares[2] == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lanes": 3}, "lanes must be a power of two, got 3"),
        ({"batch_size": 12}, "batch_size must be a multiple of lanes (8), got 12"),
        ({"group_rows": (0, 0)}, "there are no rows to learn from"),
        ({"buffer_rows": 0}, "buffer_rows must be"),
    ],
)
def test_what_cannot_be_is_refused(options, said):
    usual = {"group_rows": (5,), "batch_size": 16, "lanes": 8, "buffer_rows": 4}
    with pytest.raises(ValueError, match=said.replace("(", r"\(").replace(")", r"\)")):
        RowOrder(**(usual | options))
