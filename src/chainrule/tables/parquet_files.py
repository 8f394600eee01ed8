"""Parquet files, by pyarrow."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from chainrule.tables.errors import TableError
from chainrule.tables.table import Table

PARQUET_SUFFIXES = (".parquet", ".pq")


def read_parquet(path: Path) -> Table:
    """Return a Parquet file as a table.

    Raises
    ------
    TableError
        If its footer is broken or missing, or its pages can't be read.
    """
    try:
        with pq.ParquetFile(path) as file:
            data = _read(path, file)
    except PermissionError:
        raise
    except (pa.ArrowException, OSError) as error:
        raise TableError(
            f"{path} is not a whole Parquet file (its footer is broken or missing); "
            "copy it or write it again"
        ) from error
    return Table(str(path), data, typed=True)


def _read(path: Path, file: pq.ParquetFile) -> pa.Table:
    try:
        return file.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise TableError(
            f"{path} is a damaged Parquet file (its pages can't be read); copy it or write it again"
        ) from error
