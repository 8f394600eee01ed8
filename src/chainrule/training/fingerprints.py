"""Fingerprints: by which a run knows its data again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray
from xxhash import xxh3_128_hexdigest

from chainrule.engine.spec import NetworkSpec
from chainrule.training.inputs import Samples, Validation, samples, validation_samples

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


def fingerprint(array: Array | None) -> str:
    """Return 128 bits (XXH3) of an array's numbers, in their order; "" of none."""
    return "" if array is None else xxh3_128_hexdigest(array.data.cast("B"))


def known_data(
    data: Samples, held_out: Samples | None, prints: Callable[[Array | None], str] = fingerprint
) -> FitData:
    """Return the data with their fingerprints."""
    found = dict(zip(Samples._fields, map(prints, data), strict=True))
    if held_out is not None:
        found |= {f"validation's {name}": prints(a) for name, a in held_out._asdict().items()}
    return FitData(data, held_out, found)


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
    return known_data(samples(spec, X, y, sample_weight), validation_samples(spec, validation))
