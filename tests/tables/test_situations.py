"""Columns and files of real life, each read as pandas reads it, or as said where that differs."""

import gzip
import io
import os
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from chainrule.tables import Conventions, Table, TableError, read
from chainrule.tables.columns import kind_of, missing, numbers, texts
from chainrule.tables.reading import as_table

DAY = 86_400e9  # nanoseconds
_MICROSECOND = 1.01e-6 / 86_400  # of a day: times are kept in microseconds


def written(folder: Path, cells: list[str]) -> Path:
    """A file of two columns: bars, so that commas are text."""
    path = folder / "t.csv"
    path.write_text("x|y\n" + "".join(f"{cell}|1\n" for cell in cells), encoding="utf-8")
    return path


def same_column(table: Table, name: str, expected: pd.Series) -> None:
    """The kind, the values and what is missing, as pandas has them."""
    absent = expected.isna().to_numpy()
    assert missing(table, name).tolist() == absent.tolist()
    if pd.api.types.is_bool_dtype(expected.dtype):
        assert kind_of(table, name) == "boolean"
        told = texts(table, name, "boolean").to_pylist()
        assert told == [str(bool(value)).lower() for value in expected]
    elif pd.api.types.is_numeric_dtype(expected.dtype):
        assert kind_of(table, name) == "number"
        values = expected.astype("float64").to_numpy()
        found = numbers(table, name, "number")  # pandas 3.0 is off by one unit in the last place
        np.testing.assert_array_equal(np.isnan(found), np.isnan(values))
        np.testing.assert_array_max_ulp(found[~np.isnan(found)], values[~np.isnan(values)], 1)
    elif pd.api.types.is_datetime64_any_dtype(expected.dtype):
        assert kind_of(table, name) == "date"
        found = numbers(table, name, "date")
        np.testing.assert_allclose(found, days(expected), rtol=0, atol=_MICROSECOND)
    else:
        assert kind_of(table, name) == "text"
        assert texts(table, name, "text").to_pylist() == [
            None if gone else str(value) for value, gone in zip(expected, absent, strict=True)
        ]


def days(column: pd.Series) -> np.ndarray:
    utc = pd.to_datetime(column, utc=True).astype("datetime64[ns, UTC]")
    return np.where(column.isna(), np.nan, utc.astype("int64").to_numpy() / DAY)


# -- one column of a CSV file, without options: (cells) -------------------------------------

AS_THEY_ARE = {
    "whole numbers": ["1", "-2", "30"],
    "with a plus": ["+1", "-2", "+3.5"],
    "decimals": ["1.5", "-0.25", "3"],
    "without a digit on one side": [".5", "5.", "-.25"],
    "exponents": ["1e5", "2E-3", "-1.5e+10"],
    "the smallest and the largest": ["5e-324", "1.7976931348623157e308"],
    "minus zero": ["-0", "0", "0.0"],
    "leading zeros": ["007", "010", "1"],
    "twenty digits": ["12345678901234567890", "1", "2"],
    "digits that need rounding": ["0.1", "0.30000000000000004", "123456789.123456789"],
    "spaces around": [" 1", "2 ", "  3  "],
    "empty cells": ["1", "", "3"],
    **{f"missing as {word}": ["1.5", word, "3"] for word in (
        "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
        "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
    )},
    "truth": ["True", "False", "True"],
    "truth in capitals": ["TRUE", "FALSE"],
    "truth in small letters": ["true", "false"],
    "yes and no": ["yes", "no", ""],
    "one letter": ["T", "F", "T"],
    "words": ["red", "blue", "red"],
    "words with spaces inside": ["light red", "dark blue"],
    "words of other scripts": ["größe", "日本", "naïve"],
    "a word among numbers": ["1", "two", "3"],
    "a dash among numbers": ["1", "-", "3"],
    "percents": ["12%", "7.5%"],
    "money": ["€10", "$11,140.00"],
    "thousands": ["1,234.5", "12"],
    "decimal commas": ["1,5", "2,25"],
    "hexadecimal": ["0x10", "0x11"],
    "underscores": ["1_000", "2_000"],
    "versions": ["1.2.3", "1.2.4"],
    "times of the day": ["12:30", "07:15"],
    "other digits": ["١", "٢"],
    "fractions": ["1/2", "3/4"],
    "ranges": ["1-2", "3-4"],
}  # fmt: skip


@pytest.mark.parametrize("case", AS_THEY_ARE)
def test_a_column_without_options_is_what_pandas_reads(tmp_path: Path, case: str) -> None:
    path = written(tmp_path, AS_THEY_ARE[case])
    expected = pd.read_csv(path, sep="|", index_col=False)["x"]
    same_column(read(path), "x", expected)


def test_numbers_are_the_nearest_to_their_text(tmp_path: Path) -> None:
    cells = [repr(value) for value in np.random.default_rng(0).normal(size=500).tolist()]
    table = read(written(tmp_path, cells))
    assert numbers(table, "x", "number").tolist() == [float(cell) for cell in cells]


# -- one column of a CSV file, with the same option in both: (cells, ours, pandas') ----------

WITH_OPTIONS: dict[str, tuple[list[str], dict[str, Any], dict[str, Any]]] = {
    "a dash is missing": (["1", "-", "3"], {"na": ("-",)}, {"na_values": "-"}),
    "two marks": (["1", "-", "n.k."], {"na": ("-", "n.k.")}, {"na_values": ["-", "n.k."]}),
    "a number that is missing": (["1", "-999", "3"], {"na": ("-999",)}, {"na_values": "-999"}),
    "a word in text": (["red", "unknown"], {"na": ("unknown",)}, {"na_values": "unknown"}),
    "decimal commas": (["1,5", "-2,25", "3"], {"decimal": ","}, {"decimal": ","}),
    "thousands": (["1,234.5", "12", "1,234,567"], {"thousands": ","}, {"thousands": ","}),
    "both, as in Germany": (
        ["1.234,5", "12", "0,5"], {"decimal": ",", "thousands": "."},
        {"decimal": ",", "thousands": "."},
    ),
    "thousands of spaces": (["1 234", "12"], {"thousands": " "}, {"thousands": " "}),
    "thousands of apostrophes": (["1'234.5", "12"], {"thousands": "'"}, {"thousands": "'"}),
    "lakhs": (["1,00,000", "12,345"], {"thousands": ","}, {"thousands": ","}),
    "thousands and a mark": (
        ["1,234", "-", "5"], {"thousands": ",", "na": ("-",)},
        {"thousands": ",", "na_values": "-"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WITH_OPTIONS)
def test_a_column_with_options_is_what_pandas_reads_with_them(tmp_path: Path, case: str) -> None:
    cells, ours, theirs = WITH_OPTIONS[case]
    path = written(tmp_path, cells)
    expected = pd.read_csv(path, sep="|", index_col=False, **theirs)["x"]
    same_column(read(path, Conventions(**ours)), "x", expected)


# -- signs around numbers, which pandas reads when they are taken away -------------------------

STRIPPED = {
    "percents": (["12%", "7.5%", "-3 %"], {"strip": "%"}),
    "money before": (["$11,140.00", "-$5", "$ 7"], {"strip": "$", "thousands": ","}),
    "money after": (["11.140,50 €", "5€"], {"strip": "€", "thousands": ".", "decimal": ","}),
    "below 0 in brackets": (["(5)", "7", "($1,200.5)"], {"strip": "()$", "thousands": ","}),
    "a unit": (["12 km", "3.5km"], {"strip": "km"}),
    "no-break spaces": (["1\u00a0234", "1\u202f234\u202f567"], {"thousands": " "}),
}


@pytest.mark.parametrize("case", STRIPPED)
def test_signs_that_are_stripped(tmp_path: Path, case: str) -> None:
    cells, ours = STRIPPED[case]
    plain = [re.sub(r"^\((.*)\)$", r"-\1", cell) for cell in cells]
    plain = [cell.replace("\u00a0", " ").replace("\u202f", " ") for cell in plain]
    for sign in (ours.get("strip", ""), ours.get("thousands", "")):
        plain = [cell.translate(str.maketrans("", "", sign)) for cell in plain]
    expected = pd.to_numeric([c.replace(" ", "").replace(",", ".") for c in plain])
    table = read(written(tmp_path, cells), Conventions(**ours))
    assert kind_of(table, "x") == "number"
    np.testing.assert_array_equal(numbers(table, "x", "number"), expected)


# -- dates: (cells, the order, pandas' options) ------------------------------------------------

DATES: dict[str, tuple[list[str], str, dict[str, Any]]] = {
    "days": (["2024-02-29", "1969-12-31", ""], "ymd", {}),
    "slashes": (["2024/01/05", "2023/12/31"], "ymd", {}),
    "one digit": (["2024-1-5", "2024-12-31"], "ymd", {"format": "%Y-%m-%d"}),
    "minutes": (["2024-01-05 10:30", "2024-01-05 23:59"], "ymd", {}),
    "seconds": (["2024-01-05T10:30:15", "2024-01-05T00:00:00"], "ymd", {}),
    "fractions": (["2024-01-05T10:30:15.25", "2024-01-05T00:00:00.5"], "ymd", {}),
    "nanoseconds": (["2024-01-05T10:30:15.123456789", "2024-01-05T00:00:00.000000001"], "ymd", {}),
    "UTC": (["2024-01-05T10:30:15Z", "2024-01-05T00:00:00Z"], "ymd", {}),
    "an offset": (["2024-01-05 10:30:15+02:00", "2024-01-06 00:00:00+02:00"], "ymd", {}),
    "an offset without a colon": (["2024-01-05 10:30:15-0530"] * 2, "ymd", {}),
    "mixed offsets": (
        ["2024-01-05 10:30:15+02:00", "2024-07-05 10:30:15+01:00"], "ymd", {"utc": True},
    ),
    "with and without a time": (
        ["2024-01-05", "2024-01-05 10:30:15"], "ymd", {"format": "mixed"},
    ),
    "with and without a zone": (
        ["2024-01-05 10:30", "2024-01-05 10:30Z"], "ymd", {"utc": True, "format": "mixed"},
    ),
    "day first": (["05/01/2024", "31/12/2023"], "dmy", {"dayfirst": True}),
    "day first, dots": (["5.1.2024", "31.12.2023"], "dmy", {"format": "%d.%m.%Y"}),
    "day first, dashes and times": (
        ["05-01-2024 10:30", "31-12-2023 00:00"], "dmy", {"dayfirst": True},
    ),
    "month first": (["05/01/2024", "12/31/2023"], "mdy", {}),
    "month first, half days": (
        ["1/5/2024 3:30 PM", "12/31/2023 12:05 AM"], "mdy", {"format": "%m/%d/%Y %I:%M %p"},
    ),
    "year first with another order": (["2024-01-05", "2023-12-31"], "dmy", {}),
    "long ago": (["1700-01-01", "1850-06-15"], "ymd", {}),
}  # fmt: skip


@pytest.mark.parametrize("case", DATES)
def test_dates_are_what_pandas_parses(tmp_path: Path, case: str) -> None:
    cells, order, theirs = DATES[case]
    table = read(written(tmp_path, cells), Conventions(date_order=order))
    expected = pd.to_datetime(pd.Series([cell or None for cell in cells]), **theirs)
    assert kind_of(table, "x") == "date"
    found = numbers(table, "x", "date")
    np.testing.assert_allclose(found, days(expected), rtol=0, atol=_MICROSECOND)


# -- where we read what pandas doesn't, and why -------------------------------------------------


def test_a_lone_question_mark_and_a_word_with_spaces_around_are_missing(tmp_path: Path) -> None:
    path = written(tmp_path, ["1", "?", " NA", "NA ", "   ", "6"])
    assert not pd.api.types.is_numeric_dtype(pd.read_csv(path, sep="|", index_col=False)["x"])
    assert missing(read(path), "x").tolist() == [False, True, True, True, True, False]
    assert kind_of(read(path), "x") == "number"


def test_truth_with_gaps_stays_truth(tmp_path: Path) -> None:
    table = read(written(tmp_path, ["True", "", "False"]))
    assert kind_of(table, "x") == "boolean"
    assert texts(table, "x", "boolean").to_pylist() == ["true", None, "false"]


@pytest.mark.parametrize("cells", [["2024-02-30", "2024-01-01"], ["13/13/2024"], ["20240105"]])
def test_what_is_no_date_is_none(tmp_path: Path, cells: list[str]) -> None:
    assert kind_of(read(written(tmp_path, cells), Conventions(date_order="dmy")), "x") != "date"


# -- whole files ---------------------------------------------------------------------------------

FILES: dict[str, tuple[str, bytes, dict[str, Any]]] = {
    "commas": ("t.csv", b"a,b\n1,x\n2,y\n", {}),
    "semicolons": ("t.csv", b"a;b\n1,5;x\n2;y\n", {"sep": ";"}),
    "tabs": ("t.tsv", b"a\tb\n1\tx\n2\ty\n", {"sep": "\t"}),
    "bars": ("t.txt", b"a|b\n1|x\n2|y\n", {"sep": "|"}),
    "one column": ("t.csv", b"a\n1\n2\n", {}),
    "Windows lines": ("t.csv", b"a,b\r\n1,x\r\n2,y\r\n", {}),
    "no line end at the end": ("t.csv", b"a,b\n1,x\n2,y", {}),
    "empty lines": ("t.csv", b"\na,b\n\n1,x\n\n2,y\n\n", {}),
    "a mark of the byte order": ("t.csv", b"\xef\xbb\xbfa,b\n1,x\n", {}),
    "that mark and a quoted header": ("t.csv", b'\xef\xbb\xbf"a\nb",c\n1,x\n', {}),
    "quotes": ("t.csv", b'a,b\n"1","x,y"\n2,"say ""hi"""\n', {}),
    "quoted line ends": ("t.csv", b'a,b\n1,"x\ny"\n2,z\n', {}),
    "a quote within a cell": ("t.csv", b'a,b\n1,5" pipe\n2,z\n', {}),
    "a header with spaces": ("t.csv", b"a b,c d\n1,x\n", {}),
    "a header of other scripts": ("t.csv", "größe,日本\n1,x\n".encode(), {}),
    "cells of only quotes": ("t.csv", b'a,b\n"",x\n2,""\n', {}),
    "gzip": ("t.csv.gz", gzip.compress(b"a,b\n1,x\n"), {}),
    "capitals": ("T.CSV.GZ", gzip.compress(b"a,b\n1,x\n"), {"compression": "gzip"}),
    "a cell of three megabytes": ("t.csv", b"a,b\n1," + b"x" * 3_000_000 + b"\n2,y\n", {}),
    "a header of two megabytes": (
        "t.csv", b"a," + b"h" * 2_000_000 + b"\n1,x\n2,y\n", {},
    ),
    "ten thousand columns": (
        "t.csv", (",".join(f"c{i}" for i in range(10_000)) + "\n" + "1," * 9_999 + "1\n").encode(),
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_a_file_is_what_pandas_reads(tmp_path: Path, case: str) -> None:
    name, content, theirs = FILES[case]
    path = tmp_path / name
    path.write_bytes(content)
    expected = pd.read_csv(path, encoding="utf-8-sig", **theirs)
    table = read(path)
    assert table.names == list(expected.columns)
    assert table.n_rows == len(expected)
    for column in table.names[:3]:
        same_column(table, column, expected[column])


def test_a_line_of_spaces_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n1,2\n  \n3,x\n   \n")
    table = read(tmp_path / "t.csv")
    assert table.column("a").to_pylist() == ["1", "3"]
    assert table.where(1).endswith("line 4")


def test_a_file_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    Path(os.fsdecode(path)).write_bytes(b"a,b\n1,2\n")
    assert read(Path(os.fsdecode(path))).n_rows == 1


def test_a_pipe_of_half_a_gzip_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    half = io.TextIOWrapper(io.BytesIO(gzip.compress(b"a,b\n" * 99)[:20]))
    monkeypatch.setattr("sys.stdin", half)
    with pytest.raises(TableError, match="standard input can't be unpacked; compress it again"):
        read("-")


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_pipe_is_read_as_what_it_holds(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    held = io.BytesIO()
    frame.to_csv(held, index=False) if name == "t.csv" else frame.to_parquet(held)
    os.mkfifo(tmp_path / "pipe")
    if (child := os.fork()) == 0:
        (tmp_path / "pipe").write_bytes(held.getvalue())
        os._exit(0)
    table = read(tmp_path / "pipe")
    os.waitpid(child, 0)
    assert (table.names, table.n_rows) == (["a", "b"], 2)
    assert table.where(1).endswith("line 3" if name == "t.csv" else "row 2")


# -- columns with types: Parquet, and DataFrames of pandas and polars --------------------------

TYPED: dict[str, Any] = {
    "int8": pd.array([1, -2], "int8"),
    "uint64": pd.array([2**64 - 1, 1], "uint64"),
    "whole numbers with gaps": pd.array([1, None], "Int64"),
    "float32": pd.array([0.5, float("nan")], "float32"),
    "truth": pd.array([True, False]),
    "text": pd.array(["a", None], "string"),
    "objects of text": pd.array(["a", "b"], object),
    "digits as text": pd.array(["01", "2"], "string"),
    "categories": pd.Categorical(["a", "b"]),
    "categories of numbers": pd.Categorical([1.5, 2.5]),
    "nanoseconds": pd.to_datetime(["2024-01-05 10:30:15.123456789", None]),
    "a zone": pd.to_datetime(["2024-01-05 10:30"] * 2).tz_localize("Europe/Berlin"),
    "days": [date(2024, 1, 5), date(1969, 12, 31)],
    "decimals": [Decimal("1.50"), Decimal("-2.25")],
    "Arrow's text": pd.array(["a", None], pd.ArrowDtype(pa.large_string())),
    "Arrow's dates": pd.array([1, 2], pd.ArrowDtype(pa.date32())),
}


def of_its_type(values: Any) -> pd.Series:
    """What pandas has, categories as their values, days and decimals in a type that compares."""
    column = pd.Series(values)
    if isinstance(values, pd.Categorical):
        return column.astype(values.categories.dtype)
    if isinstance(values, list):
        wide = pd.to_datetime if isinstance(values[0], date) else pd.to_numeric
        return wide(column.astype(str))
    return pd.to_datetime(column) if str(column.dtype).startswith("date32") else column


@pytest.mark.parametrize("case", TYPED)
@pytest.mark.parametrize("way", ["parquet", "pandas", "polars"])
def test_a_column_with_a_type_is_what_pandas_has(tmp_path: Path, case: str, way: str) -> None:
    frame = pd.DataFrame({"x": pd.Series(TYPED[case]), "y": [1, 2]})
    source: Any = frame
    if way == "parquet":
        source = tmp_path / "t.parquet"
        frame.to_parquet(source)
    elif way == "polars":
        source = pl.from_pandas(frame)
    same_column(as_table(source), "x", of_its_type(TYPED[case]))


def test_text_in_views_is_text() -> None:
    table = pa.table({"x": pa.array(["a", None], pa.string_view()), "y": [1, 2]})
    assert texts(as_table(table), "x", "text").to_pylist() == ["a", None]


def test_runs_of_values_are_their_values() -> None:
    runs = pc.run_end_encode(pa.array([1.5, 1.5, 2.5]))
    assert numbers(as_table(pa.table({"x": runs})), "x", "number").tolist() == [1.5, 1.5, 2.5]


def test_a_column_of_different_types_is_refused_by_its_name() -> None:
    with pytest.raises(TableError, match=r"the DataFrame.*column x"):
        as_table(pd.DataFrame({"x": [1, "a", None]}))
