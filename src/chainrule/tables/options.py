"""How a model of a table is trained."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from chainrule.engine.spec import DTYPES
from chainrule.tables.columns import KINDS, Kind
from chainrule.tables.recipes import MOST_TO_COMPARE, QUALITIES, RECIPES, Quality, Recipe
from chainrule.tables.targets import TASKS, Task
from chainrule.theory.activations import ACTIVATIONS
from chainrule.theory.checks import require, require_name, require_number, require_whole
from chainrule.theory.initializers import INITIALIZERS
from chainrule.theory.named import loss_named

_CHOSEN = [known.name for known in fields(Recipe) if known.name not in ("largest_batch", "stretch")]


@dataclass(frozen=True)
class TrainOptions:
    """Everything that can be chosen; what isn't is chosen by the quality, for the task.

    Parameters
    ----------
    quality : "plain", "fast", "balanced" or "best"
        "plain": one network on standardised columns, as a textbook has it, best to be read. The
        others cut columns into pieces and average networks, more of them, and larger, for longer;
        `recipe` tells what each chooses where an option is None.
    task : "auto", "classification" or "regression"
        "auto": classification for text, booleans and at most 20 different whole numbers.
    pieces : int, optional
        Into how many a column of numbers is cut, each an input of its own; 0: none, numbers are
        only standardised.
    piece_height : float, optional
        Of each piece, from below to above: the lower, the smoother what is learned first.
    categories : int, optional
        How many of a column of text are told apart, the most frequent first.
    members : int, optional
        Networks, each trained on all folds but one, whose answers are averaged.
    candidates : int, optional
        How many recipes of the quality are tried, where it has several: each trains two fifths of
        the members, and the one with the smaller loss on the rows they didn't see trains all.
        Without it, of more than 4,000 rows the first trains all.
    clamp : bool, optional
        Whether no number beyond those of the training rows is predicted.
    hidden : tuple of int, optional
        Units of each hidden layer; () for none.
    activation : str or tuple of str, optional
        Of the hidden layers: one name, or one each.
    output : str
        Activation of the output; "auto" by the loss.
    loss : str
        "auto": squared error of a standardised number, cross-entropy of classes.
    init : str
        Starting weights; "auto" by the activation.
    optimizer : str, optional
        Its name, options after a colon: "sgd:momentum=0.9". Where it is given, learning_rate and
        schedule are its own defaults, unless they are given, too.
    learning_rate : float, optional
    schedule : str, optional
        Of the learning rate: its name, options after a colon: "cosine", "staircase:every=500".
    clip_norm : float, optional
        The longest gradient.
    epochs : int, optional
        At most so many; early stopping may end before. Without it, the fewer the rows, the more
        epochs, so that there are steps enough.
    batch_size : int or "auto"
        "auto": about 1/40 of the training rows, from 16 to 128 (plain) or 256; all rows for Rprop.
    l2 : float or "auto", optional
        The penalty ½ l2 Σ w². "auto": 10 / n for n training rows, the penalty of a normal prior of
        variance 1/10 on each weight, so that few rows are fitted cautiously.
    l1 : float
        The penalty l1 Σ |w|.
    dropout : float, optional
    reduction : "mean" or "sum"
        Of the losses of a batch.
    patience : int, optional
        Stop after so many epochs without a better validation loss; the best weights are kept.
    test_fraction : float, optional
        Share of the rows held out for the reported figures. Several members need none: each row
        is judged by those that didn't learn from it.
    validation_fraction : float, optional
        Share of the other rows that decides when one network is to stop; 0: all epochs are trained.
        Of several, each stops by the fold that it doesn't learn from.
    time_limit : float, optional
        Seconds for all of it, at least an epoch: fewer epochs are trained where one, tried out,
        says that all would take longer. How many depends on the machine; with so many epochs and
        no limit, the same model comes out anywhere.
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

    quality: Quality = "balanced"
    task: Literal["auto", "classification", "regression"] = "auto"
    pieces: int | None = None
    piece_height: float | None = None
    categories: int | None = None
    members: int | None = None
    candidates: int | None = None
    clamp: bool | None = None
    hidden: tuple[int, ...] | None = None
    activation: str | tuple[str, ...] | None = None
    output: str = "auto"
    loss: str = "auto"
    init: str = "auto"
    optimizer: str | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    clip_norm: float | None = None
    epochs: int | None = None
    batch_size: int | Literal["auto"] = "auto"
    l2: float | Literal["auto"] | None = None
    l1: float = 0.0
    dropout: float | None = None
    reduction: Literal["mean", "sum"] = "mean"
    patience: int | None = None
    test_fraction: float | None = None
    validation_fraction: float | None = None
    time_limit: float | None = None
    seed: int = 0
    dtype: str = "float32"
    engine: Literal["compiled", "reference"] = "compiled"
    threads: int | None = None
    ignore: tuple[str, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    record: bool = False

    def __post_init__(self) -> None:
        require_name("quality", self.quality, QUALITIES)
        require_name("task", self.task, ("auto", "classification", "regression"))
        self._check_network()
        self._check_training()
        good = isinstance(self.ignore, tuple) and all(isinstance(n, str) for n in self.ignore)
        require(good, f"ignore must be names of columns in a tuple, got {self.ignore!r}")
        for name in ("record", "clamp"):
            value = getattr(self, name)
            known = isinstance(value, bool) or (name == "clamp" and value is None)
            require(known, f"{name} must be a boolean, got {value!r}")
        require(isinstance(self.kinds, dict), f"kinds must be a dict, got {self.kinds!r}")
        for kind in self.kinds.values():
            require_name("kind", kind, KINDS)
        both = sorted(set(self.ignore) & set(self.kinds))
        require(not both, f"ignore and kinds both name {both[0] if both else ''!r}; choose one")

    def _check_network(self) -> None:
        hidden = () if self.hidden is None else self.hidden
        require(isinstance(hidden, tuple), f"hidden must be a tuple, got {hidden!r}")
        for size in hidden:
            require_whole("hidden", size, 1)
        each = self.activation if isinstance(self.activation, tuple) else (self.activation,)
        for name in each:
            if name is not None:
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
            if name == "l1" or value not in ("auto", None):
                wanted = "a number >= 0" + (" or 'auto'" if name == "l2" else "")
                require_number(name, value, lambda v: v >= 0, wanted)

    def _check_training(self) -> None:
        for name in ("epochs", "patience", "pieces", "categories", "members", "candidates"):
            if getattr(self, name) is not None:
                require_whole(name, getattr(self, name), 0 if name == "pieces" else 1)
        require_whole("seed", self.seed, 0, 2**32 - 1)  # as scikit-learn's
        if self.batch_size != "auto":
            require_whole("batch_size", self.batch_size, 1)
        if self.threads is not None:
            require_whole("threads", self.threads, 1)
        for name in ("dropout", "test_fraction", "validation_fraction"):
            value = getattr(self, name)
            if value is not None:
                require_number(name, value, lambda v: 0 <= v < 1, "at least 0 and less than 1")
        if self.time_limit is not None:
            require_number("time_limit", self.time_limit, lambda v: v > 0, "a number > 0, seconds")
        for name in ("learning_rate", "piece_height"):
            if getattr(self, name) is not None:
                require_number(name, getattr(self, name), lambda v: v > 0, "a number > 0")
        for task in TASKS:
            self.recipe(task).optimizer_row(self.clip_norm)

    def recipe(self, task: Task) -> Recipe:
        """Return what is chosen for a task: by these options, else by their quality."""
        return self.recipes(task)[0]

    def recipes(self, task: Task) -> tuple[Recipe, ...]:
        """Return the recipes of which the better one is to be taken; mostly there is one."""
        given = {name: getattr(self, name) for name in _CHOSEN if getattr(self, name) is not None}
        adapted = [self._adapted(one, given) for one in RECIPES[self.quality][task]]
        return tuple(dict.fromkeys(adapted))[: self.candidates]

    def _adapted(self, recipe: Recipe, given: Mapping[str, Any]) -> Recipe:
        if self.optimizer is not None:
            recipe = replace(recipe, learning_rate=None, schedule=None)
        if self.hidden == ():
            recipe = replace(recipe, dropout=0.0)  # which is of hidden layers
        return replace(recipe, **given)

    def chosen(self, task: Task, n_rows: int) -> "TrainOptions":
        """Return the options with everything chosen, which a later quality doesn't change."""
        return self.candidates_for(task, n_rows)[0]

    def candidates_for(self, task: Task, n_rows: int) -> tuple["TrainOptions", ...]:
        """Return the same for each recipe to be tried: of many rows, for the first alone."""
        found = tuple(self._with(recipe, n_rows) for recipe in self.recipes(task))
        return found if n_rows <= MOST_TO_COMPARE or self.candidates is not None else found[:1]

    def _with(self, recipe: Recipe, n_rows: int) -> "TrainOptions":
        epochs = recipe.rounds(n_rows) if self.epochs is None else self.epochs
        return replace(
            self, **{name: getattr(recipe, name) for name in _CHOSEN} | {"epochs": epochs}
        )

    def rows_a_step(self, task: Task, n_rows: int) -> int:
        """Return the batch size for so many training rows."""
        if self.batch_size != "auto":
            return min(self.batch_size, n_rows)
        return self.recipe(task).rows_a_step(n_rows)

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
