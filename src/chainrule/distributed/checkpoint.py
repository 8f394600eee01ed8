"""A fit in a folder: written whole every few seconds, so that it goes on after any crash."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainrule.atomic import atomic_file
from chainrule.distributed.fit import Fit
from chainrule.sealed import checksum, difference
from chainrule.theory.checks import plural

Array = NDArray[Any]

SECONDS = 5.0  # between two checkpoints, and more where writing one takes long
_SHARE = 0.03  # of the time, for writing them
_KEY, _FORMAT = "chainrule_fit", 1
_CHECKPOINT = "checkpoint.safetensors"


class CheckpointError(ValueError):
    """What is in a folder can't be gone on with; the message names the file and says why.

    Examples
    --------
    >>> issubclass(CheckpointError, ValueError)
    True
    """


class Checkpoints:
    """The folder of one fit.

    Parameters
    ----------
    folder : str or Path
        Made where there is none.
    about : dict
        What the fit depends on, as JSON can hold it: a fit that differs in it is another one.
    seconds : float
        Between two checkpoints, at least.

    Attributes
    ----------
    about : dict
    failed : bool
        Whether the last one could not be written.
    """

    def __init__(
        self, folder: str | Path, about: Mapping[str, Any], seconds: float = SECONDS
    ) -> None:
        self.folder, self.seconds, self.failed = Path(folder), seconds, False
        self.about = json.loads(json.dumps(about))
        self._path = self.folder / _CHECKPOINT
        self._written, self._took = -math.inf, 0.0  # the first at once: it shows that it can be
        self._step: int | None = None
        self.folder.mkdir(parents=True, exist_ok=True)

    def go_on(self, fit: Fit) -> bool:
        """Bring a fit to where its checkpoint is; False where there is none.

        Raises
        ------
        CheckpointError
            If it is damaged, or another fit's.
        """
        if not self._path.exists():
            return False
        described, arrays = read_arrays(self._path)
        try:
            require_same(self._path, described["about"], self.about)
            fit.restore(described["fit"], arrays)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(f"{self._path} is not a sound checkpoint: {error}") from error
        self._step = fit.step
        return True

    def keep(self, fit: Fit, now: bool = False) -> None:
        """Write the fit, at once or if the last time was long enough ago.

        Raises
        ------
        OSError
            If it can't be written; the checkpoint before it is still there.
        """
        wait = max(self.seconds, self._took / _SHARE)
        if self._step == fit.step or not (now or time.monotonic() - self._written >= wait):
            return
        began = time.monotonic()
        try:
            write_arrays(self._path, {"about": self.about, "fit": fit.describe()}, fit.arrays())
        except OSError as error:
            self.failed = True
            there = "no checkpoint" if self._step is None else f"that of step {self._step:,}"
            raise OSError(
                f"can't write the checkpoint {self._path} ({error.strerror or error}); {there} is "
                f"there, of {plural(fit.step, 'step')} taken: make room, and go on"
            ) from error
        self._written = time.monotonic()
        self._step, self._took = fit.step, self._written - began


def write_arrays(path: Path, described: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write arrays and what is said of them, whole or not at all."""
    from safetensors.numpy import save

    ready = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    text = json.dumps(described, ensure_ascii=False)
    stated = {"format": _FORMAT, "sha256": checksum(text, ready), "content": text}
    with atomic_file(path) as file:
        file.write(save(ready, metadata={_KEY: json.dumps(stated, ensure_ascii=False)}))


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return what `write_arrays` wrote.

    Raises
    ------
    CheckpointError
        If the file is damaged, or none of these.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = path.read_bytes()
    try:
        arrays = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        stated = json.loads(header["__metadata__"][_KEY])
        text = stated["content"]
        if stated["format"] != _FORMAT:
            raise CheckpointError(f"{path} was written by another version of chainrule")
        if stated["sha256"] != checksum(text, arrays):
            raise CheckpointError(
                f"{path} was edited or damaged: its checksum is not its content's"
            )
        return json.loads(text), arrays
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is damaged, or no checkpoint of a fit") from error


def require_same(path: Path, found: object, expected: object) -> None:
    """Refuse a file of another fit.

    Raises
    ------
    CheckpointError
        If two descriptions differ; it says in what first.
    """
    if different := difference(found, expected, "fit"):
        raise CheckpointError(f"{path} is of another fit: {different}; name another folder")
