"""FitOptions: what a fit keeps for its whole life."""

from dataclasses import dataclass, fields
from typing import Any

from chainrule.engine.batches import Batches, Order
from chainrule.engine.keyframes import MEMORY
from chainrule.theory.checks import field, fields_from, is_whole, require
from chainrule.training.inputs import Samples, whole_number
from chainrule.training.stopping import EarlyStopping


@dataclass(frozen=True)
class FitOptions:
    """What a fit keeps for its whole life, however it is cut into calls.

    Attributes
    ----------
    is_scored : bool
        Whether each epoch is judged by a score.
    steps_before : int
        Steps that the optimizer took on other samples.
    keyframe_memory : int
        Bytes for keyframes, from which steps are replayed.
    """

    n_samples: int
    batch_size: int
    shuffle: bool
    seed: int
    is_validated: bool
    early_stopping: EarlyStopping | None
    is_scored: bool = False
    steps_before: int = 0
    keyframe_memory: int = MEMORY

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_samples", whole_number("n_samples", self.n_samples, 1))
        size, n = self.batch_size, self.n_samples
        require(
            is_whole(size) and 1 <= size <= n,
            f"batch_size must be between 1 and n_samples ({n}), got {size!r}; use 'auto'",
        )
        object.__setattr__(self, "batch_size", int(size))
        object.__setattr__(self, "seed", whole_number("seed", self.seed, 0, 2**64 - 1))
        for name in ("steps_before", "keyframe_memory"):
            object.__setattr__(self, name, whole_number(name, getattr(self, name), 0))
        for name in ("shuffle", "is_validated", "is_scored"):
            value = getattr(self, name)
            require(isinstance(value, bool), f"{name} must be True or False, got {value!r}")
        require(
            self.early_stopping is None or isinstance(self.early_stopping, EarlyStopping),
            f"early_stopping must be a cr.EarlyStopping or None, got {self.early_stopping!r}",
        )

    @property
    def is_judged(self) -> bool:
        """Whether something is made of the loss or score of each epoch."""
        return self.is_validated or self.is_scored or self.early_stopping is not None

    @property
    def keeps_best(self) -> bool:
        """Whether the network is to have the parameters of the best epoch."""
        return self.early_stopping is not None and self.early_stopping.restore_best

    def batches(self, samples: Samples) -> Batches:
        """Return the samples, cut into batches."""
        return Batches(*samples, self.batch_size, self.shuffle, self.seed, self.steps_before)

    @property
    def order(self) -> Order:
        """In which step each sample is."""
        return Order(self.n_samples, self.batch_size, self.shuffle, self.seed)

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in one pass over the data."""
        return -(-self.n_samples // self.batch_size)


def batch_rows(batch_size: object, n_samples: int) -> Any:  # noqa: ANN401 (FitOptions checks it)
    """Return the samples a step: "auto" is min(32, n), and more than n are n."""
    if isinstance(batch_size, str) and batch_size == "auto":
        return min(32, n_samples)
    return min(int(batch_size), n_samples) if is_whole(batch_size) else batch_size  # type: ignore[call-overload]


def restored_options(description: dict[str, Any]) -> FitOptions:
    """Return the options that ``asdict`` described; ``ValueError`` if a field is wrong."""
    names = [f.name for f in fields(FitOptions)]
    values = fields_from("options", description, names)
    values = {name: field(values, name) for name in names}
    if stopping := values["early_stopping"]:
        known = [f.name for f in fields(EarlyStopping)]
        values["early_stopping"] = EarlyStopping(**fields_from("early_stopping", stopping, known))
    return FitOptions(**values)
