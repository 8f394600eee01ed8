"""The options of `train`, as flags: what each is called, takes, and is without it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from chainrule.tables import TrainOptions

_DEFAULT = TrainOptions()
_TABLE, _NETWORK, _TRAINING = "The table", "The network", "Training"
_PARTS = "A table in parts"


def _option(
    names: str, metavar: str, text: str, panel: str | None = None, default: object = ""
) -> typer.models.OptionInfo:
    """Return an option that is None when it isn't given, its default told in the help."""
    told = f"{text} ({default})" if default != "" else text
    option: typer.models.OptionInfo = typer.Option(
        *names.split(), metavar=metavar, help=told, rich_help_panel=panel, show_default=False
    )
    return option


def plain_option(names: str, metavar: str, text: str, panel: str | None = None) -> Any:  # noqa: ANN401
    """Return an option of another command, whose default is told in its text."""
    return _option(names, metavar, text, panel)


Source = Annotated[
    str,
    typer.Argument(
        metavar="TABLE",
        help="A CSV or Parquet file, a folder or pattern of Parquet files, or digits, iris, wine, "
        "breast_cancer, diabetes.",
        show_default=False,
    ),
]
ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file.")]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON document.")]

Target = Annotated[str | None, _option("--target -t", "COLUMN", "The column to predict.", _TABLE)]
Kind = Annotated[
    list[str] | None,
    _option(
        "--kind",
        "COLUMN=KIND",
        "Read a column as number, text, date or boolean; can be repeated.",
        _TABLE,
    ),
]
Na = Annotated[
    list[str] | None,
    _option("--na", "WORD", "A word for a missing value; can be repeated.", _TABLE),
]
Decimal = Annotated[
    str | None, _option("--decimal", "SIGN", "Before the decimals: . or ,", _TABLE, ".")
]
Thousands = Annotated[
    str | None, _option("--thousands", "SIGN", "Between groups of digits", _TABLE, "none")
]
Strip = Annotated[
    str | None,
    _option("--strip", "SIGNS", "To take from the ends of numbers, as '$%'.", _TABLE),
]
DateOrder = Annotated[
    str | None,
    _option("--date-order", "ORDER", "dmy or mdy, for dates that end with the year.", _TABLE),
]
HeldOut = Annotated[
    Path | None,
    _option(
        "--held-out", "FILE", "Hold rows out, a fifth, and write them as .csv or .parquet.", _TABLE
    ),
]
Ignore = Annotated[
    list[str] | None,
    _option("--ignore", "COLUMN", "A column not to read, or A,B; can be repeated.", _TABLE),
]
Task = Annotated[
    str | None,
    _option("--task", "NAME", "classification or regression; else by the target.", _TABLE),
]
QualityName = Annotated[
    str | None,
    _option(
        "--quality",
        "NAME",
        "What chooses where nothing is said: plain, fast, balanced, best; see info qualities",
        None,
        _DEFAULT.quality,
    ),
]
Candidates = Annotated[
    int | None,
    _option("--candidates", "N", "Recipes of the quality, of which the better is taken", _TABLE),
]
Pieces = Annotated[
    int | None,
    _option("--pieces", "N", "Into how many numbers are cut; 0: none", _TABLE),
]
PieceHeight = Annotated[
    float | None,
    _option("--piece-height", "H", "Of each of them: low ones learn smooth functions", _TABLE),
]
Categories = Annotated[
    int | None,
    _option("--categories", "N", "Of a column, the most frequent", _TABLE),
]
Clamp = Annotated[
    bool | None,
    typer.Option(
        "--clamp/--no-clamp",
        help="Whether to predict no number beyond those that were seen",
        rich_help_panel=_TABLE,
        show_default=False,
    ),
]
Members = Annotated[
    int | None,
    _option("--members", "N", "Networks, each on all folds but one", _NETWORK),
]
TestFraction = Annotated[
    float | None,
    _option(
        "--test-fraction",
        "X",
        "Rows held out for the figures",
        _TABLE,
    ),
]
ValidationFraction = Annotated[
    float | None,
    _option(
        "--validation-fraction",
        "X",
        "Others that say when to stop; 0: all epochs are trained",
        _TABLE,
    ),
]
Hidden = Annotated[
    str | None,
    _option(
        "--hidden",
        "N,N,...",
        "Units of each hidden layer, or none",
        _NETWORK,
    ),
]
Activation = Annotated[
    str | None,
    _option(
        "--activation",
        "NAME",
        "Of the hidden layers, or one each: A,B; see info activations",
        _NETWORK,
    ),
]
OutputActivation = Annotated[
    str | None,
    _option("--output-activation", "NAME", "Of the output", _NETWORK, "by the loss"),
]
Loss = Annotated[
    str | None,
    _option("--loss", "NAME", "See info losses, as huber:threshold=2", _NETWORK, "by the task"),
]
Init = Annotated[
    str | None,
    _option("--init", "NAME", "See info initializers", _NETWORK, "by the activation"),
]
L1 = Annotated[float | None, _option("--l1", "X", "The penalty l1 Σ |w|", _NETWORK, _DEFAULT.l1)]
Reduction = Annotated[
    str | None,
    _option("--reduction", "NAME", "mean or sum, of a step's losses", _NETWORK, _DEFAULT.reduction),
]
Engine = Annotated[
    str | None,
    _option("--engine", "NAME", "compiled, or reference: plain NumPy", _NETWORK, _DEFAULT.engine),
]
Dropout = Annotated[
    float | None,
    _option(
        "--dropout",
        "X",
        "Share of hidden outputs that a step sets to 0",
        _NETWORK,
    ),
]
L2 = Annotated[
    str | None,
    _option("--l2", "X", "The penalty ½ l2 Σ w²", _NETWORK),
]
Dtype = Annotated[
    str | None, _option("--dtype", "NAME", "float32 or float64", _NETWORK, _DEFAULT.dtype)
]
OptimizerName = Annotated[
    str | None,
    _option(
        "--optimizer",
        "NAME",
        "Options after a colon, as sgd:momentum=0.9; see info optimizers",
        _TRAINING,
    ),
]
LearningRate = Annotated[
    float | None,
    _option("--learning-rate", "X", "The step size η", _TRAINING),
]
Schedule = Annotated[
    str | None,
    _option(
        "--schedule",
        "NAME",
        "Of the step size, as cosine or staircase:every=500; see info schedules",
        _TRAINING,
    ),
]
ClipNorm = Annotated[
    float | None, _option("--clip-norm", "X", "The longest gradient", _TRAINING, "any")
]
Epochs = Annotated[
    int | None,
    _option("--epochs", "N", "Passes over the rows, at most", _TRAINING),
]
BatchSize = Annotated[
    str | None,
    _option("--batch-size", "N", "Rows a step", _TRAINING, "1/40 of the rows, 16 to 256"),
]
Patience = Annotated[
    int | None,
    _option(
        "--patience",
        "N",
        "Stop after so many epochs without a better one",
        _TRAINING,
    ),
]
TimeLimit = Annotated[
    float | None,
    _option("--time-limit", "SECONDS", "Train fewer epochs, if all would take longer", _TRAINING),
]
Seed = Annotated[
    int | None,
    _option("--seed", "N", "Of split, weights and shuffling", _TRAINING, _DEFAULT.seed),
]
Threads = Annotated[
    int | None,
    _option(
        "--threads",
        "N",
        "Cores to use, to leave others free; the result is the same",
        _TRAINING,
        "as many as help",
    ),
]
Memory = Annotated[
    str | None,
    _option("--memory", "SIZE", "What may be taken: 800MB, 2GB", _PARTS, "2GB"),
]
Workers = Annotated[
    int | None,
    _option(
        "--workers", "N", "Threads, or workers of Ray; the result is the same", _PARTS, "cores"
    ),
]
Ray = Annotated[
    str | None,
    _option("--ray", "ADDRESS", "Workers of a Ray cluster; local: one on this machine.", _PARTS),
]
Lanes = Annotated[
    int | None,
    _option("--lanes", "N", "At most so many workers are busy; a power of two", _PARTS, 8),
]
Resume = Annotated[
    Path | None,
    _option(
        "--resume",
        "FOLDER",
        "Keep checkpoints in a folder, and go on from the one that is there.",
        _PARTS,
    ),
]
ModelOutput = Annotated[
    Path | None,
    _option("--output -o", "FILE", "The model file", None, "TABLE.safetensors"),
]
Record = Annotated[
    bool | None,
    _option("--record", "", "Keep the run in the model: chainrule explain opens its steps."),
]
Config = Annotated[Path | None, _option("--config", "FILE", "Options from a TOML file; flags win.")]
