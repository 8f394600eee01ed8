"""The column to predict: tasks, classes and scales, there and back."""

import json

import numpy as np
import pyarrow as pa
import pytest

from chainrule.tables import ClassTarget, NumberTarget, Table, TableError
from chainrule.tables.target_column import target_column
from chainrule.tables.targets import target_from_dict


def table_of(y: object) -> Table:
    return Table("t", pa.table({"y": y}), typed=True)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"], "classification"),
        ([True, False], "classification"),
        (list(range(20)), "classification"),
        ([0.0, 1.0, 2.0], "classification"),
        (list(range(21)), "regression"),
        ([0.5, 1.0], "regression"),
        (pa.array([1, 2], pa.date32()), "regression"),
    ],
)
def test_the_task_is_inferred_from_the_target(values: object, task: str) -> None:
    assert target_column(table_of(values), "y").task == task


@pytest.mark.parametrize(
    ("values", "classes", "answers"),
    [
        (["b", "a", "b"], ("a", "b"), ["b", "a", "b"]),
        ([True, False, True], ("false", "true"), [True, False, True]),
        ([10, 9, -1], ("-1", "9", "10"), [10, 9, -1]),
        ([10.0, 9.0, -1.0], ("-1", "9", "10"), [10, 9, -1]),
        ([0.5, 2.0, 0.5], ("0.5", "2"), [0.5, 2.0, 0.5]),
    ],
)
def test_classes_go_to_numbers_and_back_in_their_own_type(
    values: list, classes: tuple[str, ...], answers: list
) -> None:
    table = table_of(values)
    target = ClassTarget.fit(table, "y", target_column(table, "y").kind)
    again = target_from_dict(json.loads(json.dumps(target.to_dict())))
    assert again == target
    assert target.classes == classes
    assert target.values(target.encode(table)).to_pylist() == answers


def test_two_classes_need_one_output_and_three_need_three() -> None:
    assert ClassTarget("y", "text", ("a", "b")).outputs == 1
    assert ClassTarget("y", "text", ("a", "b", "c")).outputs == 3


def test_a_number_target_is_standardised_and_comes_back_in_its_unit() -> None:
    values = np.array([10.0, 20.0, 60.0])
    target = NumberTarget.fit(table_of(values), "y", "number")
    encoded = target.encode(table_of(values))
    np.testing.assert_allclose(encoded, (values - values.mean()) / values.std(), rtol=1e-14)
    np.testing.assert_allclose(target.values(encoded).to_numpy(), values, rtol=1e-14)
    assert target_from_dict(json.loads(json.dumps(target.to_dict()))) == target


def test_a_date_target_comes_back_as_a_time() -> None:
    days = pa.array([0, 10], pa.date32())
    target = NumberTarget.fit(table_of(days), "y", "date")
    answers = target.values(target.encode(table_of(days)))
    assert answers.cast(pa.date32()).to_pylist() == days.to_pylist()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([None, None], "column 'y': all values are missing"),
        ([3, 3, None], "column 'y': all values are 3; a constant target"),
        (["a", "a"], "column 'y': all values are 'a'; a constant target"),
        ([1.0, float("inf")], "row 2, column 'y': expected a finite number, got inf"),
        (pa.array([{"a": 1}, {"a": 2}]), "column 'y': expected numbers, text, booleans or dates"),
    ],
)
def test_what_can_not_be_a_target(values: object, message: str) -> None:
    with pytest.raises(TableError, match=message):
        target_column(table_of(values), "y")


def test_a_constant_target_written_in_two_ways() -> None:
    with pytest.raises(TableError, match="constant target"):
        target_column(Table("t", pa.table({"y": ["1", "1.0"]}), typed=False), "y")


def test_a_misspelled_target_is_suggested() -> None:
    table = Table("t", pa.table({"Survived": [0, 1], "Age": [1, 2]}), typed=True)
    with pytest.raises(TableError, match=r"t: no column 'survivd'; did you mean 'Survived'\?"):
        target_column(table, "survivd")
    with pytest.raises(TableError, match=r"t: no column 'price'; its columns are Survived, Age"):
        target_column(table, "price")


def test_rows_without_a_target_are_left_out_and_keep_their_place() -> None:
    table = table_of(["a", None, "b"])
    rows = table.take(target_column(table, "y").present)
    assert rows.column("y").to_pylist() == ["a", "b"]
    assert rows.where(1) == "t, row 3"


@pytest.mark.parametrize("value", ["c", None])
def test_an_unknown_class_is_named_with_its_row(value: str | None) -> None:
    target = ClassTarget("y", "text", ("a", "b"))
    with pytest.raises(TableError, match="row 2, column 'y': expected one of the classes a, b"):
        target.encode(table_of(["a", value]))


def test_too_many_classes_are_refused() -> None:
    with pytest.raises(TableError, match="expected at most 1000 classes, got 1001"):
        ClassTarget.fit(table_of([f"{i}" for i in range(1001)]), "y", "text")


CLASSES = ClassTarget("y", "text", ("a", "b"), (0.5, 0.5)).to_dict()
NUMBER = NumberTarget("y", "number", 0.0, 1.0).to_dict()


@pytest.mark.parametrize(
    ("described", "message"),
    [
        (None, "target: expected an object"),
        (CLASSES | {"task": "ranking"}, "target.task: expected one of"),
        (CLASSES | {"classes": ["a"]}, "target.classes: expected at least 2"),
        (CLASSES | {"kind": "number"}, "target.classes: expected numbers"),
        (CLASSES | {"kind": "boolean"}, "target.classes: expected booleans"),
        (CLASSES | {"mean": 1.0}, "target.mean: unknown field"),
        (NUMBER | {"limits": [2, 1]}, "target.limits: expected two numbers, the lower one first"),
        (NUMBER | {"limits": [1]}, "target.limits: expected two numbers"),
        (NUMBER | {"limits": 1}, "target.limits: expected a list of numbers"),
        (NUMBER | {"std": 0.0}, "target.std: expected a finite number of at least"),
        (NUMBER | {"name": 5}, "target.name: expected text"),
    ],
)
def test_each_wrong_field_of_a_description_is_named(described: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        target_from_dict(described)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 2.0, None], "row 3, column 'y': expected a number of at most 1e.150, got nothing"),
        ([1.0, 2.0, 1e200], "row 3, column 'y': expected a number of at most 1e.150, got 1e.200"),
        ([1.0, 2.0, 1e9], "row 3, column 'y': expected a number within 1,000,000 standard"),
    ],
)
def test_numbers_that_no_network_can_learn_are_named(values: list, message: str) -> None:
    target = NumberTarget("y", "number", mean=1.5, std=0.5)
    with pytest.raises(TableError, match=message):
        target.encode(table_of(values))


@pytest.mark.parametrize("std", [1e-150, 0.5, 1.0, 1e150])  # the limits, and between
def test_a_target_of_any_scale_that_is_fitted_is_described_and_restored(std: float) -> None:
    target = NumberTarget.fit(table_of([-std, std]), "y", "number")
    assert target.std == pytest.approx(std, rel=1e-15)
    assert target_from_dict(target.to_dict()) == target


@pytest.mark.parametrize("values", [[0.0, 1e-200], [1e200, 0.0]])
def test_a_spread_that_can_not_be_divided_by(values: list) -> None:
    with pytest.raises(TableError, match="column 'y': its numbers can't be standardised"):
        NumberTarget.fit(table_of(values), "y", "number")


def test_a_date_stays_in_the_calendar() -> None:
    target = NumberTarget("y", "date", mean=0.0, std=1e6)
    years = [when.year for when in target.values(np.array([-1e9, 0, 1e9])).to_pylist()]
    assert years == [1, 1970, 9999]


def test_a_missing_class_is_said_to_be_nothing() -> None:
    table = Table("t", pa.table({"y": ["a", "b", "a"]}), typed=True)
    target = ClassTarget.fit(table, "y", "text")
    gap = Table("t", pa.table({"y": pa.array(["a", None], pa.string())}), typed=True)
    with pytest.raises(TableError, match=r"row 2, column 'y': expected one of .*, got nothing"):
        target.encode(gap)
