"""The page as one file: modules, styles and document, and a policy that allows nothing else."""

import base64
import hashlib
import json
import re
from functools import cache
from graphlib import TopologicalSorter
from html import escape
from importlib.resources import files
from typing import Any

_IMPORT = re.compile(r"^import \{([^}]*)\} from '\./(\w+)\.js';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|class|function) (\w+))", re.MULTILINE)
_MAIN = "main"


def page_html(document: dict[str, Any], title: str, equations: str) -> str:
    """Return the file of a page.

    Parameters
    ----------
    document : dict
        As ``document.document`` makes it.
    title : str
    equations : str
        HTML that is shown where there is no JavaScript.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    style, script = _style(), _script()
    parts = {
        "POLICY": _policy(style, script),
        "TITLE": escape(title),
        "STYLE": style,
        "EQUATIONS": equations,
        "DOCUMENT": text.replace("<", "\\u003c"),
        "SCRIPT": script,
    }
    return re.sub(r"@([A-Z]+)@", lambda match: parts[match[1]], _static("page.html"))


def paper_html(title: str, body: str) -> str:
    """Return a page without a script, to be read or printed.

    Parameters
    ----------
    title : str
    body : str
        HTML.
    """
    style = _static("paper.css")
    policy = f"default-src 'none'; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _policy(style: str, script: str) -> str:
    """Return the policy: these styles, this script, no network, no frames, no forms sent."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _static(name: str) -> str:
    return (files(__package__) / "static" / name).read_text(encoding="utf-8")


@cache
def _style() -> str:
    return "\n".join(_static(f"{name}.css") for name in ("frame", "equations", "picture"))


@cache
def _script() -> str:
    """Return all modules in one, each after those that it imports."""
    modules, waiting = dict[str, str](), [_MAIN]
    while waiting:
        name = waiting.pop()
        if name not in modules:
            modules[name] = _static(f"{name}.js")
            waiting += _imported(modules[name])
    order = TopologicalSorter({name: _imported(text) for name, text in modules.items()})
    wrapped = [_wrapped(name, modules[name]) for name in order.static_order()]
    return "\n".join(["const modules = {};", *wrapped])


def _imported(text: str) -> list[str]:
    return [match[2] for match in _IMPORT.finditer(text)]


def _wrapped(name: str, text: str) -> str:
    """Return a module as a function of its own, called once, that returns what it exports."""
    body = _IMPORT.sub(lambda match: f"const {{{match[1]}}} = modules.{match[2]};\n", text)
    exported = ", ".join(match[1] for match in _EXPORT.finditer(body))
    inner = _EXPORT.sub("", body)
    return f"modules.{name} = (() => {{\n{inner}\nreturn {{{exported}}};\n}})();"
