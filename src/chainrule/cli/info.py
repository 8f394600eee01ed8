"""``chainrule info``: this installation, and the tables of the mathematics."""

import platform
from dataclasses import asdict, fields, is_dataclass
from typing import Annotated, Any

import typer

import chainrule
from chainrule.cli.options import Json
from chainrule.cli.printing import print_facts, print_json, print_line, print_table
from chainrule.engine import compiled
from chainrule.explain.latex import latex_of
from chainrule.tables import TrainOptions
from chainrule.tables.recipes import MOST_TO_COMPARE, QUALITIES, RECIPES, Quality, Recipe, differing
from chainrule.tables.targets import TASKS
from chainrule.theory.checks import require_name

_TOPICS: dict[str, dict[str, Any]] = {
    "activations": chainrule.ACTIVATIONS,
    "losses": chainrule.LOSSES,
    "optimizers": chainrule.OPTIMIZERS,
    "initializers": chainrule.INITIALIZERS,
    "schedules": chainrule.SCHEDULES,
}
_QUALITIES = "qualities"
_FORMULAS = ("formula", "derivative_formula", "with_momentum", "with_look_ahead")
_TEXTS = (*_FORMULAS, "latex", "source", "departures")


def info(
    topic: Annotated[
        str | None,
        typer.Argument(metavar="TOPIC", help=", ".join([*_TOPICS, _QUALITIES]), show_default=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="One row of it, in full.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Show versions and processor, the formulas of a topic, or what a quality chooses."""
    if topic is None:
        _show(_installation(), json)
        return
    require_name("topic", topic, [*_TOPICS, _QUALITIES])
    if topic == _QUALITIES:
        _show_qualities(name, json)
        return
    rows = _TOPICS[topic]
    if name is not None:
        require_name(topic, name, rows)
        _show(_row(rows[name]), json)
    elif json:
        print_json({topic: [_row(row) for row in rows.values()]})
    else:
        _print_topic(topic, [_row(row) for row in rows.values()])


def _installation() -> dict[str, Any]:
    import numpy as np

    return {
        "chainrule": chainrule.__version__,
        "processor level": compiled.cpu_level(),
        "supported levels": ", ".join(compiled.supported_levels()),
        "bfloat16": compiled.bfloat16_unit() or "no unit",
        "threads": compiled.FASTEST.most,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "system": platform.platform(terse=True),
    }


def _row(row: Any) -> dict[str, Any]:  # noqa: ANN401 (a row of any topic)
    """Return the texts of a row, and its options with their defaults, if it has some."""
    texts = {name: getattr(row, name) for name in ("name", *_TEXTS) if getattr(row, name, "")}
    if "latex" not in texts:
        for name in (name for name in _FORMULAS if name in texts):
            key = f"{name.removesuffix('formula').rstrip('_')}_latex".lstrip("_")
            texts[key] = latex_of(texts[name])
    if isinstance(row, type) and is_dataclass(row):
        texts["options"] = {
            field.name: field.default
            for field in fields(row)
            if isinstance(field.default, int | float | str | None)
        }
    elif options := getattr(row, "options", None):
        texts["options"] = {name: option.default for name, option in options.items()}
    return texts


def _show(facts: dict[str, Any], json: bool) -> None:
    if json:
        print_json({key.replace(" ", "_"): value for key, value in facts.items()})
        return
    print_facts(
        {
            key.replace("_", " "): ", ".join(f"{k}={v!r}" for k, v in value.items())
            if isinstance(value, dict)
            else value
            for key, value in facts.items()
        }
    )


def _print_topic(topic: str, rows: list[dict[str, Any]]) -> None:
    headings = ["name", "formula"]
    if any("derivative_formula" in row for row in rows):
        headings.append("derivative")
    keys = [heading.replace("derivative", "derivative_formula") for heading in headings]
    print_table(headings, [[row.get(key, "") for key in keys] for row in rows])
    print_line()
    print_line(f"source, LaTeX and more: chainrule info {topic} NAME")


def _show_qualities(name: str | None, json: bool) -> None:
    """Show what each quality chooses for each task; all that one chooses, if it is named."""
    if name is not None:
        require_name("quality", name, QUALITIES)
    asked_for = [quality for quality in QUALITIES if name in (None, quality)]
    chosen: dict[str, Any] = {
        quality: {task: [asdict(one) for one in RECIPES[quality][task]] for task in TASKS}
        for quality in asked_for
    }
    if json:
        print_json({_QUALITIES: chosen})
        return
    if name is not None:
        _show_recipes(asked_for[0])
        return
    shown = ("members", "hidden", "pieces", "epochs", "learning_rate")
    rows = [
        (quality, task, *(_plain(recipes[0][option]) for option in shown))
        for quality, of_tasks in chosen.items()
        for task, recipes in of_tasks.items()
    ]
    print_table(("quality", "task", *map(_dashed, shown)), rows)
    print_line()
    print_line(f"all options, and what else is tried: chainrule info {_QUALITIES} NAME")


def _show_recipes(quality: Quality) -> None:
    """Show the first recipe of each task, then what a second one has of its own."""
    of_tasks = RECIPES[quality]
    names = [field.name for field in fields(Recipe) if field.name in TrainOptions.names()]
    first = {name: [_plain(getattr(of_tasks[task][0], name)) for task in TASKS] for name in names}
    second: dict[str, list[str]] = {}
    for name in names:
        own = [name in differing(of_tasks[task]) for task in TASKS]
        if any(own):
            values = (_plain(getattr(of_tasks[task][-1], name)) for task in TASKS)
            second[name] = [v if is_own else "" for v, is_own in zip(values, own, strict=True)]
    print_table(("option", *TASKS), [(_dashed(name), *row) for name, row in first.items()])
    if second:
        print_line()
        print_line(
            f"of at most {MOST_TO_COMPARE:,} rows also tried, and taken if better on rows unseen:"
        )
        print_line()
        print_table(("option", *TASKS), [(_dashed(name), *row) for name, row in second.items()])


def _dashed(name: str) -> str:
    """Return the name of an option as it is written at the prompt."""
    return name.replace("_", "-")


def _plain(value: object) -> str:
    """Return an option as it is written at the prompt."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "its own" if value is None else str(value)
