"""The options of `train`, as flags: what each is called, takes, and is without it."""

from pathlib import Path
from typing import Annotated

import typer

from chainrule.tables import TrainOptions

_DEFAULT = TrainOptions()
_TABLE, _NETWORK, _TRAINING = "The table", "The network", "Training"


def _option(
    names: str, metavar: str, text: str, panel: str | None = None, default: object = ""
) -> typer.models.OptionInfo:
    """Return an option that is None when it isn't given, its default told in the help."""
    told = f"{text} ({default})" if default != "" else text
    option: typer.models.OptionInfo = typer.Option(
        *names.split(), metavar=metavar, help=told, rich_help_panel=panel, show_default=False
    )
    return option


Source = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="A CSV or Parquet file, or digits, iris, wine, breast_cancer, diabetes.",
        show_default=False,
    ),
]
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file.")]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON document.")]

Target = Annotated[str | None, _option("--target -t", "COLUMN", "The column to predict.", _TABLE)]
Ignore = Annotated[
    list[str] | None,
    _option("--ignore", "COLUMN", "A column not to read; can be repeated.", _TABLE),
]
Task = Annotated[
    str | None,
    _option("--task", "NAME", "classification or regression; else by the target.", _TABLE),
]
TestFraction = Annotated[
    float | None,
    _option(
        "--test-fraction",
        "X",
        "Rows held out for the figures",
        _TABLE,
        _DEFAULT.test_fraction,
    ),
]
ValidationFraction = Annotated[
    float | None,
    _option(
        "--validation-fraction",
        "X",
        "Others that say when to stop",
        _TABLE,
        _DEFAULT.validation_fraction,
    ),
]
Hidden = Annotated[
    str | None,
    _option(
        "--hidden",
        "N,N,...",
        "Units of each hidden layer, or none",
        _NETWORK,
        ",".join(map(str, _DEFAULT.hidden)),
    ),
]
Activation = Annotated[
    str | None,
    _option(
        "--activation",
        "NAME",
        "Of the hidden layers, see info activations",
        _NETWORK,
        _DEFAULT.activation,
    ),
]
Dropout = Annotated[
    float | None,
    _option(
        "--dropout",
        "X",
        "Share of hidden outputs that a step sets to 0",
        _NETWORK,
        _DEFAULT.dropout,
    ),
]
L2 = Annotated[
    str | None,
    _option("--l2", "X", "The penalty ½ l2 Σ w²", _NETWORK, "10 / rows"),
]
Dtype = Annotated[
    str | None, _option("--dtype", "NAME", "float32 or float64", _NETWORK, _DEFAULT.dtype)
]
OptimizerName = Annotated[
    str | None,
    _option("--optimizer", "NAME", "See info optimizers", _TRAINING, _DEFAULT.optimizer),
]
LearningRate = Annotated[
    float | None,
    _option("--learning-rate", "X", "The step size η", _TRAINING, "the optimizer's own"),
]
Epochs = Annotated[
    int | None,
    _option("--epochs", "N", "Passes over the rows, at most", _TRAINING, _DEFAULT.epochs),
]
BatchSize = Annotated[
    str | None,
    _option("--batch-size", "N", "Rows a step", _TRAINING, "16 to 128"),
]
Patience = Annotated[
    int | None,
    _option(
        "--patience",
        "N",
        "Stop after so many epochs without a better one",
        _TRAINING,
        _DEFAULT.patience,
    ),
]
Seed = Annotated[
    int | None,
    _option("--seed", "N", "Of split, weights and shuffling", _TRAINING, _DEFAULT.seed),
]
Threads = Annotated[
    int | None,
    _option("--threads", "N", "Of no consequence for the result", _TRAINING, "all cores"),
]
ModelOutput = Annotated[
    Path | None,
    _option("--output -o", "FILE", "The model file", None, "TABLE.safetensors"),
]
Config = Annotated[Path | None, _option("--config", "FILE", "Options from a TOML file; flags win.")]
