"""Which row, layer, unit or weight is meant; and what to say where there is none."""

from chainrule.engine.trace import Trace
from chainrule.theory.checks import is_whole, require


def place_of(trace: Trace, row: int | None) -> int:
    """Return the place of a row in the batch."""
    if row is None:
        return 0
    require(
        is_whole(row) and 0 <= row < trace.order.n_samples,
        f"row must be from 0 to {trace.order.n_samples - 1}, a row of the training data, got "
        f"{row!r}",
    )
    places = (trace.rows == row).nonzero()[0]
    if len(places):
        return int(places[0])
    spe = trace.order.steps_per_epoch
    end = -(-trace.step // spe) * spe
    steps = trace.order.steps_of(row, end)[-4:].tolist()
    raise ValueError(
        f"row {row} is not in the batch of step {trace.step:,}, whose rows are "
        f"{_listed(trace.rows.tolist())}; row {row} was in step {_listed(steps[::-1])}"
    )


def _listed(numbers: list[int], most: int = 8) -> str:
    texts = [f"{number:,}" for number in numbers[:most]]
    return ", ".join(texts) + (", …" if len(numbers) > most else "")


def require_place(
    trace: Trace, layer: int | None, unit: int | None, weight: tuple[int, int] | None
) -> None:
    """Raise ``ValueError`` unless there is such a layer, unit or weight."""
    spec = trace.parameters.spec
    require(layer is not None or (unit is None and weight is None), "unit and weight need a layer")
    require(unit is None or weight is None, "give a unit or a weight, not both")
    if layer is None:
        return
    require(
        is_whole(layer) and 0 <= layer < spec.n_layers,
        f"layer must be from 0 to {spec.n_layers - 1}, a layer of weights, got {layer!r}",
    )
    fan_in, fan_out = spec.shapes[layer]
    require(
        weight is None or (isinstance(weight, tuple | list) and len(weight) == 2),
        f"weight must be (j, k), to unit j from unit k, got {weight!r}",
    )
    to, source = (unit, None) if weight is None else weight
    for name, number, count in (("unit", to, fan_out), ("the unit it comes from", source, fan_in)):
        require(
            number is None or (is_whole(number) and 0 <= number < count),
            f"{name} must be from 0 to {count - 1} in layer {layer}, got {number!r}",
        )
