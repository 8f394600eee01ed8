"""Fingerprints: by which a run knows its data again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray
from xxhash import xxh3_128, xxh3_128_hexdigest

from chainrule.engine.compiled import FASTEST
from chainrule.engine.sparse_rows import SparseRows
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


_CHUNK = 1 << 22  # numbers that one thread looks at; part of what a fingerprint is


class Fingerprinter:
    """Fingerprints of arrays, each taken once: 128 bits (XXH3) of their numbers, in their order.

    To read an array from memory takes as long as a part of an epoch, so a long one is cut into
    chunks, which all cores read; its fingerprint is that of the fingerprints of the chunks.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, Array]] = {}  # held: its id is not given away again

    def look(self, name: str, array: Array) -> None:
        """Raise ``ValueError`` as ``inputs.require_finite``, and take the fingerprint by the way.

        Both read the whole array: done block by block, it comes from memory once.
        """
        self._take(array, lambda start, block: require_finite_block(name, array, start, block))

    def of(self, array: Array | SparseRows | None) -> str:
        """Return the fingerprint of an array; "" of none."""
        if array is None:
            return ""
        if isinstance(array, SparseRows):
            parts = (array.values, array.columns, array.starts)
            return xxh3_128_hexdigest("".join(map(self.of, parts)).encode())
        if id(array) not in self._known:
            self._take(array, lambda start, block: None)  # noqa: ARG005
        return self._known[id(array)][0]

    def _take(self, array: Array, look: Callable[[int, Array], None]) -> None:
        flat = array.reshape(-1)  # C-contiguous: no copy

        def digest(first: int) -> bytes:
            found = xxh3_128()
            for start, block in blocks(flat, first, first + _CHUNK):
                look(start, block)
                found.update(block.data.cast("B"))
            return found.digest()

        chunks = range(0, len(flat), _CHUNK)
        if len(chunks) > 1:
            from concurrent.futures import ThreadPoolExecutor  # takes a tenth of the import

            with ThreadPoolExecutor(min(len(chunks), FASTEST.most)) as pool:
                digests = list(pool.map(digest, chunks))
        else:
            digests = [digest(first) for first in chunks]
        self._known[id(array)] = xxh3_128_hexdigest(b"".join(digests)), array

    def data(self, samples: Samples, held_out: Samples | None) -> FitData:
        """Return the data with their fingerprints."""
        found = {name: self.of(array) for name, array in samples._asdict().items()}
        if held_out is not None:
            found |= {f"validation's {k}": self.of(v) for k, v in held_out._asdict().items()}
        return FitData(samples, held_out, found)


def fit_data(
    spec: NetworkSpec,
    X: ArrayLike | SparseRows,
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
