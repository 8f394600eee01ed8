"""The house: the direction of imports, the ceilings, the public names, the generated stub."""

import ast
import os
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import chainrule

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "chainrule"
MODULES = sorted(SOURCE.rglob("*.py"))
PYTHON = sorted(
    path
    for folder in ("src", "tests", "examples", "benchmarks", "tools")
    for path in (ROOT / folder).rglob("*.py")
)
PAGE = sorted((SOURCE / "explain" / "page" / "static").iterdir())
CPP = sorted([*(ROOT / "cpp").iterdir(), *(ROOT / "tests" / "cpp").iterdir()])

# A floor may import the floors named before it, and itself.
FLOORS = [
    "theory", "atomic", "sealed", "engine", "training", "distributed", "explain", "estimators",
    "tables", "files", "cli",
]  # fmt: skip

MOST_LINES = 400
MOST_LINES_A_FUNCTION = 40


def name_of(path):
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {name_of(path) for path in MODULES}


def imports_of(path):
    """Return (module, names) for every import of chainrule, wherever it stands in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chainrule"):
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("chainrule"):
                    yield alias.name, []


def runtime_imports_of(path):
    """Return the modules imported when the file is, leaving out ``if TYPE_CHECKING``."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("chainrule"):
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in NAMES else node.module


def floor_of(module):
    parts = module.split(".")
    return FLOORS.index(parts[1]) if len(parts) > 1 and parts[1] in FLOORS else len(FLOORS)


def test_every_module_stands_on_a_floor():
    doors = {"chainrule", "chainrule.__main__"}
    homeless = [name_of(p) for p in MODULES if floor_of(name_of(p)) == len(FLOORS)]
    assert set(homeless) <= doors


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_downward(path):
    for module, _ in imports_of(path):
        assert module != "chainrule" or name_of(path).startswith("chainrule.cli"), (
            f"{path.name} imports the public door from inside the house"
        )
        if module != "chainrule":
            assert floor_of(module) <= floor_of(name_of(path)), f"{path.name} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_private_names_stay_in_their_module(path):
    private = [
        f"{module}.{name}"
        for module, names in imports_of(path)
        for name in names
        if name.startswith("_") and f"{module}.{name}" != "chainrule.engine._core"
    ]
    assert not private


def test_no_import_cycle():
    graph = {name_of(p): set(runtime_imports_of(p)) & NAMES for p in MODULES}
    list(TopologicalSorter(graph).static_order())  # raises CycleError


@pytest.mark.parametrize("path", PYTHON + CPP + PAGE, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_functions_are_short(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            assert length <= MOST_LINES_A_FUNCTION, f"{path.name}: {node.name} has {length} lines"


def test_modules_of_the_page_import_in_one_direction_and_nothing_else():
    scripts = {path.stem: path.read_text() for path in PAGE if path.suffix == ".js"}
    imports = {
        name: re.findall(r"^import .*?from '(.*?)';$", text, re.MULTILINE | re.DOTALL)
        for name, text in scripts.items()
    }
    graph = {name: {one[2:-3] for one in found} for name, found in imports.items()}
    assert set().union(*graph.values()) | {"main"} == set(scripts)
    list(TopologicalSorter(graph).static_order())  # raises CycleError
    assert all(one.startswith("./") for found in imports.values() for one in found)


def test_public_names():
    assert chainrule.__all__ == sorted(chainrule.__all__, key=lambda n: (not n.isupper(), n))
    for name in chainrule.__all__:
        assert getattr(chainrule, name) is not None
    public = {n for n in dir(chainrule) if not n.startswith("_")}
    modules = {*FLOORS} - {"explain"}  # which is also the name of a function
    assert public - modules == set(chainrule.__all__)


def test_the_core_knows_no_python():
    for path in CPP:
        if not path.stem.startswith("bindings"):
            assert not re.search(r"Python\.h|nanobind", path.read_text()), path.name


def test_the_stub_is_what_the_module_says(tmp_path):
    fresh = tmp_path / "_core.pyi"
    command = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "chainrule.engine._core"]
    subprocess.run([*command, "-o", fresh], check=True, cwd=tmp_path)
    kept = SOURCE / "engine" / "_core.pyi"
    assert fresh.read_text() == kept.read_text(), "run `make stub`"


def test_the_command_line_waits_for_nothing_that_it_may_not_need():
    """pyarrow.dataset brings pandas with it, where that is installed: a fifth of a second."""
    heavy = ["pandas", "pyarrow.dataset", "datasketches", "ray", "sklearn"]
    code = (
        "import sys, chainrule.cli.predict, chainrule.cli.train, chainrule.cli.evaluate; "
        f"print(sorted({{*{heavy!r}}} & {{*sys.modules}}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_import_is_light():
    """What costs more than chainrule itself is imported on first use."""
    heavy = ["sklearn", "scipy", "pyarrow", "typer", "rich", "pandas", "matplotlib", "safetensors"]
    heavy += ["hashlib", "random"]  # they bring OpenSSL with them, as NumPy does in some versions
    code = (
        f"import sys, numpy; heavy = {{*{heavy!r}}} - {{*sys.modules}}; import chainrule; "
        "print(sorted(heavy & {*sys.modules}))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert result.stdout.strip() == "[]"
