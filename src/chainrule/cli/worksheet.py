"""``chainrule worksheet``: exercises on a step of a small network."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from chainrule.atomic import atomic_file
from chainrule.cli.options import plain_option as option
from chainrule.cli.outputs import check_output
from chainrule.cli.printing import print_facts
from chainrule.explain.notations import NOTATIONS
from chainrule.theory.checks import plural, require

if TYPE_CHECKING:
    from chainrule.explain.worksheets.sheet import Worksheet


class Format(StrEnum):
    """The formats of a worksheet."""

    html = "html"
    latex = "latex"
    markdown = "markdown"
    moodle = "moodle"


_SUFFIXES = {
    ".html": Format.html, ".tex": Format.latex, ".md": Format.markdown, ".xml": Format.moodle,
}  # fmt: skip
_NETWORK, _SHEET = "The network", "The sheet"


def worksheet(
    layers: Annotated[
        str, option("--layers", "SIZES", "Units of each layer, as 2-3-1 (2-2-1).", _NETWORK)
    ] = "2-2-1",
    activation: Annotated[
        str, option("--activation", "NAME", "Of hidden layers (sigmoid).", _NETWORK)
    ] = "sigmoid",
    output_activation: Annotated[
        str, option("--output-activation", "NAME", "Of outputs (that of the loss).", _NETWORK)
    ] = "auto",
    loss: Annotated[str, option("--loss", "NAME", "The loss (squared_error).", _NETWORK)] = (
        "squared_error"
    ),
    kind: Annotated[
        str, option("--kind", "KINDS", "blanks, faded, error: in turn.", _SHEET)
    ] = "blanks,faded,error",
    count: Annotated[int, option("--count", "N", "Exercises (3).", _SHEET)] = 3,
    seed: Annotated[int, option("--seed", "N", "Another seed, other numbers (0).", _SHEET)] = 0,
    notation: Annotated[
        str, option("--notation", "NAME", f"{', '.join(NOTATIONS)} (article).", _SHEET)
    ] = "article",
    decimals: Annotated[
        int, option("--decimals", "N", "To which each line is rounded (4).", _SHEET)
    ] = 4,
    solutions: Annotated[
        bool, option("--solutions", "", "Solutions behind the exercises.", _SHEET)
    ] = False,
    format: Annotated[  # noqa: A002 (the option's name)
        Format | None, option("--format", "NAME", "html, latex, markdown, moodle.", _SHEET)
    ] = None,
    output: Annotated[
        Path | None,
        option("--output -o", "FILE", "A .html, .tex, .md or .xml file; else printed.", _SHEET),
    ] = None,
) -> None:
    """Make exercises on a step of a small network, with solutions that were verified."""
    from chainrule.explain.worksheets.formats import FORMATS  # which other commands don't wait for
    from chainrule.explain.worksheets.networks import Wanted
    from chainrule.explain.worksheets.sheet import worksheet as drawn

    chosen = _format_of(format, output)
    if output is not None:
        check_output(output, (), "worksheet")
    wanted = Wanted(_sizes(layers), activation, output_activation, loss)
    kinds = [one.strip() for one in kind.split(",")]
    sheet = drawn(wanted, kinds=kinds, count=count, seed=seed, notation=notation, decimals=decimals)
    text = FORMATS[chosen](sheet, solutions)
    if output is None:
        sys.stdout.write(text)
        return
    with atomic_file(output) as file:
        file.write(text.encode())
    _print(sheet, output, chosen, solutions)


def _print(sheet: "Worksheet", output: Path, chosen: Format, solutions: bool) -> None:
    has_solutions = solutions or chosen is Format.moodle
    facts = {
        "sheet": output,
        "holds": f"{plural(len(sheet.exercises), 'exercise')}, "
        f"{'with' if has_solutions else 'without'} solutions, each verified",
    }
    print_facts(facts | ({} if has_solutions else {"try next": "the same with --solutions"}))


def _format_of(given: Format | None, output: Path | None) -> Format:
    if given is not None:
        return given
    if output is None:
        return Format.markdown
    require(
        output.suffix.lower() in _SUFFIXES,
        f"expected a name ending in {', '.join(_SUFFIXES)}, got {str(output)!r}; or say --format",
    )
    return _SUFFIXES[output.suffix.lower()]


def _sizes(text: str) -> list[int]:
    parts = text.replace("x", "-").split("-")
    require(
        len(parts) > 1 and all(part.strip().isdigit() and int(part) > 0 for part in parts),
        f"--layers must be units of each layer, as 2-3-1, got {text!r}",
    )
    return list(map(int, parts))
