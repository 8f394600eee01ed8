"""What each column does for a model, on a table: part of ``chainrule inspect``."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.atomic import atomic_file
from chainrule.cli.printing import number, print_line, print_table
from chainrule.tables import ClassTarget, Table, TableModel
from chainrule.tables.importance import Effect, Importance, effect, importances

_DRAWN = 8  # columns whose effect is drawn
_POINTS = 25
_TOLD = 12  # characters of a value


class ColumnsOfModel:
    """Importances and effects of a model's columns on the rows of a table."""

    def __init__(self, model: TableModel, table: Table) -> None:
        self.model, self.table = model, table
        self.importances: list[Importance] = importances(model, table)

    @property
    def figure(self) -> str:
        """What importance is the rise of."""
        return "log-loss" if isinstance(self.model.target, ClassTarget) else "RMSE"

    def described(self) -> list[dict[str, Any]]:
        """Return all of it as JSON can hold it."""
        described = []
        for one in self.importances:
            found = effect(self.model, self.table, one.column)
            described.append(
                {
                    "column": one.column,
                    "importance": one.mean,
                    "deviation": one.deviation,
                    "values": list(found.values),
                    "answers": found.answers.tolist(),
                }
            )
        return described

    def print(self) -> None:
        """Print a line for each column, the most important first."""
        rows = [
            (
                one.column,
                f"{number(one.mean)} ± {one.deviation:.2g}",
                self._in_words(effect(self.model, self.table, one.column, points=3)),
            )
            for one in self.importances
        ]
        answer = self.model.target.name
        print_table(("column", f"{self.figure} rises by", f"{answer}, on average"), rows)
        print_line("as the column's values are shuffled among the rows, or are all the same")

    def save(self, path: Path) -> None:
        """Draw importances and effects into a file, whole or not at all."""
        from chainrule.tables.displays import importance_figure

        chosen = [one.column for one in self.importances[:_DRAWN]]
        effects = [effect(self.model, self.table, name, points=_POINTS) for name in chosen]
        target = self.model.target
        names = [target.name]
        if isinstance(target, ClassTarget):
            names = [f"{target.name} = {label}" for label in target.classes]
        picture = importance_figure(self.importances, effects, names, self.figure)
        with atomic_file(path) as file:
            picture.savefig(file, format=path.suffix[1:].lower(), dpi=150)

    def _in_words(self, found: Effect) -> str:
        """Return the answers at some values: of classes, of that which differs the most."""
        if not found.values:
            return ""
        told = found.answers
        k = 1 if told.shape[1] == 2 else int(np.ptp(told, axis=0).argmax())
        target = self.model.target
        which = f"{target.classes[k]}: " if isinstance(target, ClassTarget) else ""
        shown = [_day(v) if found.kind == "date" else _short(v) for v in found.values[:3]]
        pairs = zip(shown, told[:, k], strict=False)
        return which + ", ".join(f"{value} → {_short(float(answer))}" for value, answer in pairs)


def _day(value: str | float) -> str:
    """Return days since 1970 as a date."""
    return str(np.datetime64(math.floor(float(value)), "D"))


def _short(value: str | float) -> str:
    """Return a value in a few characters."""
    if isinstance(value, str):
        return value if len(value) <= _TOLD else f"{value[: _TOLD - 1]}…"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
