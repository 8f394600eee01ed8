"""``chainrule explain``: a step of a model's run, as equations with its numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from chainrule.cli.models import table_model
from chainrule.cli.options import ModelFile, Source
from chainrule.cli.options import plain_option as option
from chainrule.cli.outputs import check_output
from chainrule.cli.pages import naming, write_page
from chainrule.cli.printing import command_line, print_facts, print_line
from chainrule.engine.trace import Trace
from chainrule.explain.door import explain as explanation_of
from chainrule.explain.letters import lowered
from chainrule.explain.notations import NOTATIONS
from chainrule.tables import OpenedRun, TableModel, opened_run
from chainrule.tables.errors import listed

if TYPE_CHECKING:
    from chainrule.explain.explanation import Explanation
    from chainrule.explain.lines import ExplainedLine

_ZOOM, _SHOWN = "What", "How"


def explain(
    model: ModelFile,
    table: Source,
    step: Annotated[
        int | None, option("--step", "K", "A step of the run, from 1; else the last.", _ZOOM)
    ] = None,
    row: Annotated[
        int | None,
        option("--row", "I", "A row of the table, from 1: its way through the step.", _ZOOM),
    ] = None,
    member: Annotated[
        int, option("--member", "M", "Which network of several, from 1 (1).", _ZOOM)
    ] = 1,
    layer: Annotated[
        int | None, option("--layer", "L", "A layer of weights, from 0: in matrices.", _ZOOM)
    ] = None,
    unit: Annotated[
        int | None, option("--unit", "J", "A unit of that layer, from 0.", _ZOOM)
    ] = None,
    weight: Annotated[
        str | None,
        option("--weight", "L,J,K", "A weight: in layer L to unit J from unit K.", _ZOOM),
    ] = None,
    notation: Annotated[str, option("--notation", "NAME", ", ".join(NOTATIONS), _SHOWN)] = "rows",
    digits: Annotated[int, option("--digits", "N", "Digits that are shown (6).", _SHOWN)] = 6,
    decimals: Annotated[
        int | None,
        option("--decimals", "N", "Round each line to so many, as on paper, and go on.", _SHOWN),
    ] = None,
    reference: Annotated[
        bool, option("--reference", "", "Beside each number, NumPy's in float64.", _SHOWN)
    ] = False,
    full: Annotated[
        bool, option("--full", "", "Every term of a sum, every unit of a layer.", _SHOWN)
    ] = False,
    html: Annotated[
        Path | None, option("--html", "FILE", "Write the page that opens the step.", _SHOWN)
    ] = None,
    latex: Annotated[bool, option("--latex", "", "Print LaTeX.", _SHOWN)] = False,
    json: Annotated[
        bool, option("--json", "", "Print the receipt, for chainrule verify.", _SHOWN)
    ] = False,
) -> None:
    """Open a step of training: every number with the equation that made it."""
    if sum((latex, json, html is not None)) > 1:
        raise ValueError("--html, --latex and --json: choose one")
    if digits < 1 or digits > 17:
        raise ValueError(f"--digits must be from 1 to 17, got {digits}")
    if html is not None:
        check_output(html, (model, table), "page")
    layer, pair = _weight_of(weight, layer, unit)
    loaded = table_model(model)
    opened = opened_run(loaded, table, member)
    which = ["--member", str(member)] if member > 1 else []
    trace = opened.run.at(opened.run.step if step is None else step)
    shown = explanation_of(
        trace,
        row=None if row is None else row_in_batch(opened, trace, row),
        layer=layer,
        unit=unit,
        weight=pair,
        notation=notation,
        digits=digits,
        full=full,
        decimals=decimals,
        reference=reference,
    )
    if latex:
        print(shown.to_latex(), end="")
    elif json:
        print(shown.to_json())
    elif html is not None:
        zoom = ("--step", "K", "--row", "I", "--html", html)
        another = command_line("explain", model, table, *which, *zoom)
        page = shown.page(opened.run, naming(loaded, opened, table, another))
        write_page(page, html)
        print_facts({"page": f"{html}, {len(page.encode()):,} bytes; open it in a browser"})
    else:
        place = row or int(opened.rows[trace.rows[0]]) + 1
        _print(shown, opened, trace, loaded, place if row or layer is not None else None)
        _print_next(
            [model, table, *which, "--step", trace.step], place, trace, (row, layer, unit, pair)
        )


def _weight_of(
    weight: str | None, layer: int | None, unit: int | None
) -> tuple[int | None, tuple[int, int] | None]:
    """Return the layer, and the weight's (to, from)."""
    if weight is None:
        return layer, None
    parts = weight.split(",")
    if layer is not None or unit is not None:
        raise ValueError("--weight names its layer, as L,J,K: leave --layer and --unit out")
    if len(parts) != 3 or not all(part.strip().isdigit() for part in parts):
        raise ValueError(f"--weight must be L,J,K, three whole numbers, got {weight!r}")
    at, to, source = map(int, parts)
    return at, (to, source)


def row_in_batch(opened: OpenedRun, trace: Trace, row: int) -> int:
    """Return the row of the training data that a row of the table is, in the step's batch."""
    if row < 1:
        raise ValueError(f"--row counts the rows of the table from 1, got {row}")
    known = opened.training_row(row - 1)
    if known in trace.rows:
        return known
    batch = sorted(int(n) + 1 for n in opened.rows[trace.rows])
    steps = [f"{step:,}" for step in opened.run.steps_of(known)]
    raise ValueError(
        f"row {row} is not in the batch of step {trace.step:,}, which has the rows "
        f"{listed(list(map(str, batch)), 12)}; row {row} was in step {listed(steps, 6)}"
    )


def _print(
    shown: "Explanation", opened: OpenedRun, trace: Trace, model: TableModel, row: int | None
) -> None:
    """Print an explanation as text, coloured where that is a terminal."""
    samples = f"batch of {len(trace.rows)}" if row is None else f"row {row}"
    print_line((f"Step {trace.step:,} of {opened.run.step:,}, {samples}", "bold"))
    print_line()
    for table in shown.tables:
        print_line((table.title, "bold"))
        for line in table.aligned():
            print_line(line)
        print_line()
    if row is not None:
        inputs = [f"x{lowered(str(k))} {name}" for k, name in enumerate(model.features.inputs)]
        print_line((f"inputs, counted from 0: {listed(inputs, 8)}", "dim"))
        print_line()
    for section in shown.sections:
        print_line((section.title, "bold"))
        for explained in section.lines:
            block = shown.written(explained)
            for text in block if len(block) > 1 else ():
                print_line(f"  {text}")
            if len(block) == 1:
                print_line(*_coloured(shown, explained))
        if section.remark:
            print_line((f"  {section.remark}", "dim"))
        print_line()


def _coloured(shown: "Explanation", line: "ExplainedLine") -> list[str | tuple[str, str]]:
    """Return the sides of a line: the symbol and the result stand out."""
    from chainrule.explain.lines import beside

    first, *rest = shown.sides(line)
    parts: list[str | tuple[str, str]] = ["  ", (first, "cyan"), f" {line.sign} "]
    for side in rest[:-1]:
        parts += [side, " = "]
    return [*parts, (rest[-1], "bold"), (beside(line), "dim")]


def _print_next(
    words: Sequence[str | Path | int], row: int, trace: Trace, zoom: tuple[Any, Any, Any, Any]
) -> None:
    """Print what to type to go deeper."""
    at_row, layer, unit, weight = zoom
    place = [*map(str, words), "--row", str(row)]
    spec = trace.parameters.spec
    last = spec.n_layers - 1
    if at_row is None and layer is None:
        following = {"try next": place, "or": [*place, "--layer", str(last)]}
    elif layer is None:
        deeper = [*place, "--layer", str(last), "--unit", "0"]
        following = {"try next": deeper, "or": [*place, "--html", "step.html"]}
    elif weight is None:
        to = 0 if unit is None else unit
        gradient = abs(trace.weight_gradients[layer][:, to])
        at = f"{layer},{to},{int(gradient.argmax())}"
        following = {"try next": [*place, "--weight", at]}
    else:
        at = f"{layer},{weight[0]},{weight[1]}"
        same = [*place, "--weight", at]
        following = {"try next": [*same, "--notation", "article"], "or": [*same, "--json"]}
    print_facts({name: command_line("explain", *one) for name, one in following.items()})
