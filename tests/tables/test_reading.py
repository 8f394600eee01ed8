"""Reading tables: what is read is what was written, and each defect is named with its place."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule.tables import Table, csv_lines
from chainrule.tables.columns import kind_of, numbers, texts
from chainrule.tables.errors import TableError
from chainrule.tables.reading import read, stem


def written(folder: Path, content: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_csv_file_of_any_usual_separator(tmp_path: Path, separator: str) -> None:
    table = read(written(tmp_path, f'a{separator}"b"\n1{separator}x\n2{separator}\n'))
    assert table.names == ["a", "b"]
    assert numbers(table, "a", "number").tolist() == [1.0, 2.0]
    assert texts(table, "b", "text").to_pylist() == ["x", None]


@pytest.mark.parametrize("name", ["t.tsv", "t.txt", "T.CSV"])
def test_other_suffixes(tmp_path: Path, name: str) -> None:
    assert read(written(tmp_path, "a\tb\n1\t2\n", name)).names == ["a", "b"]


def test_a_compressed_csv_file(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"a,b\n1,2\n"), "t.csv.gz")
    assert read(path).names == ["a", "b"]
    assert stem(path) == "t"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_headers_of_several_lines_and_empty_lines(tmp_path: Path, end: str) -> None:
    lines = ["", 'a,"long', 'name"', "", "1,2", "x,3"]
    table = read(written(tmp_path, end.join(lines) + end))
    assert table.names == ["a", f"long{end}name"]
    assert table.column("a").to_pylist() == ["1", "x"]
    assert table.where(1).endswith("line 6")


def test_a_cell_as_long_as_a_document(tmp_path: Path) -> None:
    table = read(written(tmp_path, f"a,b\n1,{'x' * 200_000}\n2,y\n"))
    assert table.where(1).endswith("line 3")


def test_a_byte_order_mark_and_windows_lines(tmp_path: Path) -> None:
    assert read(written(tmp_path, "\ufeffa,b\r\n1,2\r\n")).names == ["a", "b"]


@pytest.mark.parametrize("word", ["", "NA", "nan", "null", "N/A", "?"])
def test_words_for_missing(tmp_path: Path, word: str) -> None:
    table = read(written(tmp_path, f"a,b\n1,x\n{word},y\n"))
    assert kind_of(table, "a") == "number"
    assert np.isnan(numbers(table, "a", "number")).tolist() == [False, True]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-2.5", " 3e4 ", ""], "number"),
        (["true", "False", ""], "boolean"),
        (["2024-02-29", "1969-12-31"], "date"),
        (["2024-02-29T12:00:00", "2024-02-29 12:00:00.5"], "date"),
        (["2024-02-29T12:00:00Z", "2024-02-29T12:00:00+02:00"], "date"),
        (["1", "two"], "text"),
        (["yes", "no"], "text"),
        (["0x10", "1_000"], "text"),
    ],
)
def test_the_kind_of_a_csv_column(tmp_path: Path, cells: list[str], kind: str) -> None:
    table = read(written(tmp_path, "x,y\n" + "".join(f"{cell},0\n" for cell in cells)))
    assert kind_of(table, "x") == kind


def test_dates_are_days_since_1970(tmp_path: Path) -> None:
    table = read(written(tmp_path, "d\n1970-01-02\n1970-01-01T12:00:00\n1969-12-31\n"))
    assert numbers(table, "d", "date").tolist() == [1.0, 0.5, -1.0]


def test_an_offset_from_utc_counts(tmp_path: Path) -> None:
    table = read(written(tmp_path, "d\n1970-01-01T00:00:00Z\n1970-01-01T12:00:00+06:00\n"))
    assert numbers(table, "d", "date").tolist() == [0.0, 0.25]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    columns = {
        "whole": pa.array([1, None], pa.uint8()),
        "decimal": pa.array(["1.5", "2.5"]).cast(pa.decimal128(5, 2)),
        "digits": pa.array(["01", "02"]),
        "kinds": pa.array(["a", "b"]).dictionary_encode(),
        "flag": pa.array([True, None]),
        "day": pa.array([1, 2], pa.date32()),
        "time": pa.array([0, 43_200_000], pa.timestamp("ms", tz="UTC")),
        "lists": pa.array([[1], [2]]),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    table = read(tmp_path / "t.parquet")
    kinds = ["number", "number", "text", "text", "boolean", "date", "date", None]
    assert [kind_of(table, name) for name in columns] == kinds
    assert numbers(table, "decimal", "number").tolist() == [1.5, 2.5]
    assert numbers(table, "time", "date").tolist() == [0.0, 0.5]
    assert texts(table, "flag", "boolean").to_pylist() == ["true", None]
    assert texts(table, "digits", "text").to_pylist() == ["01", "02"]


@pytest.mark.parametrize(
    ("name", "shape", "kind"),
    [
        ("digits", (1797, 65), "number"),
        ("iris", (150, 5), "text"),
        ("wine", (178, 14), "text"),
        ("breast_cancer", (569, 31), "text"),
        ("diabetes", (442, 11), "number"),
    ],
)
def test_bundled_data_sets(name: str, shape: tuple[int, int], kind: str) -> None:
    table = read(name)
    assert (table.n_rows, len(table.names)) == shape
    assert kind_of(table, "target") == kind


DEFECTS = {
    "missing file": ("digit", None, r"^no table 'digit'; did you mean 'digits'\?$"),
    "empty": ("t.csv", b"", "is empty"),
    "blank": ("t.csv", b" \n\n", "is empty"),
    "binary": ("t.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a table.*binary data"),
    "utf-16": ("t.csv", "a,b\n1,2\n".encode("utf-16"), "not a table.*UTF-8"),
    "latin-1": ("t.csv", "a,b\n1,2\n3,é\n".encode("latin-1"), "line 3.*UTF-8"),
    "latin-1 header": ("t.csv", "a,é\n1,2\n".encode("latin-1"), "line 1.*UTF-8"),
    "ragged, too few": ("t.csv", b"a,b\n1,2\n3\n", "line 3: expected 2 cells.*got 1"),
    "ragged, too many": ("t.csv", b"a,b\n1,2\n\n3,4,5\n", "line 4: expected 2 cells.*got 3"),
    "ragged after a long cell": ("t.csv", b'a,b\n1,"x\ny\nz"\n3\n', "line 5: expected 2.*got 1"),
    "ragged, semicolons": ("t.csv", b'a;b\n1;"x;\ny"\n3\n', "line 4: expected 2 cells.*got 1"),
    "open quote": ("t.csv", b'a,b\n1,2\n3,"x\n5,6\n', "quote after line 2 is never closed"),
    "duplicate headers": ("t.csv", b"a,b,a\n1,2,3\n", "'a' more than once"),
    "no header": ("t.csv", b"5.1,3,5.1\n5,3,6\n", "'5.1' more than once.*header line missing"),
    "cut gzip": ("t.csv.gz", gzip.compress(b"a,b\n" * 99)[:20], "can't be unpacked"),
    "parquet footer": ("t.parquet", b"PAR1" + b"x" * 90 + b"PAR1", "Parquet.*footer"),
    "parquet that is text": ("t.parquet", b"a,b\n1,2\n", "Parquet.*footer"),
    "unknown suffix": ("t.xlsx", b"PK", "not a table.*\\.csv"),
    "model file": ("m.safetensors", b"{}", "model file where a table was expected"),
}


@pytest.mark.parametrize("case", DEFECTS)
def test_each_defect_is_named_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    name, content, message = DEFECTS[case]
    monkeypatch.chdir(tmp_path)
    if content is not None:
        written(tmp_path, content, name)
    with pytest.raises(TableError, match=message) as caught:
        read(name)
    assert "\n" not in str(caught.value)


def test_a_near_miss_of_a_file_in_the_folder(tmp_path: Path) -> None:
    written(tmp_path, "a\n1\n", "titanic.csv")
    with pytest.raises(TableError, match=r"did you mean 'titanic.csv'"):
        read(tmp_path / "titanik.csv")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="is a folder"):
        read(tmp_path)


def test_columns_without_a_name_are_counted(tmp_path: Path) -> None:
    table = read(written(tmp_path, ",a,\n0,1,9\n1,2,9\n"))
    assert (table.names, table.nameless) == (["a"], 2)


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ("a,b\n1,x\n\nzwei,y\n", "number", "line 4, column 'a': expected a number, got 'zwei'"),
        ("a,b\n1,x\n1e400,y\n", "number", "line 3, column 'a': expected a finite number, got inf"),
        ("a,b\n-inf,x\n", "number", "line 2, column 'a': expected a finite number, got -inf"),
        ('a,b\n1,"x\ny"\nz,y\n', "number", "line 4, column 'a': expected a number, got 'z'"),
        ("a,b\ntrue,x\nja,y\n", "boolean", "line 3, column 'a': expected true or false, got 'ja'"),
        ("a,b\n2024-01-01,x\n5,y\n", "date", "line 3, column 'a': expected a date, got '5'"),
    ],
)
def test_a_wrong_value_is_named_with_its_line(
    tmp_path: Path, content: str, kind: str, message: str
) -> None:
    table = read(written(tmp_path, content))
    with pytest.raises(TableError, match=message):
        (texts if kind == "boolean" else numbers)(table, "a", kind)  # type: ignore[arg-type]


def test_rows_that_were_taken_keep_their_line(tmp_path: Path) -> None:
    table = read(written(tmp_path, "a\n1\n2\nx\n4\n"))
    taken = table.take(np.array([3, 2])).take(np.array([1]))
    assert taken.where(0).endswith("t.csv, line 4")


def test_a_wrong_value_in_parquet_is_named_with_its_row(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1.0, np.inf]}), tmp_path / "t.parquet")
    with pytest.raises(TableError, match=r"t.parquet, row 2, column 'a'.*got inf"):
        numbers(read(tmp_path / "t.parquet"), "a", "number")


@settings(max_examples=60)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1),
        min_size=1,
        max_size=5,
    ),
    st.integers(0, 200),
    st.integers(0, 255),
)
def test_a_changed_parquet_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str], position: int, value: int
) -> None:
    path = tmp_path_factory.mktemp("p") / "t.parquet"
    pq.write_table(pa.table({"a": cells, "b": range(len(cells))}), path)
    content = bytearray(path.read_bytes())
    content[-1 - position % len(content)] = value
    path.write_bytes(content)
    try:
        read(path)
    except TableError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message


def test_a_table_knows_its_columns_by_name_and_not_by_search() -> None:
    """As many lookups as columns were quadratic when each built the list of names anew."""
    table = Table("t", pa.table({"a": [1], "b": [2]}), typed=True)
    assert table.names is table.names
    assert "b" in table
    assert "c" not in table


def test_a_bad_last_row_is_found_without_a_second_parser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise AssertionError("the rows were parsed again")

    monkeypatch.setattr(csv_lines, "_parsed_line", refused)
    rows = '1,"x, y"\n\n2,"a ""b"""\n3,"of two\nlines"\n' * 1000
    with pytest.raises(TableError, match="line 5002: expected 2 cells as in the header, got 3"):
        read(written(tmp_path, f"a,b\n{rows}1,2,3\n"))


@pytest.mark.parametrize("cell", ['5" pipe', '"', 'a"b"c'])
def test_quotes_within_cells_do_not_mislead_the_line(tmp_path: Path, cell: str) -> None:
    with pytest.raises(TableError, match="line 5: expected 2 cells as in the header, got 1"):
        read(written(tmp_path, f'a,b\n1,x{cell}\n2,"y\nz"\n3\n'))
