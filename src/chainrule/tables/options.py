"""How a model of a table is trained."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from chainrule.engine.spec import DTYPES
from chainrule.theory.activations import ACTIVATIONS
from chainrule.theory.checks import require, require_name, require_number, require_whole
from chainrule.theory.optimizers import OPTIMIZERS, Optimizer


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
        require_name("dtype", self.dtype, DTYPES)
        require(isinstance(self.hidden, tuple), f"hidden must be a tuple, got {self.hidden!r}")
        for size in self.hidden:
            require_whole("hidden", size, 1)
        for name in ("epochs", "patience"):
            require_whole(name, getattr(self, name), 1)
        require_whole("seed", self.seed, 0, 2**32 - 1)  # as scikit-learn's
        if self.batch_size != "auto":
            require_whole("batch_size", self.batch_size, 1)
        if self.threads is not None:
            require_whole("threads", self.threads, 1)
        for name in ("dropout", "test_fraction", "validation_fraction"):
            value = getattr(self, name)
            require_number(name, value, lambda v: 0 <= v < 1, "at least 0 and less than 1")
        if self.l2 != "auto":
            require_number("l2", self.l2, lambda v: v >= 0, "a number >= 0 or 'auto'")
        if self.learning_rate is not None:
            require_number("learning_rate", self.learning_rate, lambda v: v > 0, "a number > 0")
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
