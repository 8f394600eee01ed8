"""Model files: what is saved comes back bit for bit, and whatever else a file holds is refused."""

import json
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.files import ModelFileError, _digest, load, save
from chainrule.tables import TrainOptions, read, train

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.arange(40) % 4


def network() -> cr.Network:
    return cr.Network([3, 5, 4], activation="tanh", loss="cross_entropy", seed=1, l2=0.01)


def fitted(epochs: int = 4) -> cr.Run:
    stopping = cr.EarlyStopping(patience=3)
    optimizer = cr.Adam(learning_rate=cr.Cosine(0.01, steps=60))
    return network().fit(
        X, Y, optimizer=optimizer, epochs=epochs, batch_size=7, seed=5, early_stopping=stopping
    )


SMALL = {"quality": "fast", "members": 2, "hidden": (5,), "epochs": 2}
MODELS = {
    "network": network,
    "run": fitted,
    "table_model": lambda: train(read("iris"), "target", TrainOptions("plain", epochs=2)),
    "table_classifier": lambda: cr.TableClassifier(**SMALL).fit(X, np.array(list("bac"))[Y % 3]),
    "table_regressor": lambda: cr.TableRegressor(**SMALL).fit(X, X[:, 0]),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> object:
    return MODELS[request.param]()


def header_and_rest(path: Path) -> tuple[dict, bytes]:
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def rewrite(path: Path, header: dict, rest: bytes) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + rest)


def edit(path: Path, change) -> None:
    """Change the JSON of a model file, its own header field untouched otherwise."""
    header, rest = header_and_rest(path)
    ours = json.loads(header["__metadata__"]["chainrule"])
    changed = change(ours)
    ours = ours if changed is None else changed
    header["__metadata__"]["chainrule"] = ours if isinstance(ours, str) else json.dumps(ours)
    rewrite(path, header, rest)


def test_what_is_saved_comes_back_bit_for_bit(tmp_path: Path, model) -> None:
    save(model, tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    assert type(again) is type(model)
    assert json.dumps(again.describe()) == json.dumps(model.describe())
    for name, array in model.arrays().items():
        assert again.arrays()[name].tobytes() == array.tobytes()


def test_the_same_model_gives_the_same_bytes(tmp_path: Path, model) -> None:
    save(model, tmp_path / "a")
    save(load(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_run_goes_on_in_another_process_as_if_never_cut(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", X=X, Y=Y)
    save(fitted(4), tmp_path / "run.safetensors")
    code = (
        "import numpy as np\n"
        "from chainrule.files import load, save\n"
        "data = np.load('data.npz'); run = load('run.safetensors')\n"
        "run.resume(data['X'], data['Y'], epochs=6)\n"
        "save(run, 'longer.safetensors')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    longer, whole = load(tmp_path / "longer.safetensors"), fitted(10)
    assert longer.network.parameters.theta.tobytes() == whole.network.parameters.theta.tobytes()
    assert longer.losses.tobytes() == whole.losses.tobytes()


def test_nothing_but_models_is_saved(tmp_path: Path) -> None:
    with pytest.raises(
        TypeError,
        match=r"expected one of Network, .*, TableModel, .*, TableRegressor, got dict",
    ):
        save({}, tmp_path / "m")  # type: ignore[arg-type]


def test_a_network_of_nan_is_not_saved(tmp_path: Path) -> None:
    broken = network()
    broken.weights[0][1, 2] = np.nan
    with pytest.raises(ValueError, match=r"network is not saved: weights.0\[1, 2\] is nan"):
        save(broken, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


# -- reading what is not a model file -------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m", None, "no model file '.*m'$"),
        ("m", b"", "truncated, or not a model file"),
        ("m", pickle.dumps({"a": np.zeros(300)}), "is a pickle.*could run code"),
        ("m.npz", b"PK\x03\x04" + b"\0" * 90, "is a pickle or a zip archive"),
        ("t.csv", b"a,b\n1,2\n", "is a table where a model file was expected"),
        ("m", b"hello, world, this is text", "truncated, or not a model file"),
    ],
)
def test_what_is_not_a_model_file(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelFileError, match=message):
        load(tmp_path / name)


def test_a_folder_is_not_a_model_file(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="is a folder"):
        load(tmp_path)


def test_a_safetensors_file_of_another_program(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(3)}, tmp_path / "m")
    with pytest.raises(ModelFileError, match="that chainrule did not write"):
        load(tmp_path / "m")


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file(tmp_path: Path, model, share: float) -> None:
    path = tmp_path / "m"
    save(model, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelFileError, match="is truncated"):
        load(path)


def test_a_truncated_file_that_begins_as_a_pickle_does(tmp_path: Path) -> None:
    """A header of 640 bytes begins with 80 02, as a pickle of protocol 2."""
    (tmp_path / "m").write_bytes((640).to_bytes(8, "little") + b'{"__meta')
    with pytest.raises(ModelFileError, match="is truncated, or not a model file"):
        load(tmp_path / "m")


def test_a_header_that_is_whole_and_one_that_is_not(tmp_path: Path) -> None:
    """Its length stands in the first 8 bytes: with as many after them, only arrays are missing."""
    path = tmp_path / "m"
    save(cr.Network([2, 3, 1]), path)
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    for length, message in ((end, "its arrays are not"), (end - 1, "or not a model file")):
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError, match=message):
            load(path)


def put(*keys, value):
    """A change of one field, for `edit`."""

    def change(ours: dict) -> None:
        place = ours
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change


EDITS = {
    "not json": ("network", lambda _: "{", "edited header"),
    "nan": ("network", lambda _: '{"format": NaN}', "edited header: NaN is not a finite number"),
    "deep": ("network", lambda _: "[" * 100_000, "edited header"),
    "a list": ("network", lambda _: "[]", "edited header: expected a format"),
    "newer": (
        "network",
        put("format", value=2),
        "newer chainrule .*network of format 2, this one reads 1.; upgrade",
    ),
    "older": ("network", put("format", value=0), "edited header: expected a kind and its form"),
    "true": ("network", put("format", value=True), "edited header: expected a kind and its"),
    "kind": ("network", put("kind", value="estimator"), "header: expected a kind and its format"),
    "other kind": ("table_model", put("kind", value="run"), "a run of format 7, this one reads 4"),
    "both": ("table_model", lambda m: m.update(kind="run", format=4), "not a sound model file"),
    "old run": (
        "run",
        put("format", value=2),
        r"by an older chainrule \(0.1.0: a run of format 2, this one reads 4\); fit it again",
    ),
    "field": ("network", put("more", value=1), "edited header.*fields"),
    "checksum": ("network", put("sha256", value="0"), "edited or damaged: its checksum"),
    "no model": ("network", put("model", value=None), "not a sound model file"),
    "activation": (
        "network",
        put("model", "spec", "activations", value=["tanhh", "softmax"]),
        "unknown activation 'tanhh': did you mean 'tanh'",
    ),
    "shapes": (
        "network",
        put("model", "spec", "layer_sizes", value=[3, 6, 4]),
        r"array 'weights.0' must be float32 of shape \(3, 6\), got float32 \(3, 5\)",
    ),
    "dtype": ("network", put("model", "spec", "dtype", value="float64"), "must be float64 of"),
    "huge": ("network", put("model", "spec", "layer_sizes", value=[10**15, 5, 4]), "not a sound"),
    "l2": ("network", put("model", "spec", "l2", value=-1), "l2 must be"),
    "l2 text": ("network", put("model", "spec", "l2", value="much"), "not a sound model file"),
    "default": ("network", lambda ours: ours["model"]["spec"].pop("reduction") and None, "reduc"),
    "false for 0": ("network", put("model", "spec", "l1", value=False), "l1"),
    "more in a report": ("table_model", put("model", "report", "more", value=1), "more"),
    "l2 other": ("network", put("model", "spec", "l2", value=0.5), "its checksum"),
    "unknown": ("network", put("model", "spec", "layers", value=1), "unknown field.*layers"),
    "step": ("run", put("model", "step", value=3), "array 'losses' must be float64 of shape .3,"),
    "huge step": ("run", put("model", "step", value=10**15), "not a sound model file"),
    "optimizer": ("run", put("model", "optimizer", "name", value="adan"), "did you mean 'adam'"),
    "rate": ("run", put("model", "optimizer", "learning_rate", value=None), "not a sound"),
    "batch": ("run", put("model", "options", "batch_size", value=10**9), "batch_size"),
    "columns": ("table_model", put("model", "columns", value=[]), "columns: expected a list of"),
    "fewer": (
        "table_model",
        lambda ours: ours["model"]["columns"].pop() and None,
        "networks: expected 3 inputs and 3 outputs for the columns and the target, got 4 and 3",
    ),
    "classes": (
        "table_model",
        put("model", "target", "classes", value=["a", "b"]),
        "target.shares: expected one a class",
    ),
    "shares": (
        "table_model",
        put("model", "target", "shares", value=[0.5, 0.5, 0.5]),
        "together 1",
    ),
    "conventions": (
        "table_model",
        put("model", "conventions", "thousands", value="."),
        "decimal and thousands must be different",
    ),
    "std": ("table_model", put("model", "columns", 0, "std", value=-1), r"columns\[0\].std"),
    "report": ("table_model", put("model", "report", "epochs", value="9"), "report.epochs"),
}


@pytest.mark.parametrize("case", EDITS)
def test_each_edit_of_the_header_is_refused_and_named(tmp_path: Path, case: str) -> None:
    kind, change, message = EDITS[case]
    save(MODELS[kind](), tmp_path / "m")
    edit(tmp_path / "m", change)
    with pytest.raises(ModelFileError, match=message) as caught:
        load(tmp_path / "m")
    assert "\n" not in str(caught.value)


def test_arrays_that_are_missing_added_or_not_finite(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "m"
    save(network(), path)
    text = header_and_rest(path)[0]["__metadata__"]
    arrays = network().arrays()
    changes = {
        "array 'biases.1' is missing": {k: v for k, v in arrays.items() if k != "biases.1"},
        "unknown array 'more'": arrays | {"more": np.zeros(1)},
        r"weights.0\[0, 0\] is nan": arrays | {"weights.0": arrays["weights.0"] * np.nan},
        "must be float32 of": arrays | {"biases.0": arrays["biases.0"].astype(np.float64)},
        "its checksum": arrays | {"biases.0": arrays["biases.0"] + 1},
    }
    for message, changed in changes.items():
        save_file(changed, path, metadata=text)
        with pytest.raises(ModelFileError, match=message):
            load(path)


def test_an_array_type_that_numpy_does_not_have(tmp_path: Path) -> None:
    save(network(), tmp_path / "m")
    header, rest = header_and_rest(tmp_path / "m")
    header["weights.0"] |= {"dtype": "BF16", "shape": [30]}
    rewrite(tmp_path / "m", header, rest)
    with pytest.raises(ModelFileError, match="array type that chainrule never writes"):
        load(tmp_path / "m")


CONTENTS: dict[str, bytes] = {}
ARRAYS: dict[str, dict] = {}


@settings(max_examples=120)
@given(st.sampled_from(sorted(MODELS)), st.data())
def test_no_changed_byte_goes_unnoticed(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    """Whatever byte changes, the file is refused, or gives the very same model (in white space)."""
    path = tmp_path_factory.mktemp("m") / "m"
    if kind not in CONTENTS:
        save(MODELS[kind](), path)
        CONTENTS[kind] = path.read_bytes()
    content = bytearray(CONTENTS[kind])
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] = data.draw(st.integers(0, 255).filter(lambda b: b != content[position]))
    path.write_bytes(content)
    try:
        again = load(path)
    except ModelFileError as error:
        message = str(error)
    else:
        save(again, path)
        assert path.read_bytes() == CONTENTS[kind]
        message = ""
    assert "\n" not in message


LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-9, 10**20), st.floats(allow_nan=False), st.text()
)
VALUES = st.recursive(
    LEAVES, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3)
)


@settings(max_examples=120)
@given(st.sampled_from(sorted(MODELS)), st.data())
def test_no_changed_field_escapes_the_checks(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    """Any value at any place is refused with a ModelFileError, or is in the model: none is lost."""
    path = tmp_path_factory.mktemp("m") / "m"
    if kind not in CONTENTS:
        save(MODELS[kind](), path)
        CONTENTS[kind] = path.read_bytes()
    path.write_bytes(CONTENTS[kind])

    forged: dict = {}

    def change(ours: dict) -> None:
        forge(ours, data)
        forged.update(ours["model"])

    edit(path, change)
    try:
        again = load(path)
    except ModelFileError as error:
        message = str(error)
    else:
        told = json.loads(json.dumps(again.describe()))
        assert json.dumps(told, sort_keys=True) == json.dumps(forged, sort_keys=True)
        of_table = kind.startswith("table")
        usable = getattr(again, "model_", again).networks[0] if of_table else again
        usable = usable.network if kind == "run" else usable
        assert usable.forward(np.zeros((1, usable.spec.n_inputs))).shape == (
            1,
            usable.spec.n_outputs,
        )
        message = ""
    assert "\n" not in message


def forge(ours: dict, data: st.DataObject) -> None:
    """Change or drop any field, and make the checksum fit."""
    place = ours["model"]
    while True:
        key = data.draw(
            st.sampled_from(sorted(place) if isinstance(place, dict) else [*range(len(place))])
        )
        inner = place[key]
        if not inner or not isinstance(inner, dict | list) or data.draw(st.booleans()):
            break
        place = inner
    if data.draw(st.booleans()):
        place[key] = data.draw(VALUES)
    else:
        del place[key]
    arrays = ARRAYS.setdefault(ours["kind"], MODELS[ours["kind"]]().arrays())
    ours["sha256"] = _digest(ours["kind"], ours["model"], arrays)
