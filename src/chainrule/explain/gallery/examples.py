"""The published examples: where each is from, its network and data, and the numbers it prints.

They are facts, in ``examples.json``. Weights are (from, to) as everywhere here; ``of`` is the
quantity that a printed number is, or a list of quantities whose product it is.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from chainrule.explain.notations import NOTATIONS, Notation
from chainrule.explain.quantities import Quantity
from chainrule.theory.checks import require_name
from chainrule.training.network import Network

Rows = list[list[float]]
_ADDRESS = re.compile(r"(\w+)((?:\[[\d, ]+\])*)")


@dataclass(frozen=True)
class Printed:
    """A number that a source prints.

    Attributes
    ----------
    name : str
        What the source calls it.
    text : str
        As it is printed.
    of : tuple of Quantity
        What it is: one, or several of which it is the product.
    after : int
        Steps that are taken before.
    rounded : mapping of Quantity to float
        Numbers from which the source reckoned on as they were rounded.
    factors : tuple of float
        Rounded factors whose product is printed.
    instead : str
        How the source came to its number: "sequential", "ungated", "one_less".
    why : str
        Why it isn't the exact number.
    special : mapping
        What isn't a quantity of a step: ``epochs_until``, ``mean_error_at``.
    """

    name: str
    text: str
    of: tuple[Quantity, ...] = ()
    after: int = 0
    rounded: Mapping[Quantity, float] = field(default_factory=dict)
    factors: tuple[float, ...] = ()
    instead: str = ""
    why: str = ""
    special: Mapping[str, Any] = field(default_factory=dict)

    @property
    def decimals(self) -> int:
        """How many decimals are printed."""
        return len(self.text.partition(".")[2])

    @property
    def value(self) -> float:
        """The printed number."""
        return float(self.text)

    def agrees(self, number: float) -> bool:
        """Return whether a number is the printed one, rounded to as many decimals.

        Examples
        --------
        >>> Printed("a", "0.27").agrees(0.2748), Printed("a", "0.27").agrees(0.2751)
        (True, False)
        """
        unit = 10.0**-self.decimals
        return abs(number - self.value) <= 0.5 * unit * (1 + 1e-6) + 1e-12 * abs(number)


@dataclass(frozen=True)
class Example:
    """A published example.

    Attributes
    ----------
    name, title, source : str
    notation : Notation
    network : mapping
        How its network is made.
    weights, biases : list
    X, y : list of list of float
    learning_rate : float
        0 where no step is taken.
    numbers : tuple of Printed
    remark : str
    has_frozen_biases : bool
        Whether biases aren't trained.
    """

    name: str
    title: str
    source: str
    notation: Notation
    network: Mapping[str, Any]
    weights: list[Rows]
    biases: Rows | None
    X: Rows
    y: Rows
    learning_rate: float
    numbers: tuple[Printed, ...]
    remark: str = ""
    has_frozen_biases: bool = False

    def made(self) -> Network:
        """Return the network as the example begins."""
        net = Network(**self.network, reduction="sum", init="zeros", dtype="float64")
        for array, given in zip(net.weights, self.weights, strict=True):
            array[:] = given
        for array, one in zip(net.biases, self.biases or [], strict=False):
            array[:] = one
        return net


@cache
def examples() -> Mapping[str, Example]:
    """Return the examples by their names."""
    text = (files(__package__) / "examples.json").read_text(encoding="utf-8")
    return MappingProxyType({entry["name"]: _example(entry) for entry in json.loads(text)})


def example_named(name: str) -> Example:
    """Return an example; ``ValueError`` if there is none of that name."""
    require_name("example", name, examples())
    return examples()[name]


def quantity_of(text: str) -> Quantity:
    """Return the quantity of an address.

    Examples
    --------
    >>> quantity_of("weights[0][1, 2]")
    Quantity(kind='weights', layer=0, at=(1, 2), name='')
    """
    match = _ADDRESS.fullmatch(text)
    assert match is not None, text
    places = [tuple(map(int, one.split(","))) for one in re.findall(r"\[([^]]*)\]", match[2])]
    layer = places.pop(0)[0] if len(places) > 1 else -1
    return Quantity(match[1], layer, places[0] if places else ())


def _example(entry: dict[str, Any]) -> Example:
    network = dict(entry["network"])
    is_frozen = network.pop("frozen_biases", False)
    return Example(
        name=entry["name"],
        title=entry["title"],
        source=entry["source"],
        notation=NOTATIONS[entry["notation"]],
        network=network,
        weights=entry["weights"],
        biases=entry["biases"],
        X=entry["X"],
        y=entry["y"],
        learning_rate=entry["learning_rate"],
        numbers=tuple(map(_printed, entry["numbers"])),
        remark=entry.get("remark", ""),
        has_frozen_biases=is_frozen,
    )


def _printed(row: dict[str, Any]) -> Printed:
    of = row.get("of", [])
    addresses = [of] if isinstance(of, str) else of
    special: dict[str, Any] = {
        key: row[key] for key in ("epochs_until", "mean_error_at") if key in row
    }
    return Printed(
        name=row["name"],
        text=row["printed"],
        of=tuple(map(quantity_of, addresses)),
        after=row.get("after", 0),
        rounded={quantity_of(key): value for key, value in row.get("rounded", {}).items()},
        factors=tuple(row.get("factors", ())),
        instead=row.get("instead", ""),
        why=row.get("why", ""),
        special=special,
    )
