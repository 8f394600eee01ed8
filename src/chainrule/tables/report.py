"""What happened when a model was trained, kept in its file."""

from dataclasses import asdict, dataclass, field
from typing import Any

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
    epochs, best_epoch : int
        Epochs trained, and the one whose weights the model has.
    metrics : dict of str to float or None
        On the held-out rows; empty where none were held out.
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
    best_epoch: int
    metrics: dict[str, float | None]
    baseline: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def empty(cls, table: str) -> "Report":
        """Return the report of a model that was not measured."""
        return cls(table, "", {}, {}, {}, {}, 0, 0, 0, {})

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return asdict(self)

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
            best_epoch=fields.whole("best_epoch"),
            metrics=fields.mapping("metrics", float, type(None)),
            baseline=fields.mapping("baseline", float, type(None)),
            reasons=fields.mapping("reasons", str),
            options=fields.mapping("options", object),
        )
        fields.done()
        return report
