"""``chainrule evaluate``: the metrics of a model on another table."""

from chainrule.cli.models import table_model
from chainrule.cli.options import Json, ModelFile, Source
from chainrule.cli.printing import plural, print_json, print_line, print_metrics
from chainrule.tables import read


def evaluate(
    model: ModelFile,
    table: Source,
    json: Json = False,
) -> None:
    """Measure a model on a table that has the target."""
    loaded = table_model(model)
    source = read(table)
    found = loaded.evaluate(source)
    without = source.n_rows - found.rows
    if json:
        print_json(
            {
                "model": str(model),
                "table": table,
                "target": loaded.target.name,
                "rows": {"evaluated": found.rows, "without_target": without},
                "metrics": found.values,
                "reasons": found.reasons,
            }
        )
        return
    print_metrics(found.values, found.reasons, f"{loaded.target.name}, {plural(found.rows, 'row')}")
    if without:
        print_line()
        print_line(f"{plural(without, 'row')} without {loaded.target.name!r} left out")
