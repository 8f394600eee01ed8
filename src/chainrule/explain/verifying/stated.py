"""Stated: what a receipt says of its network and its step, checked; for ``verify.py``."""

import math
from typing import Any

from chainrule.explain.verifying.restated import ACTIVATIONS, LOSSES, OPTIMIZERS

_FIELDS = {
    "receipt",
    "step",
    "rows",
    "network",
    "is_weighted",
    "update",
    "explains",
    "given",
    "lines",
}
_NETWORK = {
    "layer_sizes", "activations", "loss", "loss_options", "reduction", "l2", "l1", "dropout",
    "dtype",
}  # fmt: skip
_UPDATE = {"optimizer", "options", "learning_rate", "step_number", "is_clipped"}


class Stated:
    """The head of a receipt.

    Raises
    ------
    ValueError
        If a field is missing, unknown or out of range.
    """

    def __init__(self, receipt: Any) -> None:  # noqa: ANN401 (what a JSON file holds)
        _require_fields("the receipt", receipt, _FIELDS)
        _require(receipt["receipt"] == 1, f"this is receipt 1, got {receipt['receipt']!r}")
        self.step: int = _whole("step", receipt["step"], 1)
        self.n = len(_list("rows", receipt["rows"]))
        _require(self.n > 0, "rows must have at least one row")
        for row in receipt["rows"]:
            _whole("a row", row, 0)
        self.is_weighted: bool = _boolean("is_weighted", receipt["is_weighted"])
        self.explains: list[str] = _list("explains", receipt["explains"])
        self.given: list[Any] = _list("given", receipt["given"])
        self.lines: list[Any] = _list("lines", receipt["lines"])
        self._network(receipt["network"])
        self._update(receipt["update"])

    def _network(self, network: Any) -> None:  # noqa: ANN401
        _require_fields("network", network, _NETWORK)
        self.sizes: list[int] = [
            _whole("a layer size", size, 1) for size in _list("layer_sizes", network["layer_sizes"])
        ]
        self.layers = len(self.sizes) - 1
        _require(self.layers > 0, "layer_sizes must have at least two")
        self.activations: list[str] = _list("activations", network["activations"])
        _require(len(self.activations) == self.layers, "activations must be one a layer of weights")
        for name in self.activations:
            _require(name in ACTIVATIONS or name == "softmax", f"unknown activation {name!r}")
        self.loss: str = network["loss"]
        known = self.loss in LOSSES or self.loss == "gaussian_nll"
        _require(known, f"unknown loss {self.loss!r}")
        self.loss_options: dict[str, Any] = network["loss_options"]
        self.reduction: str = network["reduction"]
        _require(
            self.reduction in ("mean", "sum"), f"reduction is mean or sum, got {self.reduction!r}"
        )
        self.l2, self.l1 = _number("l2", network["l2"], 0), _number("l1", network["l1"], 0)
        self.dropout = _number("dropout", network["dropout"], 0)
        _require(self.dropout < 1, f"dropout must be below 1, got {self.dropout}")
        self.dtype: str = network["dtype"]
        _require(self.dtype in ("float32", "float64"), f"unknown dtype {self.dtype!r}")
        levels = self.loss_options.get("levels", [0.5]) if self.loss == "quantile" else [0.5]
        self.levels: list[float] = [_number("a level", level, 0) for level in levels]
        parts = 2 if self.loss == "gaussian_nll" else len(self.levels)
        _require(self.sizes[-1] % parts == 0, f"outputs must be {parts} for each target")
        self.targets = self.sizes[-1] // (parts if self.loss == "gaussian_nll" else 1)

    def _update(self, update: Any) -> None:  # noqa: ANN401
        self.optimizer, self.options, self.rate, self.t = "", dict[str, Any](), 0.0, 0
        self.is_clipped = False
        if update is None:
            return
        _require_fields("update", update, _UPDATE)
        self.optimizer = update["optimizer"]
        _require(self.optimizer in OPTIMIZERS, f"unknown optimizer {self.optimizer!r}")
        self.options = update["options"]
        for name, value in self.options.items():
            _require(value is None or isinstance(value, int | float), f"{name} must be a number")
        self.rate = _number("learning_rate", update["learning_rate"], 0)
        self.t = _whole("step_number", update["step_number"], self.step)
        self.is_clipped = _boolean("is_clipped", update["is_clipped"])
        largest = self.options.get("clip_norm")
        _require(largest is not None or not self.is_clipped, "nothing is clipped without clip_norm")

    @property
    def slots(self) -> list[str]:
        """The names of the optimizer's vectors of memory."""
        if not self.optimizer:
            return []
        own = list(OPTIMIZERS[self.optimizer][1])
        if self.optimizer == "sgd" and self.options["momentum"]:
            own = ["velocity"]
        return own + (["average"] if self.options["averaging"] else [])


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(what)


def _require_fields(name: str, found: Any, fields: set[str]) -> None:  # noqa: ANN401
    _require(isinstance(found, dict), f"{name} must be an object, got {found!r:.40}")
    for missing in sorted(fields - found.keys()):
        raise ValueError(f"{name}: field {missing!r} is missing")
    for strange in sorted(found.keys() - fields):
        raise ValueError(f"{name}: unknown field {strange!r}")


def _list(name: str, found: Any) -> list[Any]:  # noqa: ANN401
    _require(isinstance(found, list), f"{name} must be a list, got {found!r:.40}")
    return list(found)


def _whole(name: str, found: Any, least: int) -> int:  # noqa: ANN401
    good = isinstance(found, int) and not isinstance(found, bool) and found >= least
    _require(good, f"{name} must be a whole number >= {least}, got {found!r}")
    return int(found)


def _number(name: str, found: Any, least: float) -> float:  # noqa: ANN401
    good = isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    _require(good and found >= least, f"{name} must be a number >= {least}, got {found!r}")
    return float(found)


def _boolean(name: str, found: Any) -> bool:  # noqa: ANN401
    _require(isinstance(found, bool), f"{name} must be true or false, got {found!r}")
    return bool(found)
