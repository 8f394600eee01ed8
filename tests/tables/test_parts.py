"""A table in parts is the same table, and gives the same model for any workers."""

import os
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from part_files import made, written

import chainrule as cr
from chainrule import files
from chainrule.distributed.checkpoint import CheckpointError
from chainrule.distributed.lanes import Kept
from chainrule.tables import FeatureEncoder, TableError, TrainOptions, read
from chainrule.tables.estimators import TableClassifier, TableRegressor
from chainrule.tables.part_fitting import train_parts
from chainrule.tables.part_preparing import Where, kept_if_room, prepared_parts, room_of
from chainrule.tables.part_rows import PartRows
from chainrule.tables.parts import is_in_parts, parts_of

TABLE = made()
PLAIN = TrainOptions("plain", epochs=3, seed=5)
LITTLE = (400 << 20) + 700_000  # bytes: the rows don't stay in memory, each epoch reads them anew


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return written(tmp_path_factory.mktemp("table") / "parts", TABLE)


def theta(model):
    return model.networks[0].parameters.theta


def test_a_table_is_opened_in_many_ways(folder):
    dataset = ds.dataset(folder, format="parquet")
    one = str(folder / "part-0.parquet")
    ways = [folder, str(folder), f"{folder}/*.parquet", f"file://{folder}", dataset,
            f"file://{folder}/part-*.parquet"]  # fmt: skip
    for way in ways:
        assert is_in_parts(way)
        parts = parts_of(way)
        assert (len(parts.paths), parts.n_rows, parts.names) == (3, 6000, TABLE.column_names)
        rows = pa.concat_tables(
            [found.data for k in range(len(parts.groups)) for found in parts.tables(k, ["x", "id"])]
        )
        assert rows.column("id").to_pylist() == list(range(6000))
    assert parts_of(one).n_rows == 2000
    assert not is_in_parts(one)


def test_folders_may_tell_a_column(tmp_path):
    for year in (2023, 2024):
        written(tmp_path / f"year={year}", TABLE.slice(0, 500), parts=1)
    (tmp_path / "_SUCCESS.parquet").write_bytes(b"left by another program")
    parts = parts_of(tmp_path)
    assert "year" in parts
    years = [year for k in range(len(parts.groups)) for year in years_of(parts, k)]
    assert sorted(years) == [2023] * 500 + [2024] * 500


def years_of(parts, group):
    return [
        year for table in parts.tables(group, ["year"]) for year in table.column("year").to_pylist()
    ]


def about(name, value, scale):
    """Return what is equal to a field of a column as exactly as a pass can tell it."""
    if name in ("center", "scale"):  # gaps are filled with the median
        return pytest.approx(value, rel=1e-4, abs=1e-3)
    return pytest.approx(value, abs=0.02 * scale) if name in ("median", "knots") else value


@pytest.mark.parametrize("quality", ["plain", "balanced"])
def test_the_encoding_is_that_of_the_table_in_memory(folder, tmp_path, quality):
    options = TrainOptions(quality, test_fraction=0.0, validation_fraction=0.0)
    learned = prepared_parts(parts_of(folder), "y", options, Where()).learned
    pq.write_table(TABLE, tmp_path / "whole.parquet")
    whole = read(tmp_path / "whole.parquet")
    present = whole.take(np.flatnonzero(TABLE.column("y").is_valid().to_numpy()))
    recipe = options.recipe("regression")
    kinds = [(column.name, column.kind) for column in learned.features.columns if not column.part]
    assert [name for name, _ in kinds] == ["x", "few", "city", "open", "day", "kind"]
    assert "numbers the rows" in learned.left_out["id"]
    there = FeatureEncoder.fit(
        present, kinds, recipe.pieces, recipe.categories, recipe.piece_height
    )
    for ours, theirs in zip(learned.features.columns, there.columns, strict=True):
        assert type(ours) is type(theirs)
        for name, value in vars(theirs).items():
            assert getattr(ours, name) == about(name, value, getattr(theirs, "scale", 0)), (
                ours.name,
                name,
            )
    assert learned.target.mean == pytest.approx(np.nanmean(TABLE.column("y").to_numpy()))
    assert learned.n_rows + learned.without_target == 6000


def test_the_rows_of_the_lanes_are_those_of_the_table(folder):
    parts = parts_of(folder)
    model = train_parts(parts, "y", TrainOptions("plain", epochs=1), Where(workers=1))
    X = model.features.transform(read_whole(parts), "float32")
    assert X.shape == (6000, model.spec.n_inputs)
    report = model.report
    assert sum(report.rows.values()) == 6000
    assert report.rows["test"] == pytest.approx(1200, abs=120)


def read_whole(parts):
    from chainrule.tables.table import Table

    tables = [t.data for k in range(len(parts.groups)) for t in parts.tables(k, parts.names)]
    data = pa.concat_tables(tables).unify_dictionaries()
    return Table("whole", data, typed=True)


@pytest.mark.parametrize("target", ["y", "kind", "few", "day"])
@pytest.mark.parametrize("quality", ["plain", "fast"])
def test_any_target_and_any_number_of_workers(folder, target, quality):
    options = TrainOptions(quality, epochs=2, dropout=0.1 if quality == "fast" else None)
    one, three = (train_parts(folder, target, options, Where(workers=n)) for n in (1, 3))
    np.testing.assert_array_equal(theta(one), theta(three))
    assert one.report == three.report
    assert one.report.metrics.keys() == one.report.baseline.keys()


def test_lanes_are_part_of_the_fit(folder, tmp_path):
    two, again = (train_parts(folder, "y", PLAIN, Where(workers=n, lanes=2)) for n in (1, 4))
    np.testing.assert_array_equal(theta(two), theta(again))
    assert not np.array_equal(theta(two), theta(train_parts(folder, "y", PLAIN)))
    train_parts(folder, "y", PLAIN, Where(folder=tmp_path, lanes=2))
    with pytest.raises(CheckpointError, match=r"another fit: fit\.lanes should be 8, got 2"):
        train_parts(folder, "y", PLAIN, Where(folder=tmp_path))
    with pytest.raises(ValueError, match="lanes must be a power of two, got 3"):
        Where(lanes=3)


def test_rows_that_stay_in_memory_are_the_same(folder):
    options = TrainOptions("plain", epochs=2, batch_size=64)
    few, many = (
        prepared_parts(parts_of(folder), "y", options, Where(m)) for m in (LITTLE, 2 << 30)
    )
    assert few.order == many.order
    learned, columns = few.learned, len(few.learned.features.columns) + 1
    about = (learned.features, learned.target, few.held, learned.group_rows)
    rows = PartRows(parts_of(folder), *about, cr.Network([1, 1]).spec)
    fit_in = 4 * 8 * columns * few.order.n_rows + (400 << 20)  # one copy, and what there is besides
    for memory, workers, ray, is_kept in [
        (LITTLE, 2, None, False),
        (fit_in - 1, 2, None, False),
        (fit_in, 2, None, True),
        (fit_in, 1, "local", True),
        (fit_in, 2, "local", False),  # each has a copy
    ]:
        kept = kept_if_room(rows, columns, few.order, Where(memory, workers, ray))
        assert isinstance(kept, Kept) == is_kept
    again, kept = (train_parts(folder, "y", options, Where(m)) for m in (LITTLE, 2 << 30))
    np.testing.assert_array_equal(theta(again), theta(kept))


def test_a_model_is_as_good_as_one_of_the_table_in_memory(folder):
    model = train_parts(folder, "y", TrainOptions(epochs=12))
    assert model.report.metrics["r2"] > 0.9
    assert model.evaluate(TABLE).values["r2"] > 0.9
    assert "held-out rows" in repr(model)


def test_a_column_may_be_read_as_another_kind(tmp_path):
    """Text as numbers and as dates, whole numbers as text: as in memory."""
    numbers = np.random.default_rng(0).integers(0, 9, 400)
    day = [f"2024-0{1 + k}-15" for k in numbers]
    table = pa.table(
        {"size": list(map(str, numbers)), "code": numbers, "day": day, "y": numbers * 2.0}
    )
    written(tmp_path, table)
    kinds = {"size": "number", "code": "text", "day": "date"}
    model = train_parts(tmp_path, "y", replace(PLAIN, kinds=kinds))
    assert {column.name: column.kind for column in model.features.columns} == kinds
    assert len(model.predict(table)) == 400


def test_a_model_is_saved_and_loaded(folder, tmp_path):
    model = train_parts(folder, "kind", PLAIN)
    files.save(model, tmp_path / "model.safetensors")
    again = files.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict_proba(TABLE), model.predict_proba(TABLE))


class Cut(Exception):  # noqa: N818
    """What ends a fit in a test."""


def test_a_fit_goes_on_in_its_folder(folder, tmp_path):
    whole = train_parts(folder, "y", PLAIN, Where(workers=2))
    stops = iter([3, 60])

    def until(step):
        def watch(fit):
            if fit.step == step:
                raise Cut

        return watch

    for workers, memory in ((1, 2 << 30), (3, 1 << 30)):  # the rows in memory stay those of before
        where = Where(memory, workers, folder=tmp_path)
        with pytest.raises(Cut):
            train_parts(folder, "y", PLAIN, where, until(next(stops)))
    model = train_parts(folder, "y", PLAIN, Where(folder=tmp_path))
    np.testing.assert_array_equal(theta(model), theta(whole))
    assert model.report == whole.report
    assert train_parts(folder, "y", PLAIN, Where(folder=tmp_path)).report == whole.report  # over
    with pytest.raises(
        CheckpointError, match=r"another fit: fit\.target should be 'kind', got 'y'"
    ):
        train_parts(folder, "kind", PLAIN, Where(folder=tmp_path))


@pytest.mark.parametrize("target", ["kind", "few", "open", "y"])
def test_estimators_take_a_dataset(folder, tmp_path, target):
    dataset = ds.dataset(folder, format="parquet")
    estimator = TableRegressor if target == "y" else TableClassifier
    model = estimator("plain", epochs=3, random_state=5, n_jobs=2).fit(dataset, target)
    frame = TABLE.to_pandas().drop(columns=target)
    assert list(model.feature_names_in_) == list(frame.columns)
    expected = train_parts(folder, target, replace(PLAIN, task=model._task))
    np.testing.assert_array_equal(theta(model.model_), theta(expected))
    if target != "y":
        assert model.classes_.tolist() == sorted(set(TABLE[target].to_pylist()))
        assert set(model.predict(frame)) <= set(model.classes_)
    files.save(model, tmp_path / "model.safetensors")
    again = files.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(frame), model.predict(frame))


# -- what can't be used -----------------------------------------------------------------------


def refused(source, said, target="y", options=PLAIN, where=None, error=TableError):
    with pytest.raises(error, match=said) as caught:
        train_parts(source, target, options, where)
    assert "\n" not in str(caught.value)


def test_a_part_of_other_columns_or_types_is_named(tmp_path):
    written(tmp_path, TABLE)
    other = tmp_path / "part-9.parquet"
    pq.write_table(TABLE.drop_columns(["x"]), other)
    refused(tmp_path, r"part-9\.parquet lacks 'x', which .*part-0\.parquet has; write all parts")
    pq.write_table(TABLE.append_column("more", TABLE["x"]), other)
    refused(tmp_path, r"part-9\.parquet has 'more', which .*part-0\.parquet lacks")
    changed = TABLE.set_column(1, "x", TABLE["x"].cast("float64"))
    pq.write_table(changed, other)
    refused(tmp_path, r"part-9\.parquet has double in column 'x', and .*part-0\.parquet has float")


@pytest.mark.parametrize("kept", [0, 8, 0.5, -3])
def test_a_truncated_part_is_named(tmp_path, kept):
    written(tmp_path, TABLE)
    path = tmp_path / "part-1.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept) if 0 < kept < 1 else kept])
    refused(tmp_path, r"part-1\.parquet is not a whole Parquet file")


def test_a_part_whose_pages_are_damaged_is_named(tmp_path):
    written(tmp_path, TABLE)
    path = tmp_path / "part-1.parquet"
    content = bytearray(path.read_bytes())
    content[100:4000] = os.urandom(3900)
    path.write_bytes(content)
    refused(tmp_path, r"part-1\.parquet")


def test_no_rows_and_no_parts(tmp_path):
    refused(tmp_path / "*.parquet", "no Parquet file is named")
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n")
    refused(tmp_path / "rows.csv", r"rows\.csv is no Parquet file")
    refused(tmp_path, "no Parquet file is named")
    written(tmp_path, TABLE.slice(0, 0), parts=1)
    refused(tmp_path, "has no rows in 1 part")
    written(tmp_path / "other", TABLE.slice(0, 50), parts=1)
    constant = TABLE.slice(0, 50).set_column(6, "y", pa.array([1.5] * 50))
    written(tmp_path / "constant", constant, parts=1)
    refused(tmp_path / "constant", "column 'y': all values are 1.5")
    refused(tmp_path / "other", "no column 'z'", target="z")


@pytest.mark.parametrize("how", ["written again", "removed"])
def test_a_part_that_changes_during_the_fit_is_named(tmp_path, how):
    written(tmp_path / "parts", TABLE)
    path = tmp_path / "parts" / "part-1.parquet"

    def change(fit):
        if fit.step == fit.order.steps_per_epoch - 1:
            path.unlink()
            if how == "written again":
                pq.write_table(TABLE.slice(0, 2000), path)

    said = "changed since the parts were looked at" if how == "written again" else "is gone"
    where = Where(LITTLE, folder=tmp_path / "kept")
    with pytest.raises(TableError, match=rf"part-1\.parquet {said}"):
        train_parts(tmp_path / "parts", "y", PLAIN, where, change)
    assert (tmp_path / "kept" / "checkpoint.safetensors").exists()


def test_options_of_tables_in_memory_are_refused(folder):
    refused(folder, "members=5", options=TrainOptions(members=5), error=ValueError)
    refused(folder, "time_limit=9", options=TrainOptions(time_limit=9), error=ValueError)
    refused(folder, "not recorded", options=TrainOptions(record=True), error=ValueError)
    refused(folder, "memory must be at least", where=Where(memory=1000), error=ValueError)
    refused(folder, "ignore: .* has no column 'w'", options=TrainOptions(ignore=("w",)))
    where = Where(ray="127.0.0.1:1")
    refused(folder, "no Ray answers at 127.0.0.1:1", where=where, error=ConnectionError)


def test_a_large_row_group_is_read_page_by_page(tmp_path):
    """Of half a million rows in one group, as writers make them, little is in memory at a time."""
    numbers = np.random.default_rng(0)
    columns = {f"x{k}": numbers.normal(size=500_000) for k in range(6)}
    columns["word"] = numbers.choice(["few", "words"], 500_000)
    pq.write_table(pa.table(columns), tmp_path / "part.parquet", row_group_size=500_000)
    parts, before = parts_of(tmp_path), pa.total_allocated_bytes()
    tables = parts.tables(0, parts.names, batch_rows=10_000)
    rows, most = 0, 0
    for table in tables:
        rows += table.n_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 500_000
    assert most < parts.reading < 20e6 < 6 * 8 * 500_000


def test_a_column_that_folders_tell_may_be_read_alone(tmp_path):
    for year in (2023, 2024):
        written(tmp_path / f"year={year}", TABLE.slice(0, 50), parts=1)
    parts = parts_of(tmp_path)
    found = [
        table.column("year").to_pylist() for k in range(2) for table in parts.tables(k, ["year"])
    ]
    assert found == [[2023] * 50, [2024] * 50]


def test_what_reading_takes_is_part_of_the_memory(tmp_path):
    rows = pa.table({f"x{k}": np.random.default_rng(k).normal(size=300_000) for k in range(5)})
    rooms = []
    for size in (10_000, 60_000, 300_000):
        pq.write_table(rows, tmp_path / f"{size}.parquet", row_group_size=size)
        parts = parts_of(tmp_path / f"{size}.parquet")
        if size < 300_000:
            rooms.append(room_of(415 << 20, 2, 5, parts.n_rows, parts.reading))
    assert rooms[1] < rooms[0] < 150_000
    with pytest.raises(ValueError, match="smaller row groups take less"):
        room_of(415 << 20, 2, 5, parts.n_rows, parts.reading)
