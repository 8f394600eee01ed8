"""``chainrule gallery``: published worked examples, reckoned again."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.outputs import check_output
from chainrule.cli.pages import write_page
from chainrule.cli.printing import print_facts, print_line, print_table
from chainrule.theory.checks import plural

if TYPE_CHECKING:
    from chainrule.explain.gallery.examples import Example


def gallery(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="An example; without it, the list.", show_default=False
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FOLDER", help="Write pages into it.", show_default=False),
    ] = None,
) -> None:
    """Show published worked examples: what is printed, the exact value, why they differ."""
    from chainrule.explain.gallery.examples import example_named, examples

    chosen = None if name is None else example_named(name)
    if html is not None:
        _write(list(examples()) if chosen is None else [chosen.name], html)
    elif chosen is None:
        rows = [(one.name, one.title, one.source) for one in examples().values()]
        print_table(("example", "network", "source"), rows)
        print_facts(
            {"try next": "chainrule gallery mazur", "or": "chainrule gallery --html gallery"}
        )
    else:
        _print(chosen)


def _write(names: list[str], folder: Path) -> None:
    from chainrule.explain.gallery.pages import INDEX, gallery_pages  # with what they compute

    pages = {folder / name: text for name, text in gallery_pages(names)}
    folder.mkdir(parents=True, exist_ok=True)
    for path in pages:
        check_output(path, (), "page")
    for path, text in pages.items():
        write_page(text, path)
    print_facts({"pages": f"{len(pages)} in {folder}; open {folder / INDEX} in a browser"})


def _print(example: "Example") -> None:
    from chainrule.explain.gallery.pages import in_words, verdicts

    _, found = verdicts(example)
    print_line((example.title, "bold"))
    print_line((example.source, "dim"))
    if example.remark:
        print_line(example.remark)
    rows = [
        (one.printed.name, one.printed.text, one.exactly, "" if one.agrees else "differs")
        for one in found
    ]
    print_table(("number", "printed", "exact", ""), rows, right=2)
    print_line(f"{in_words(found)}.")
    for why in dict.fromkeys(one.printed.why for one in found if not one.agrees):
        which = [one.printed.name for one in found if one.printed.why == why and not one.agrees]
        shown = ", ".join(which) if len(which) < 5 else plural(len(which), "number")
        print_line()
        print_line((shown, "bold"), f": {why}.")
