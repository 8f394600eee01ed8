"""What a page calls inputs, outputs and rows, and how it draws a row."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chainrule.theory.checks import require

_PIXEL = re.compile(r"pixels?[_ ]?(\d+)(?:[_x, ](\d+))?", re.IGNORECASE)
_LEAST_IMAGE = 36  # pixels; fewer numbers are no picture


@dataclass(frozen=True)
class Naming:
    """The names of a page.

    Parameters
    ----------
    title : str
        What the page is about, as "digits".
    inputs, outputs : sequence of str
        Names of the network's inputs and outputs; empty for numbers alone.
    row : callable
        What is written for a row of the training data, counted from 0.
    word : str
        Before the number of a row.
    image : (int, int) or None
        Rows and columns of the picture that a row is; None to find out.
    another : str
        How another step is opened.
    is_served : bool
        Whether a server gives any step that the page asks for.
    """

    title: str = ""
    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    row: Callable[[int], int] = field(default=lambda row: row)
    word: str = "row"
    image: tuple[int, int] | None = None
    another: str = "cr.explain(run.at(step), row=row).to_html(run)"
    is_served: bool = False

    def require(self, n_inputs: int, n_outputs: int) -> None:
        """Raise ``ValueError`` unless there are as many names and pixels as inputs and outputs."""
        for what, names, count in (
            ("inputs", self.inputs, n_inputs),
            ("outputs", self.outputs, n_outputs),
        ):
            require(
                not names or len(names) == count,
                f"{what} must be {count} names, one each, got {len(names)}",
            )
        require(
            self.image is None or self.image[0] * self.image[1] == n_inputs,
            f"image must be (rows, columns) of {n_inputs} pixels, got {self.image}",
        )

    def pixels(self, n_inputs: int) -> tuple[int, int, list[int]] | None:
        """Return height, width, and for each input its place in the picture; None if it is none.

        Names as ``pixel_3_4`` or ``pixel13`` say so; without names, so many numbers that they fill
        a square.

        Examples
        --------
        >>> Naming(inputs=["pixel_0_0", "pixel_1_1"]).pixels(2)
        (2, 2, [0, 3])
        >>> Naming().pixels(64)[:2], Naming(inputs=["age"] * 64).pixels(64)
        ((8, 8), None)
        """
        if self.image is not None:
            height, width = self.image
            return height, width, list(range(n_inputs))
        side = math.isqrt(n_inputs)
        if not self.inputs:
            is_square = side * side == n_inputs >= _LEAST_IMAGE
            return (side, side, list(range(n_inputs))) if is_square else None
        found = [_PIXEL.fullmatch(name) for name in self.inputs]
        matches = [match for match in found if match is not None]
        if len(matches) < n_inputs:
            return None
        numbers = [(int(match[1]), int(match[2] or -1)) for match in matches]
        if all(column >= 0 for _, column in numbers):
            width = 1 + max(column for _, column in numbers)
            places = [row * width + column for row, column in numbers]
        else:
            first = min(number for number, _ in numbers)
            places = [number - first for number, _ in numbers]
            width = math.isqrt(max(places)) + 1
        return max(places) // width + 1, width, places
