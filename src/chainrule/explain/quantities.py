"""Quantities: which number of a step is meant."""

from typing import NamedTuple


class Quantity(NamedTuple):
    """One number of a step.

    Attributes
    ----------
    kind : str
        What it is: a name of ``KINDS``.
    layer : int
        Of weights, from 0; of activations, from 0 for the inputs. -1 where there is none.
    at : tuple of int
        (sample, unit) of a value, (from, to) of a weight, (unit,) of a bias, (sample,) of a loss;
        from 0, the sample by its place in the batch. A letter in the pattern of a series.
    name : str
        Of an option, or of a vector of the optimizer.

    Examples
    --------
    >>> Quantity("weights", 0, (1, 2))
    Quantity(kind='weights', layer=0, at=(1, 2), name='')
    """

    kind: str
    layer: int = -1
    at: tuple[int | str, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        """Return the quantity as Python would address it: weights[0][1, 2]."""
        layer = f"[{self.layer}]" if self.layer >= 0 else ""
        index = f"[{', '.join(map(str, self.at))}]" if self.at else ""
        return self.kind + (f".{self.name}" if self.name else "") + layer + index
