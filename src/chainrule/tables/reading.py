"""Tables from files: CSV and Parquet by pyarrow, and the data sets that scikit-learn bundles."""

from pathlib import Path

from chainrule.tables import bundled
from chainrule.tables.csv_files import CSV_SUFFIXES, read_csv
from chainrule.tables.errors import TableError, near_miss
from chainrule.tables.parquet_files import PARQUET_SUFFIXES, read_parquet
from chainrule.tables.table import Table

_COMPRESSED = (".gz", ".bz2", ".zst")


def read(source: str | Path) -> Table:
    """Return a table from a CSV file, a Parquet file, or a data set that scikit-learn bundles.

    Parameters
    ----------
    source : str or Path
        A path ending in .csv, .tsv, .txt (each also with .gz, .bz2 or .zst), .parquet or .pq; or
        one of the names digits, iris, wine, breast_cancer, diabetes.

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
    path = Path(source)
    if not path.exists():
        raise TableError(_missing(path))
    if path.is_dir():
        raise TableError(f"{path} is a folder; expected a CSV or Parquet file in it")
    if path.stat().st_size == 0:
        raise TableError(f"{path} is empty; expected a header line and rows")
    kind = _suffix(path)
    if kind in PARQUET_SUFFIXES:
        table = read_parquet(path)
    elif kind in CSV_SUFFIXES:
        table = read_csv(path)
    else:
        raise TableError(_unknown(path))
    if table.n_rows == 0:
        raise TableError(f"{path} has column names and no rows; expected at least one row")
    return table


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
    >>> stem("data/titanic.csv.gz")
    'titanic'
    """
    path = Path(source)
    if path.suffix.lower() in _COMPRESSED:
        path = path.with_suffix("")
    return path.stem


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _missing(path: Path) -> str:
    near = near_miss(str(path), bundled.NAMES)
    if not near and path.parent.is_dir():
        near = near_miss(path.name, (other.name for other in path.parent.iterdir()))
    names = ", ".join(bundled.NAMES)
    return f"no table {str(path)!r}{near or f'; expected a CSV or Parquet file, or one of {names}'}"


def _unknown(path: Path) -> str:
    if path.suffix == ".safetensors":
        return f"{path} is a model file where a table was expected"
    return f"{path} is not a table: expected a name ending in .csv, .tsv, .txt or .parquet"
