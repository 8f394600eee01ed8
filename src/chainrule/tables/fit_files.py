"""fit_files: a network on columns of numbers in files, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.distributed.checkpoint import Checkpoints
from chainrule.distributed.fit import Fit
from chainrule.distributed.full_batch import minimise_parts
from chainrule.distributed.order import RowOrder
from chainrule.distributed.teams import require_team, team_of
from chainrule.engine.spec import NetworkSpec
from chainrule.tables.columns import numbers
from chainrule.tables.errors import TableError
from chainrule.tables.part_preparing import LANES, MEMORY, Where, kept_if_room, lanes_for, room_of
from chainrule.tables.parts import Parts, parts_of
from chainrule.tables.table import Table
from chainrule.theory.checks import require, require_name
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.optimizers import Adam
from chainrule.training.inputs import sample_targets
from chainrule.training.network import Network
from chainrule.training.run import chosen_optimizer

Array = NDArray[Any]


@dataclass(frozen=True)
class NumberRows:
    """The rows of parts whose columns are numbers: inputs and targets, as they are.

    Parameters
    ----------
    parts : Parts
    features, targets : tuple of str
    spec : NetworkSpec
    """

    parts: Parts
    features: tuple[str, ...]
    targets: tuple[str, ...]
    spec: NetworkSpec

    @property
    def group_rows(self) -> tuple[int, ...]:
        """The rows of each group."""
        return tuple(group.rows for group in self.parts.groups)

    def reader(self) -> NumberRows:
        """Return what reads them, for one lane."""
        return self

    def read(self, group: int, first: int, last: int) -> Iterator[Array]:
        """Yield rows ``first`` ≤ i < ``last`` of a group, some at a time."""
        names, at = [*self.features, *self.targets], first
        for table in self.parts.tables(group, names, first):
            columns = [_finite(table, name)[: last - at] for name in names]
            at += len(columns[0])
            yield np.column_stack([*columns[: len(self.features)], self._targets(columns)])
            if at == last:
                return

    def _targets(self, columns: list[Array]) -> Array:
        """Return the targets as the loss takes them, one column an output."""
        given = columns[len(self.features) :]
        answers = given[0] if len(given) == 1 else np.column_stack(given)
        return sample_targets(self.spec, answers, len(answers))

    def fill(self, rows: Array, X: Array, y: Array) -> None:
        """Write the inputs and the targets of rows, as a network takes them."""
        X[:], y[:] = rows[:, : len(self.features)], rows[:, len(self.features) :]


def fit_files(
    network: Network,
    source: Any,  # noqa: ANN401 (see `parts_of`)
    target: str | Sequence[str],
    *,
    features: Sequence[str] | None = None,
    solver: Literal["steps", "lbfgs"] = "steps",
    optimizer: Optimizer | str | None = None,
    epochs: int = 10,
    batch_size: int = 1024,
    shuffle: bool = True,
    seed: int = 0,
    lanes: int = LANES,
    memory: int = MEMORY,
    workers: int | None = None,
    ray: str | None = None,
    folder: str | Path | None = None,
    watch: Callable[[Fit], Any] | None = None,
) -> list[float]:
    """Train a network on columns of numbers in Parquet files, which needn't fit in memory.

    The weights have the same bits for any number of workers, and after any of them, or this
    process, was killed and went on in its folder. Rows are shuffled as `RowOrder` says.

    Parameters
    ----------
    network : Network
        Of the compiled engine; it learns from the weights that it has.
    source : str, Path, list of str or pyarrow.dataset.Dataset
        A folder of Parquet files, a pattern, a URI that Arrow opens; see `parts_of`.
    target : str or sequence of str
        The columns to predict; for cross_entropy one of class numbers.
    features : sequence of str, optional
        The inputs, in their order; all columns but the targets without it.
    solver : {"steps", "lbfgs"}
        Steps of the optimizer on batches; or L-BFGS on all rows, in float64, whose iterations
        ``epochs`` bounds.
    optimizer : Optimizer or str, optional
        ``Adam()`` without it.
    epochs : int
    batch_size : int
        Rows a step.
    shuffle : bool
    seed : int
        Key of the shuffles and of dropout.
    lanes : int
        A power of two: at most so many workers are busy, where it divides the batch. The order of
        the rows depends on it.
    memory : int
        Bytes that may be taken; by it more or fewer rows are shuffled among themselves.
    workers : int, optional
        Threads, or workers of Ray; as many as there are cores without it.
    ray : str, optional
        The address of a cluster of Ray, or "local" for one of its own on this machine.
    folder : str or Path, optional
        Where checkpoints are kept, and where one of the same fit is found that is gone on with.
    watch : callable, optional
        Called with the fit after every step.

    Returns
    -------
    list of float
        L before each step, penalty included; of L-BFGS, after each iteration.

    Raises
    ------
    TableError
        If a part can't be used, or a value is missing; the part and the row are named.
    ValueError
        If the columns aren't the network's inputs and outputs, or an option is out of range.
    CheckpointError, ConnectionError, OSError, FloatingPointError
        As `chainrule.tables.part_fitting.train_parts`.

    Examples
    --------
    >>> import tempfile, chainrule as cr, numpy as np, pyarrow as pa, pyarrow.parquet as pq
    >>> x = np.linspace(-1, 1, 512)
    >>> folder = tempfile.mkdtemp()
    >>> pq.write_table(pa.table({"x": x, "y": x**2}), f"{folder}/part-0.parquet")
    >>> net = cr.Network([1, 16, 1], activation="tanh", seed=1)
    >>> losses = cr.fit_files(net, folder, "y", epochs=200, batch_size=64, optimizer="adam")
    >>> losses[-1] < 0.01 < losses[0]
    True
    """
    require_name("solver", solver, ("steps", "lbfgs"))
    where = Where(memory, workers, ray, folder, lanes)
    if ray is not None:
        require_team(ray)
    rows = _rows(network.spec, parts_of(source), target, features)
    parts, spec = rows.parts, rows.spec
    used = lanes_for(batch_size, lanes)
    columns = len(rows.features) + spec.n_outputs
    room = room_of(memory, used, columns, parts.n_rows, parts.reading)
    order = RowOrder(rows.group_rows, batch_size, used, room, shuffle, seed)
    kept = kept_if_room(rows, columns, order, where)
    if solver == "lbfgs":
        return minimise_parts(network, kept, order, epochs, workers, ray)
    chosen = chosen_optimizer(Adam() if optimizer is None else optimizer)
    fit = Fit(network, chosen, order, epochs)
    about = {
        "table": parts.about(),
        "inputs": rows.features,
        "targets": rows.targets,
        "spec": spec.to_dict(),
        "optimizer": repr(chosen),
        "order": [epochs, batch_size, shuffle, seed, used, room],
    }
    keeper = Checkpoints(folder, about) if folder is not None else None
    if keeper:
        keeper.go_on(fit)
    if not fit.stopped:
        team = team_of(kept, order, spec, workers, ray)
        try:
            fit.run(team, keeper, watch)
        finally:
            team.close()
    return [float(loss) for loss in fit.losses]


def _rows(
    spec: NetworkSpec, parts: Parts, target: str | Sequence[str], features: Sequence[str] | None
) -> NumberRows:
    """Return the rows that a network is to learn from; a ValueError says which column is none."""
    targets = (target,) if isinstance(target, str) else tuple(target)
    given = parts.names if features is None else features
    inputs = tuple(name for name in given if name not in targets)
    for name in (*inputs, *targets):
        parts.empty().column(name)  # names a near miss
    require(
        len(inputs) == spec.n_inputs,
        f"the network has {spec.n_inputs} inputs, and {parts.name} {len(inputs)} columns for them",
    )
    return NumberRows(parts, inputs, targets, spec)


def _finite(table: Table, name: str) -> NDArray[np.float64]:
    values = numbers(table, name, "number")
    gaps = np.flatnonzero(np.isnan(values))
    if gaps.size:
        raise TableError(
            f"{table.where(int(gaps[0]))}, column {name!r}: expected a number, got none; fill it "
            "in, or use TableRegressor or TableClassifier, which learn what a gap means"
        )
    return values
