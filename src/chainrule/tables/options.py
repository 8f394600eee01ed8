"""How a model of a table is trained."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from chainrule.engine.spec import DTYPES
from chainrule.tables.columns import KINDS, Kind
from chainrule.theory.activations import ACTIVATIONS
from chainrule.theory.checks import require, require_name, require_number, require_whole
from chainrule.theory.initializers import INITIALIZERS
from chainrule.theory.named import loss_named, optimizer_named, schedule_named
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.schedules import Schedule


@dataclass(frozen=True)
class TrainOptions:
    """Everything that can be chosen; the defaults suit most tables.

    Parameters
    ----------
    task : "auto", "classification" or "regression"
        "auto": classification for text, booleans and at most 20 different whole numbers.
    hidden : tuple of int
        Units of each hidden layer; () for none.
    activation : str or tuple of str
        Of the hidden layers: one name, or one each.
    output : str
        Activation of the output; "auto" by the loss.
    loss : str
        "auto": squared error of a standardised number, cross-entropy of classes.
    init : str
        Starting weights; "auto" by the activation.
    optimizer : str
        Its name, options after a colon: "sgd:momentum=0.9".
    learning_rate : float, optional
        None for the optimizer's own default.
    schedule : str, optional
        Of the learning rate: its name, options after a colon: "cosine", "staircase:every=500".
    clip_norm : float, optional
        The longest gradient.
    epochs : int
        At most so many; early stopping may end before.
    batch_size : int or "auto"
        "auto": about 1/40 of the training rows, between 16 and 128; all rows for Rprop.
    l2 : float or "auto"
        The penalty ½ l2 Σ w². "auto": 10 / n for n training rows, the penalty of a normal prior of
        variance 1/10 on each weight, so that few rows are fitted cautiously.
    l1 : float
        The penalty l1 Σ |w|.
    dropout : float
    reduction : "mean" or "sum"
        Of the losses of a batch.
    patience : int
        Stop after so many epochs without a better validation loss; the best weights are kept.
    test_fraction : float
        Share of the rows held out for the reported figures.
    validation_fraction : float
        Share of the other rows that decides when to stop; 0: all epochs are trained.
    seed : int
        Of the split, the weights and the shuffling.
    dtype : "float32" or "float64"
    engine : "compiled" or "reference"
        The second is plain NumPy, in float64, and slow.
    threads : int, optional
        None for as many as are useful. The result doesn't depend on it.
    ignore : tuple of str
        Columns not to read.
    kinds : mapping of str to "number", "boolean", "date" or "text"
        What columns hold, where that is not to be inferred; such columns are always read.
    record : bool
        Whether the model keeps its run, so that its steps can be replayed and explained.

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
    activation: str | tuple[str, ...] = "relu"
    output: str = "auto"
    loss: str = "auto"
    init: str = "auto"
    optimizer: str = "adam"
    learning_rate: float | None = None
    schedule: str | None = None
    clip_norm: float | None = None
    epochs: int = 400
    batch_size: int | Literal["auto"] = "auto"
    l2: float | Literal["auto"] = "auto"
    l1: float = 0.0
    dropout: float = 0.0
    reduction: Literal["mean", "sum"] = "mean"
    patience: int = 20
    test_fraction: float = 0.2
    validation_fraction: float = 0.15
    seed: int = 0
    dtype: str = "float32"
    engine: Literal["compiled", "reference"] = "compiled"
    threads: int | None = None
    ignore: tuple[str, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    record: bool = False

    def __post_init__(self) -> None:
        require_name("task", self.task, ("auto", "classification", "regression"))
        self._check_network()
        self._check_training()
        good = isinstance(self.ignore, tuple) and all(isinstance(n, str) for n in self.ignore)
        require(good, f"ignore must be names of columns in a tuple, got {self.ignore!r}")
        require(isinstance(self.record, bool), f"record must be a boolean, got {self.record!r}")
        require(isinstance(self.kinds, dict), f"kinds must be a dict, got {self.kinds!r}")
        for kind in self.kinds.values():
            require_name("kind", kind, KINDS)
        both = sorted(set(self.ignore) & set(self.kinds))
        require(not both, f"ignore and kinds both name {both[0] if both else ''!r}; choose one")

    def _check_network(self) -> None:
        require(isinstance(self.hidden, tuple), f"hidden must be a tuple, got {self.hidden!r}")
        for size in self.hidden:
            require_whole("hidden", size, 1)
        each = self.activation if isinstance(self.activation, tuple) else (self.activation,)
        for name in each:
            require_name("activation", name, ACTIVATIONS)
        require_name("output", self.output, ("auto", *ACTIVATIONS))
        if self.loss != "auto":
            loss_named(self.loss)
        require_name("initializer", self.init, ("auto", *INITIALIZERS))
        require_name("reduction", self.reduction, ("mean", "sum"))
        require_name("dtype", self.dtype, DTYPES)
        require_name("engine", self.engine, ("compiled", "reference"))
        require(
            self.engine == "compiled" or self.dtype == "float64",
            f"the reference engine computes in float64: dtype must be float64, got {self.dtype}",
        )
        for name in ("l1", "l2"):
            value = getattr(self, name)
            if (name, value) != ("l2", "auto"):
                wanted = "a number >= 0" + (" or 'auto'" if name == "l2" else "")
                require_number(name, value, lambda v: v >= 0, wanted)

    def _check_training(self) -> None:
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
        if self.learning_rate is not None:
            require_number("learning_rate", self.learning_rate, lambda v: v > 0, "a number > 0")
        self.optimizer_row()

    def optimizer_row(self) -> Optimizer:
        """Return the optimizer with its learning rate and schedule."""
        row = optimizer_named(self.optimizer)
        if self.learning_rate is not None:
            row = replace(row, learning_rate=self.learning_rate)
        if self.schedule is not None and not isinstance(row.learning_rate, Schedule):
            row = replace(row, learning_rate=schedule_named(self.schedule, row.learning_rate))
        return row if self.clip_norm is None else replace(row, clip_norm=self.clip_norm)

    def rows_a_step(self, n_rows: int) -> int:
        """Return the batch size for so many training rows."""
        if self.batch_size != "auto":
            return min(self.batch_size, n_rows)
        if optimizer_named(self.optimizer).name == "rprop":
            return n_rows
        return min(n_rows, max(16, min(128, n_rows // 40)))

    def penalty(self, n_rows: int) -> float:
        """Return the l2 for so many training rows."""
        return 10 / n_rows if self.l2 == "auto" else self.l2

    def to_dict(self) -> dict[str, Any]:
        """Return the options on which the result depends, as JSON can hold them."""
        values = asdict(self)
        del values["threads"], values["record"]
        return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainOptions":
        """Return the options that `to_dict` gave."""
        known: dict[str, Any] = {}
        for name, value in values.items():
            known[name] = tuple(value) if isinstance(value, list) else value
        return cls(**known)

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the options."""
        return [field.name for field in fields(cls)]
