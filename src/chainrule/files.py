"""Model files: safetensors arrays, a versioned JSON description in the header, saved atomically.

The header key ``chainrule`` holds ``{"format": ..., "kind": ..., "chainrule": the version that
wrote it, "sha256": of all that follows and of the arrays, "model": ...}``. Each kind of model has
three methods: ``describe()`` gives all but its numbers as JSON can hold it, ``arrays()`` its
numbers by name, and ``restore(description, arrays)`` gives the model back, or says which field or
array is wrong. What is restored must describe itself as the file does, so that no field is ignored
or silently changed. Nothing in a file is ever executed.
"""

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from chainrule.atomic import atomic_file
from chainrule.sealed import checksum, difference

# Of each kind, the format that is written.
FORMATS = {
    "network": 1,
    "run": 4,
    "classifier": 2,
    "regressor": 2,
    "table_model": 7,
    "table_classifier": 3,
    "table_regressor": 3,
}
_KEY = "chainrule"
_KINDS = {
    "network": ("chainrule.training.network", "Network"),
    "run": ("chainrule.training.run", "Run"),
    "classifier": ("chainrule.estimators.classifier", "MLPClassifier"),
    "regressor": ("chainrule.estimators.regressor", "MLPRegressor"),
    "table_model": ("chainrule.tables.model", "TableModel"),
    "table_classifier": ("chainrule.tables.estimators", "TableClassifier"),
    "table_regressor": ("chainrule.tables.estimators", "TableRegressor"),
}
_FIELDS = {"format", "kind", "chainrule", "sha256", "model"}
_UNSOUND = (ValueError, TypeError, LookupError, AttributeError, OverflowError, MemoryError)
_TABLES = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".pq")


class ModelFileError(ValueError):
    """A file that isn't a whole and sound model file; the message says what is wrong with it.

    Examples
    --------
    >>> issubclass(ModelFileError, ValueError)
    True
    """


class Savable(Protocol):
    """What `save` takes: a network, a run, a model of a table."""

    def describe(self) -> dict[str, Any]:
        """Everything but the numbers, as JSON can hold it."""

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Return the numbers, by name."""


def save(model: Savable, path: str | Path) -> None:
    """Write a network, a run, an estimator or a model of a table to a file, whole or not at all.

    Parameters
    ----------
    model : Network, Run, MLPClassifier, MLPRegressor, TableClassifier, TableRegressor or TableModel
    path : str or Path
        Usually ending in .safetensors. A file that is there is replaced in one step.

    Raises
    ------
    TypeError
        If the model is of another kind.
    ValueError
        If one of its numbers is infinite or not a number.
    OSError
        If the file can't be written; nothing is left behind.

    Notes
    -----
    The same model gives the same bytes.

    Examples
    --------
    >>> import tempfile, chainrule as cr
    >>> path = Path(tempfile.mkdtemp(), "small.safetensors")
    >>> save(cr.Network([2, 3, 1], seed=0), path)
    >>> load(path).spec.layer_sizes
    (2, 3, 1)
    """
    from importlib.metadata import version

    from safetensors.numpy import save as to_bytes

    kind = _kind(model)
    arrays = {name: np.ascontiguousarray(array) for name, array in model.arrays().items()}
    if strange := _not_finite(arrays):
        raise ValueError(f"the {kind.replace('_', ' ')} is not saved: {strange}")
    description = json.loads(json.dumps(model.describe(), allow_nan=False))
    stated = {
        "format": FORMATS[kind],
        "kind": kind,
        "chainrule": version("chainrule"),
        "sha256": _digest(kind, description, arrays),
        "model": description,
    }
    with atomic_file(path) as file:
        file.write(to_bytes(arrays, metadata={_KEY: json.dumps(stated, ensure_ascii=False)}))


def load(path: str | Path) -> Any:  # noqa: ANN401 (one of the kinds, as the file says)
    """Return the network, run, estimator or model of a table that was saved in a file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Network, Run, MLPClassifier, MLPRegressor, TableClassifier, TableRegressor or TableModel

    Raises
    ------
    ModelFileError
        If there is no such file, or it is not a sound model file of this version; it says why.

    Examples
    --------
    >>> load("nothing.safetensors")
    Traceback (most recent call last):
    ...
    chainrule.files.ModelFileError: no model file 'nothing.safetensors'
    """
    path = Path(path)
    text, arrays = _content(path)
    stated = _header(path, text)
    kind, description = stated["kind"], stated["model"]
    if strange := _not_finite(arrays):
        raise ModelFileError(f"{path} is damaged: {strange}")
    try:
        model = _restored(kind, description, arrays)
    except _UNSOUND as error:
        what = f"field {error} is missing" if isinstance(error, KeyError) else _one_line(error)
        raise ModelFileError(f"{path} is not a sound model file: {what}") from error
    different = difference(description, json.loads(json.dumps(model.describe())), "model")
    strangers = sorted(set(arrays) ^ set(model.arrays()))
    if different or strangers:
        what = different or f"unknown array {strangers[0]!r}"
        raise ModelFileError(f"{path} is not a sound model file: {what}")
    if stated["sha256"] != _digest(kind, description, arrays):
        raise ModelFileError(
            f"{path} was edited or damaged: its checksum is not that of its content"
        )
    return model


def header(path: str | Path) -> dict[str, Any]:
    """Return the header of a model file: its format, kind, version, checksum and description.

    Parameters
    ----------
    path : str or Path

    Raises
    ------
    ModelFileError
        If there is no such file, or it isn't one that chainrule wrote. `load` checks the rest.

    Examples
    --------
    >>> import tempfile, chainrule as cr
    >>> path = Path(tempfile.mkdtemp(), "small.safetensors")
    >>> save(cr.Network([2, 3, 1], seed=0), path)
    >>> header(path)["kind"]
    'network'
    """
    return _header(Path(path), _content(Path(path))[0])


def _restored(kind: str, description: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:  # noqa: ANN401
    module, name = _KINDS[kind]
    model_class = getattr(importlib.import_module(module), name)
    if kind == "run":
        network = _restored("network", description["network"], arrays)
        return model_class.restore(network, description, arrays)
    return model_class.restore(description, arrays)


def _digest(kind: str, description: object, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the checksum of a model of a kind."""
    return checksum(json.dumps([FORMATS[kind], kind, description], sort_keys=True), arrays)


def _kind(model: Savable) -> str:
    for kind, (module, name) in _KINDS.items():
        if (type(model).__module__, type(model).__name__) == (module, name):
            return kind
    names = ", ".join(name for _, name in _KINDS.values())
    raise TypeError(f"save: expected one of {names}, got {type(model).__name__}")


def _content(path: Path) -> tuple[str | None, dict[str, NDArray[Any]]]:
    """Return the description in the header, if there is one, and the arrays."""
    from safetensors import SafetensorError
    from safetensors.numpy import load as from_bytes

    if path.is_dir():
        raise ModelFileError(f"{path} is a folder where a model file was expected")
    if not path.exists():
        raise ModelFileError(f"no model file {str(path)!r}")
    content = path.read_bytes()
    try:
        arrays = from_bytes(content)
    except SafetensorError as error:
        raise ModelFileError(_defect(path)) from error
    except (TypeError, AttributeError, KeyError, ValueError) as error:  # a type that NumPy lacks
        raise ModelFileError(f"{path} holds an array type that chainrule never writes") from error
    length = int.from_bytes(content[:8], "little")
    stated = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    return stated.get(_KEY), arrays


def _defect(path: Path) -> str:
    """Return what a file is that safetensors refused."""
    with path.open("rb") as file:
        start, brace = file.read(8), file.read(1)
    size = path.stat().st_size
    if path.suffix.lower() in _TABLES:
        return f"{path} is a table where a model file was expected"
    if len(start) == 8 and size - 8 >= int.from_bytes(start, "little"):
        return f"{path} is truncated or edited: its arrays are not those of its header"
    if brace != b"{" and (start[:1] == b"\x80" or start[:2] == b"PK"):
        return (
            f"{path} is a pickle or a zip archive, which chainrule never opens: it could run code; "
            "expected a safetensors file"
        )
    return f"{path} is truncated, or not a model file; expected a safetensors file"


def _header(path: Path, text: str | None) -> dict[str, Any]:
    """Return the header, of a version and a kind that are known."""
    if text is None:
        raise ModelFileError(f"{path} is a safetensors file that chainrule did not write")
    try:
        stated = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} has an edited header: {_one_line(error)}") from error
    if not isinstance(stated, dict) or "format" not in stated:
        raise ModelFileError(f"{path} has an edited header: expected a format")
    found, kind = stated["format"], stated.get("kind")
    expected = FORMATS.get(kind, 0) if isinstance(kind, str) else 0
    if not expected or type(found) is not int or found < 1 or stated.keys() != _FIELDS:
        known = ", ".join(f"{name} {number}" for name, number in FORMATS.items())
        raise ModelFileError(
            f"{path} has an edited header: expected a kind and its format ({known}), and the "
            f"fields {', '.join(sorted(_FIELDS))}"
        )
    if found != expected:
        raise ModelFileError(
            f"{path} was written by {'a newer' if found > expected else 'an older'} chainrule "
            f"({stated['chainrule']}: a {kind} of format {found}, this one reads {expected}); "
            + ("upgrade chainrule" if found > expected else "fit it again")
        )
    return stated


def _not_finite(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the first number that isn't finite, else ''; losses and scores are free."""
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not name.endswith(("losses", "scores")):
            where = np.argwhere(~np.isfinite(array))
            if where.size:
                index = where[0].tolist()
                return f"{name}{index} is {array[tuple(index)]}; expected a finite number"
    return ""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a finite number")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
