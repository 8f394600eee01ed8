"""How a model of a table is trained."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from chainrule.theory.activations import ACTIVATIONS
from chainrule.theory.checks import require, require_name
from chainrule.theory.optimizers import OPTIMIZERS, Optimizer

_DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class TrainOptions:
    """Everything that can be chosen; the defaults suit most tables.

    Parameters
    ----------
    task : "auto", "classification" or "regression"
        "auto": classification for text, booleans and at most 20 different whole numbers.
    hidden : tuple of int
        Units of each hidden layer; () for none.
    activation : str
        Of the hidden layers.
    optimizer : str
    learning_rate : float, optional
        None for the optimizer's own default.
    epochs : int
        At most so many; early stopping may end before.
    batch_size : int or "auto"
        "auto": about 1/40 of the training rows, between 16 and 128; all rows for Rprop.
    l2 : float or "auto"
        The penalty ½ l2 Σ w². "auto": 10 / n for n training rows, the penalty of a normal prior of
        variance 1/10 on each weight, so that few rows are fitted cautiously.
    dropout : float
    patience : int
        Stop after so many epochs without a better validation loss; the best weights are kept.
    test_fraction : float
        Share of the rows held out for the reported figures.
    validation_fraction : float
        Share of the other rows that decides when to stop.
    seed : int
        Of the split, the weights and the shuffling.
    dtype : "float32" or "float64"
    threads : int, optional
        None for as many as are useful. The result doesn't depend on it.
    ignore : tuple of str
        Columns not to read.

    Raises
    ------
    ValueError
        If an option is out of range; it is named.

    Examples
    --------
    >>> TrainOptions(hidden=(32,), epochs=50).hidden
    (32,)
    """

    task: Literal["auto", "classification", "regression"] = "auto"
    hidden: tuple[int, ...] = (128, 64)
    activation: str = "relu"
    optimizer: str = "adam"
    learning_rate: float | None = None
    epochs: int = 400
    batch_size: int | Literal["auto"] = "auto"
    l2: float | Literal["auto"] = "auto"
    dropout: float = 0.0
    patience: int = 20
    test_fraction: float = 0.2
    validation_fraction: float = 0.15
    seed: int = 0
    dtype: str = "float32"
    threads: int | None = None
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_name("task", self.task, ("auto", "classification", "regression"))
        require_name("activation", self.activation, ACTIVATIONS)
        require_name("optimizer", self.optimizer, OPTIMIZERS)
        require_name("dtype", self.dtype, _DTYPES)
        require(isinstance(self.hidden, tuple), f"hidden must be a tuple, got {self.hidden!r}")
        for size in self.hidden:
            _require_whole("hidden", size, 1)
        for name in ("epochs", "patience"):
            _require_whole(name, getattr(self, name), 1)
        _require_whole("seed", self.seed, 0)
        require(self.seed < 2**32, f"seed must be less than 2**32, got {self.seed!r}")
        if self.batch_size != "auto":
            _require_whole("batch_size", self.batch_size, 1, " or 'auto'")
        if self.threads is not None:
            _require_whole("threads", self.threads, 1)
        _require_share("dropout", self.dropout)
        _require_share("test_fraction", self.test_fraction)
        _require_share("validation_fraction", self.validation_fraction)
        good = self.l2 == "auto" or (_is_number(self.l2) and 0 <= self.l2 < math.inf)
        require(good, f"l2 must be a number >= 0 or 'auto', got {self.l2!r}")
        rate = self.learning_rate
        good = rate is None or (_is_number(rate) and 0 < rate < math.inf)
        require(good, f"learning_rate must be a number > 0, got {rate!r}")
        good = isinstance(self.ignore, tuple) and all(isinstance(n, str) for n in self.ignore)
        require(good, f"ignore must be names of columns in a tuple, got {self.ignore!r}")

    def optimizer_row(self) -> Optimizer:
        """Return the optimizer with its learning rate."""
        row = OPTIMIZERS[self.optimizer]
        return row() if self.learning_rate is None else row(learning_rate=self.learning_rate)  # type: ignore[call-arg]

    def rows_a_step(self, n_rows: int) -> int:
        """Return the batch size for so many training rows."""
        if self.batch_size != "auto":
            return min(self.batch_size, n_rows)
        if self.optimizer == "rprop":
            return n_rows
        return min(n_rows, max(16, min(128, n_rows // 40)))

    def penalty(self, n_rows: int) -> float:
        """Return the l2 for so many training rows."""
        return 10 / n_rows if self.l2 == "auto" else self.l2

    def to_dict(self) -> dict[str, Any]:
        """Return the options as JSON can hold them, but for threads: no result depends on them."""
        values = asdict(self)
        del values["threads"]
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the options."""
        return [field.name for field in fields(cls)]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require_whole(name: str, value: object, least: int, otherwise: str = "") -> None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= least
    require(whole, f"{name} must be a whole number >= {least}{otherwise}, got {value!r}")


def _require_share(name: str, value: float) -> None:
    good = _is_number(value) and 0 <= value < 1
    require(good, f"{name} must be at least 0 and less than 1, got {value!r}")
