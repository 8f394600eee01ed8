"""The data sets that scikit-learn bundles, as tables whose target is the column `target`."""

from typing import Any

import numpy as np
import pyarrow as pa

from chainrule.tables.table import Table

NAMES = ("digits", "iris", "wine", "breast_cancer", "diabetes")
TARGET = "target"


def read(name: str) -> Table:
    """One bundled data set; classes carry their names where the set has them.

    Examples
    --------
    >>> read("wine").names[-2:]
    ['proline', 'target']
    """
    import sklearn.datasets

    loaded: Any = getattr(sklearn.datasets, f"load_{name}")()
    columns = {
        str(column): np.ascontiguousarray(values)
        for column, values in zip(loaded.feature_names, loaded.data.T, strict=True)
    }
    target = loaded.target
    if "target_names" in loaded:
        target = np.asarray(loaded.target_names)[target]
    columns[TARGET] = target
    return Table(name, pa.table(columns), typed=True)
