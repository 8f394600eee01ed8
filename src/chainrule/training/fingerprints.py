"""Fingerprints: by which a run knows its data again."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray
from xxhash import xxh3_128, xxh3_128_hexdigest

from chainrule.engine.spec import NetworkSpec
from chainrule.training.inputs import (
    Samples,
    Validation,
    blocks,
    require_finite_block,
    samples,
    validation_samples,
)

Array = NDArray[Any]


@dataclass(frozen=True)
class FitData:
    """What a fit learns from, and by what it is known again.

    Attributes
    ----------
    samples : Samples
    held_out : Samples or None
    fingerprints : dict of str
        Of each array by its name; "" for one that is not given.
    """

    samples: Samples
    held_out: Samples | None
    fingerprints: dict[str, str]


class Fingerprinter:
    """Fingerprints of arrays, each taken once: 128 bits (XXH3) of their numbers, in their order."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, Array]] = {}  # held: its id is not given away again

    def look(self, name: str, array: Array) -> None:
        """Raise ``ValueError`` as ``inputs.require_finite``, and take the fingerprint by the way.

        Both read the whole array: done block by block, it comes from memory once.
        """
        digest = xxh3_128()
        for start, block in blocks(array):
            require_finite_block(name, array, start, block)
            digest.update(block.data.cast("B"))
        self._known[id(array)] = digest.hexdigest(), array

    def of(self, array: Array | None) -> str:
        """Return the fingerprint of an array; "" of none."""
        if array is None:
            return ""
        if id(array) not in self._known:
            self._known[id(array)] = xxh3_128_hexdigest(array.data.cast("B")), array
        return self._known[id(array)][0]

    def data(self, samples: Samples, held_out: Samples | None) -> FitData:
        """Return the data with their fingerprints."""
        found = {name: self.of(array) for name, array in samples._asdict().items()}
        if held_out is not None:
            found |= {f"validation's {k}": self.of(v) for k, v in held_out._asdict().items()}
        return FitData(samples, held_out, found)


def fit_data(
    spec: NetworkSpec,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    validation: Validation | None,
) -> FitData:
    """Return what the user gave, ready for an engine, with fingerprints.

    Raises
    ------
    ValueError
        As ``inputs.samples`` and ``inputs.validation_samples``.
    """
    prints = Fingerprinter()
    known = samples(spec, X, y, sample_weight, prints.look)
    return prints.data(known, validation_samples(spec, validation, prints.look))
