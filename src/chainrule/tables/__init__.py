"""Tables in, predictions out: files, columns as numbers and back, models of tables."""

from chainrule.tables.category_column import CategoryColumn
from chainrule.tables.conventions import Conventions
from chainrule.tables.encoding import FeatureEncoder
from chainrule.tables.errors import TableError
from chainrule.tables.fitting import held_out, train
from chainrule.tables.importance import Effect, Importance, effect, importances
from chainrule.tables.metrics import Metrics
from chainrule.tables.model import TableModel
from chainrule.tables.number_column import NumberColumn
from chainrule.tables.opening import OpenedRun, opened_run
from chainrule.tables.options import TrainOptions
from chainrule.tables.reading import bundled_target, read, stem
from chainrule.tables.report import Report
from chainrule.tables.table import Table
from chainrule.tables.targets import ClassTarget, NumberTarget

__all__ = [
    "CategoryColumn",
    "ClassTarget",
    "Conventions",
    "Effect",
    "FeatureEncoder",
    "Importance",
    "Metrics",
    "NumberColumn",
    "NumberTarget",
    "OpenedRun",
    "Report",
    "Table",
    "TableError",
    "TableModel",
    "TrainOptions",
    "bundled_target",
    "effect",
    "held_out",
    "importances",
    "opened_run",
    "read",
    "stem",
    "train",
]
