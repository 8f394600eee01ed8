"""``chainrule evaluate``: the metrics of a model on another table."""

from chainrule.cli.figures import baseline_name, print_metrics, unit
from chainrule.cli.models import table_model
from chainrule.cli.options import Json, ModelFile, Source
from chainrule.cli.parts import rows_bar
from chainrule.cli.printing import print_json, print_line
from chainrule.tables import read
from chainrule.tables.part_answers import evaluated
from chainrule.tables.parts import Parts, is_in_parts, parts_of
from chainrule.theory.checks import plural


def evaluate(
    model: ModelFile,
    table: Source,
    json: Json = False,
) -> None:
    """Measure a model on a table that has the target."""
    loaded = table_model(model)
    source = parts_of(table) if is_in_parts(table) else read(table, loaded.conventions)
    if isinstance(source, Parts):
        with rows_bar(source, "evaluating") as seen:
            found = evaluated(loaded, source, seen)
    else:
        found = loaded.evaluate(source)
    without = source.n_rows - found.rows
    if json:
        rows = {"evaluated": found.rows, "without_target": without, "seen": found.seen}
        print_json(
            {
                "model": str(model),
                "table": table,
                "target": loaded.target.name,
                "rows": rows,
                "metrics": found.values,
                "baseline": found.baseline,
                "reasons": found.reasons,
            }
        )
        return
    heading = f"{loaded.target.name}, {plural(found.rows, 'row')}{unit(loaded)}"
    print_metrics(found, heading, baseline_name(loaded))
    remarks = []
    if without:
        remarks.append(f"{plural(without, 'row')} without {loaded.target.name!r} left out")
    if found.seen:
        rows_seen = "the row was" if found.rows == 1 else f"{found.seen:,} of the rows were"
        remarks.append(f"{rows_seen} seen in training: the figures flatter the model")
    if remarks:
        print_line()
    for remark in remarks:
        print_line(remark)
