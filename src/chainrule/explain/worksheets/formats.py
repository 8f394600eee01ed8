"""The formats of a worksheet, by their names."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from chainrule.explain.worksheets.moodle import to_moodle
from chainrule.explain.worksheets.paper import to_html, to_latex, to_markdown
from chainrule.explain.worksheets.sheet import Worksheet

# Each takes a worksheet, and whether solutions stand behind it.
FORMATS: Mapping[str, Callable[[Worksheet, bool], str]] = MappingProxyType({
    "html": to_html,
    "latex": to_latex,
    "markdown": to_markdown,
    "moodle": to_moodle,
})  # fmt: skip
