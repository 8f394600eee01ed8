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
    rows : dict of str to int
        Rows for "training", "validation", "test", and "without_target" (not used).
    left_out : dict of str to str
        Why, for each column that the model doesn't read.
    missing : dict of str to int
        How many missing values, for each column that has some.
    remarks : dict of str to str
        What is odd about a column.
    epochs, best_epoch : int
        Epochs trained, and the one whose weights the model has.
    metrics : dict of str to float or None
        On the held-out rows; empty where none were held out.
    reasons : dict of str to str
        Why a metric is None.
    options : dict
        What `TrainOptions` held.

    Examples
    --------
    >>> report = Report("fruit", {"training": 70}, {}, {}, {}, 9, 7, {"accuracy": 0.9})
    >>> Report.from_dict(report.to_dict()) == report
    True
    """

    table: str
    rows: dict[str, int]
    left_out: dict[str, str]
    missing: dict[str, int]
    remarks: dict[str, str]
    epochs: int
    best_epoch: int
    metrics: dict[str, float | None]
    reasons: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

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
            rows=fields.mapping("rows", int),
            left_out=fields.mapping("left_out", str),
            missing=fields.mapping("missing", int),
            remarks=fields.mapping("remarks", str),
            epochs=fields.whole("epochs"),
            best_epoch=fields.whole("best_epoch"),
            metrics=fields.mapping("metrics", float, type(None)),
            reasons=fields.mapping("reasons", str),
            options=fields.mapping("options", object),
        )
        fields.done()
        return report
