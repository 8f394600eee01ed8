"""Tables from files, DataFrames, and the data sets that scikit-learn bundles."""

import gzip
import os
import stat
import sys
import zlib
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from chainrule.tables import bundled
from chainrule.tables.conventions import USUAL, Conventions
from chainrule.tables.csv_files import COMPRESSED, CSV_SUFFIXES, read_csv
from chainrule.tables.errors import TableError, near_miss
from chainrule.tables.parquet_files import MAGIC, PARQUET_SUFFIXES, from_frame, read_parquet
from chainrule.tables.table import Table


class DataFrame(Protocol):
    """What Arrow's interface gives columns of: DataFrames of pandas and polars, Arrow's tables."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:  # noqa: ANN401 (a capsule)
        """Return the columns as a stream of Arrow's."""


Source: TypeAlias = str | os.PathLike[str] | DataFrame | Table


def read(source: str | Path, conventions: Conventions = USUAL) -> Table:
    """Return a table from a CSV file, a Parquet file, or a data set that scikit-learn bundles.

    Parameters
    ----------
    source : str or Path
        A path ending in .csv, .tsv, .txt (each also with .gz, .bz2 or .zst), .parquet or .pq; a
        pipe of CSV or Parquet, "-" for standard input; or one of the names digits, iris, wine,
        breast_cancer, diabetes.
    conventions : Conventions, optional
        How it writes missing values, numbers and dates.

    Returns
    -------
    Table
        The columns of a CSV file are text until their kind is inferred; the separator is the most
        frequent of comma, semicolon, tab and bar in the header line.

    Raises
    ------
    TableError
        If there is no such table, or the file isn't a whole and regular one; the line is named.

    Examples
    --------
    >>> from chainrule.tables import read
    >>> read("iris").n_rows
    150
    """
    if str(source) in bundled.NAMES:
        return bundled.read(str(source))
    if str(source) == "-":
        return _from_pipe(Path("standard input"), sys.stdin.buffer.read(), conventions)
    path = Path(source)
    if not path.exists():
        raise TableError(_missing(path))
    if path.is_dir():
        raise TableError(f"{path} is a folder; expected a CSV or Parquet file in it")
    if not stat.S_ISREG(path.stat().st_mode):
        return _from_pipe(path, path.read_bytes(), conventions)
    kind = _suffix(path)
    if kind in PARQUET_SUFFIXES:
        return read_parquet(path, conventions)
    if kind in CSV_SUFFIXES:
        return read_csv(path, conventions)
    raise TableError(_unknown(path))


def as_table(source: Source, conventions: Conventions = USUAL) -> Table:
    """Return what a model can be given as a table: a path, a DataFrame, or a table as it is.

    Parameters
    ----------
    source : str, Path, Table, pyarrow.Table, or DataFrame of pandas or polars
    conventions : Conventions, optional
        How texts are read; a Table has its own.

    Examples
    --------
    >>> import pyarrow as pa
    >>> as_table(pa.table({"mass": [120, 150]})).n_rows
    2
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, str | os.PathLike):
        return read(os.fspath(source), conventions)
    return from_frame(source, conventions)


def bundled_target(source: str | Path) -> str | None:
    """Return the target of a bundled data set; None for a file.

    Examples
    --------
    >>> bundled_target("iris"), bundled_target("iris.csv")
    ('target', None)
    """
    return bundled.TARGET if str(source) in bundled.NAMES else None


def stem(source: str | Path) -> str:
    """Return the name of a table without its folder and its suffixes.

    Examples
    --------
    >>> stem("data/titanic.csv.gz"), stem("-"), stem("sales/part-?.parquet")
    ('titanic', 'table', 'sales')
    """
    path = Path(source)
    if path.suffix.lower() in COMPRESSED:
        path = path.with_suffix("")
    while {"*", "?"} & {*path.name}:  # a pattern is called by the folder of its files
        path = path.parent
    return path.stem if path.stem and str(source) != "-" else "table"


def _from_pipe(path: Path, content: bytes, conventions: Conventions) -> Table:
    """Return the table of a pipe, which has no suffix and is read once."""
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise TableError(f"{path} can't be unpacked; compress it again") from error
    if content.startswith(MAGIC):
        return read_parquet(path, conventions, content)
    return read_csv(path, conventions, content)


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _missing(path: Path) -> str:
    near = near_miss(str(path), bundled.NAMES)
    if not near and path.parent.is_dir():
        near = near_miss(path.name, (other.name for other in path.parent.iterdir()))
    if path.is_symlink():
        near = f": it is a link to {str(path.readlink())!r}, which leads nowhere"
    names = ", ".join(bundled.NAMES)
    return f"no table {str(path)!r}{near or f'; expected a CSV or Parquet file, or one of {names}'}"


def _unknown(path: Path) -> str:
    if path.stat().st_size == 0:
        return f"{path} is empty; expected a header line and rows"
    if path.suffix == ".safetensors":
        return f"{path} is a model file where a table was expected"
    return f"{path} is not a table: expected a name ending in .csv, .tsv, .txt or .parquet"
