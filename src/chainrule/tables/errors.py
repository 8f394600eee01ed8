"""What is raised when a table can't be used, and how near misses are suggested."""

import difflib
from collections.abc import Iterable


class TableError(ValueError):
    """A table that can't be read, or that isn't what the task or the model needs.

    The message is one line: where (file, line, column), what was expected, what was found, what
    to do.

    Examples
    --------
    >>> from chainrule.tables import TableError
    >>> issubclass(TableError, ValueError)
    True
    """


def near_miss(name: str, known: Iterable[str]) -> str:
    """'; did you mean ...?' where one of the known names is close to the given one, else ''."""
    names = [other for other in known if other != name]
    by_lower = {other.lower(): other for other in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[close[0]]!r}?" if close else ""


def listed(names: Iterable[str], limit: int = 12) -> str:
    """Return the names in one line, separated by commas, the rest counted."""
    all_names = [str(name) for name in names]
    shown = ", ".join(all_names[:limit])
    return shown if len(all_names) <= limit else f"{shown} and {len(all_names) - limit} more"
