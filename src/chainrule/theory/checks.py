"""How an option out of range is refused: one sentence, one error."""

import difflib
from collections.abc import Iterable
from typing import Any


def require(condition: bool | Any, message: str) -> None:  # noqa: ANN401 (NumPy's bool)
    """Raise ``ValueError(message)`` unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_name(kind: str, name: object, known: Iterable[str]) -> None:
    """Raise ``ValueError`` unless ``name`` is one of the known names; suggest the nearest."""
    names = list(known)
    if name in names:
        return
    near = difflib.get_close_matches(str(name), names, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(sorted(names))}"
    raise ValueError(f"unknown {kind} {name!r}: {advice}")


def fields_from(kind: str, description: dict[str, Any], known: Iterable[str]) -> dict[str, Any]:
    """Return the description without its name, refusing fields that are not known."""
    fields = {key: value for key, value in description.items() if key != "name"}
    for key in fields:
        require_name(f"field of {kind}", key, known)
    return fields
