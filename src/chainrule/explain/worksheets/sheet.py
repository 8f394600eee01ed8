"""Worksheet: exercises, and what is to be done, in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.explain.notations import Notation, notation_of
from chainrule.explain.worksheets.exercises import KINDS, Exercise, exercise
from chainrule.explain.worksheets.networks import Wanted
from chainrule.theory.checks import is_whole, require, require_name

_TASKS = {
    "blanks": "Take the step and fill in the blanks; round each result to {decimals} decimals.",
    "faded": (
        "The first lines are solved. Go on; less and less is given. Round each result to "
        "{decimals} decimals."
    ),
    "error": (
        "Somebody took this step, rounding to {decimals} decimals, and made one mistake; what "
        "follows is reckoned rightly from the wrong result. Which line is wrong, and what is right?"
    ),
}
MOST_UNITS = 40  # of all layers: what fits on paper
_DECIMALS = range(2, 9)


@dataclass(frozen=True)
class Worksheet:
    """Exercises on steps of small networks.

    Attributes
    ----------
    exercises : tuple of Exercise
    decimals : int
        To which each line is rounded.
    title : str
    """

    exercises: tuple[Exercise, ...]
    decimals: int
    title: str

    def task(self, one: Exercise) -> str:
        """Return what is to be done in an exercise."""
        return _TASKS[one.kind].format(decimals=self.decimals)


def worksheet(
    wanted: Wanted,
    *,
    kinds: Sequence[str] = KINDS,
    count: int = 3,
    seed: int = 0,
    notation: Notation | str = "article",
    decimals: int = 4,
) -> Worksheet:
    """Return a worksheet, each solution of which agrees with the engine and was derived again.

    Parameters
    ----------
    wanted : Wanted
        The network.
    kinds : sequence of str
        "blanks", "faded", "error": of the exercises, in turn.
    count : int
    seed : int
        The same seed gives the same sheet.
    notation : Notation or str
    decimals : int
        From 2 to 8.

    Raises
    ------
    ValueError
        If the network is too large for paper, or a solution doesn't agree.

    Examples
    --------
    >>> sheet = worksheet(Wanted([2, 2, 1]), kinds=["error"], count=1, seed=4)
    >>> sheet.exercises[0].mistake.said
    'the step goes up the slope, not down'
    """
    for kind in kinds:
        require_name("kind", kind, KINDS)
    require(bool(kinds), f"kinds must be some of {', '.join(KINDS)}, got none")
    require(is_whole(count) and count >= 1, f"count must be at least 1, got {count!r}")
    require(is_whole(seed) and seed >= 0, f"seed must be a whole number >= 0, got {seed!r}")
    require(decimals in _DECIMALS, f"decimals must be from 2 to 8, got {decimals!r}")
    units = sum(wanted.layer_sizes)
    require(units <= MOST_UNITS, f"a sheet has room for {MOST_UNITS} units, got {units}")
    chosen = notation_of(notation)
    made = tuple(
        exercise(kinds[n % len(kinds)], wanted, seed, n, chosen, decimals) for n in range(count)
    )
    sizes = "-".join(map(str, wanted.layer_sizes))
    title = f"One step of a {sizes} network, {wanted.activation}, seed {seed}"
    return Worksheet(made, decimals, title)
