"""What happened when a model was trained, kept in its file."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from chainrule.tables.fields import Fields


@dataclass(frozen=True)
class Report:
    """The rows and columns used, how training went, and what the model is worth on held-out rows.

    Parameters
    ----------
    table : str
        The name of the table.
    task_why : str
        What the task was inferred from; '' where it was asked for.
    rows : dict of str to int
        Rows for "training", "validation", "test", and "without_target" (not used).
    left_out : dict of str to str
        Why, for each column that the model doesn't read.
    missing : dict of str to int
        How many missing values, for each column that has some.
    remarks : dict of str to str
        What is odd about a column.
    batch_size : int
        Rows a step.
    epochs : int
        Epochs trained, by the network that was trained for longest.
    best_epochs : tuple of int
        Of each network, the epoch whose weights it has.
    candidate_losses : tuple of float
        Of each recipe that was tried, the mean loss of its first networks on the rows that they
        didn't see; () where there was one. `options` are those of the least.
    judged : "held out", "out of fold" or ""
        On which rows the metrics were taken: on those held out, or on all, each by the networks
        that didn't learn from it; or on none.
    metrics : dict of str to float or None
    baseline : dict of str to float or None
        The same without a model: of the shares of the classes, or the mean, in training.
    reasons : dict of str to str
        Why a metric is None.
    options : dict
        What `TrainOptions` held.

    Examples
    --------
    >>> report = Report.empty("fruit")
    >>> Report.from_dict(report.to_dict()) == report
    True
    """

    table: str
    task_why: str
    rows: dict[str, int]
    left_out: dict[str, str]
    missing: dict[str, int]
    remarks: dict[str, str]
    batch_size: int
    epochs: int
    best_epochs: tuple[int, ...]
    candidate_losses: tuple[float, ...]
    judged: Literal["held out", "out of fold", ""]
    metrics: dict[str, float | None]
    baseline: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def empty(cls, table: str) -> "Report":
        """Return the report of a model that was not measured."""
        return cls(table, "", {}, {}, {}, {}, 0, 0, (), (), "", {})

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        described = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in described.items()}

    @property
    def best_epoch(self) -> int:
        """The first network's best epoch."""
        return self.best_epochs[0]

    @classmethod
    def from_dict(cls, described: object) -> "Report":
        """Return the report that `to_dict` described.

        Raises
        ------
        ValueError
            If a field is missing, unknown or of another type; it is named.
        """
        fields = Fields(described, "report")
        report = cls(
            table=fields.text("table"),
            task_why=fields.text("task_why"),
            rows=fields.mapping("rows", int),
            left_out=fields.mapping("left_out", str),
            missing=fields.mapping("missing", int),
            remarks=fields.mapping("remarks", str),
            batch_size=fields.whole("batch_size"),
            epochs=fields.whole("epochs"),
            best_epochs=tuple(fields.wholes("best_epochs")),
            candidate_losses=tuple(fields.numbers("candidate_losses")),
            judged=fields.choice("judged", ("held out", "out of fold", "")),  # type: ignore[arg-type]
            metrics=fields.mapping("metrics", float, type(None)),
            baseline=fields.mapping("baseline", float, type(None)),
            reasons=fields.mapping("reasons", str),
            options=fields.mapping("options", object),
        )
        fields.done()
        return report
