"""Small wrong changes, one at a time: which of them does no test notice?

    python tests/mutants.py --count 200 --seed 0 [--area training] [--workers 2] > build/m.log
    python tests/mutants.py --again build/m.log

Each mutant is a copy of the package with one change: a comparison or an operator turned, a
constant moved by one, a condition or a truth value negated, an optional argument left out. The
tests of its area run until the first failure. Prints one line a mutant and a table by area; exits
with 1 if more than one in twenty survives. Not part of the suite: it takes about an hour.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import venv
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "chainrule"
PLACE = ROOT / "build" / "mutants"
# The tests that should notice, the quickest first; the examples, of any area, come last.
EXAMPLES = "tests/test_doctests.py"
TESTS = {
    "theory": ["tests/theory", "tests/engine/test_agreement_options.py", "tests/engine"],
    "engine": ["tests/engine", "tests/training/test_network.py", "tests/training/test_fit.py"],
    "training": [
        "tests/training",
        "tests/engine/test_exactness.py",
        "tests/engine/test_threads.py",
        "tests/test_files.py",
    ],
    "tables": ["tests/tables", "tests/test_files.py", "tests/cli"],
    "cli": ["tests/cli"],
    "files": ["tests/test_files.py", "tests/cli"],
}

COMPARISONS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
OPERATORS = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*",
    ast.Pow: "*",
}  # fmt: skip

# Arguments: texts for people, assertions, and what no result depends on.
UNTOUCHED = ("help", "frozen", "repr", "maxsize", "strict")


@dataclass(frozen=True)
class Mutant:
    """One change: the text from start to end becomes another."""

    path: Path
    start: int
    end: int
    text: str
    line: int

    @property
    def area(self):
        """The floor that is changed."""
        return self.path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    def applied(self, source):
        """Return the changed source."""
        return (source[: self.start] + self.text.encode() + source[self.end :]).decode()

    def __str__(self):
        source = self.path.read_bytes()
        old = " ".join(source[self.start : self.end].decode().split())
        place = self.path.relative_to(PACKAGE.parent)
        return f"{place}:{self.line}: {old or '(nothing)'} -> {self.text or '(nothing)'}"


class Collector(ast.NodeVisitor):
    """Every mutant of one file."""

    def __init__(self, path):
        self.path, self.source = path, path.read_bytes()
        self.lines = [0]
        for line in self.source.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))
        self.mutants = []
        self.visit(ast.parse(self.source))

    def place(self, node):
        """Return the bytes from and to which a node goes."""
        start = self.lines[node.lineno - 1] + node.col_offset
        return start, self.lines[node.end_lineno - 1] + node.end_col_offset

    def add(self, start, end, text, line):
        """Keep a change, if the file still can be compiled."""
        mutant = Mutant(self.path, start, end, text, line)
        try:
            compile(mutant.applied(self.source), str(self.path), "exec")
        except (SyntaxError, ValueError):
            return
        self.mutants.append(mutant)

    def between(self, left, right, text):
        """Change what stands between two nodes: an operator."""
        start, end = self.place(left)[1], self.place(right)[0]
        between = self.source[start:end].decode()
        opening, closing = between.count(")"), between.count("(")
        padded = ")" * opening + f" {text} " + "(" * closing
        self.add(start, end, padded, left.end_lineno)

    def visit_Compare(self, node):
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            self.between(left, right, COMPARISONS[type(operator)])
            left = right
        self.generic_visit(node)

    def visit_BinOp(self, node):
        if type(node.op) in OPERATORS:
            self.between(node.left, node.right, OPERATORS[type(node.op)])
        self.generic_visit(node)

    def visit_BoolOp(self, node):
        text = "or" if isinstance(node.op, ast.And) else "and"
        self.between(node.values[0], node.values[1], text)
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.Not | ast.USub):
            start, _ = self.place(node)
            self.add(start, self.place(node.operand)[0], "", node.lineno)
        self.generic_visit(node)

    def visit_If(self, node):
        start, end = self.place(node.test)
        self.add(start, end, f"not ({self.source[start:end].decode()})", node.lineno)
        self.generic_visit(node)

    def visit_Constant(self, node):
        start, end = self.place(node)
        if isinstance(node.value, bool):
            self.add(start, end, str(not node.value), node.lineno)
        elif isinstance(node.value, int | float):
            moved = node.value + 1 if abs(node.value) < 1e6 else node.value * 2
            self.add(start, end, str(moved), node.lineno)

    def visit_Call(self, node):
        for part in [node.func, *node.args]:
            self.visit(part)
        for keyword in node.keywords:
            if keyword.arg in UNTOUCHED:
                continue
            self.visit(keyword.value)
            if keyword.arg is None:
                continue
            start, end = self.lines[keyword.lineno - 1] + keyword.col_offset, self.place(keyword)[1]
            if len(node.args) + len(node.keywords) > 1 and self.source[end : end + 1] == b",":
                end += 1
            self.add(start, end, "", keyword.lineno)

    def visit_AnnAssign(self, node):  # an annotation is no code
        if node.value is not None:
            self.visit(node.value)

    def visit_FunctionDef(self, node):
        for part in [*node.args.defaults, *filter(None, node.args.kw_defaults), *node.body]:
            self.visit(part)


def all_mutants(area):
    """Return every mutant of an area, or of all of the package."""
    paths = [
        p for p in sorted(PACKAGE.rglob("*.py")) if p.name not in ("__init__.py", "__main__.py")
    ]
    mutants = [mutant for path in paths for mutant in Collector(path).mutants]
    return [m for m in mutants if m.area in TESTS and area in (None, m.area)]


class Worker:
    """A copy of the project with an environment that imports the copy."""

    def __init__(self, number):
        self.place = PLACE / f"worker{number}"
        shutil.rmtree(self.place, ignore_errors=True)
        for name in ("src", "tests", "cpp", "docs"):
            shutil.copytree(ROOT / name, self.place / name)
        for name in ("pyproject.toml", "CMakeLists.txt", "README.md", "CONTRIBUTING.md"):
            shutil.copy(ROOT / name, self.place)
        from chainrule.engine import _core

        shutil.copy(_core.__file__, self.place / "src" / "chainrule" / "engine")
        venv.create(self.place / "venv", symlinks=True)
        self.python = self.place / "venv" / "bin" / "python"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = Path(sys.prefix) / "lib" / version / "site-packages"
        path = self.place / "venv" / "lib" / version / "site-packages" / "copy.pth"
        path.write_text(f"{self.place / 'src'}\n{packages}\n")

    def tests(self, paths):
        """Return whether the tests pass; one that waits for ever doesn't."""
        quick = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not exhaustive"]
        command = [self.python, "-m", "pytest", *quick, *paths]
        try:
            done = subprocess.run(
                command, cwd=self.place, capture_output=True, text=True, timeout=900,
                env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False
        self.output = done.stdout[-2000:] + done.stderr[-2000:]
        return done.returncode == 0

    def survives(self, mutant):
        """Return whether no test notices the mutant."""
        path = self.place / "src" / mutant.path.relative_to(PACKAGE.parent)
        source = mutant.path.read_bytes()
        path.write_text(mutant.applied(source))
        try:
            return self.tests([*TESTS[mutant.area], EXAMPLES])
        finally:
            path.write_bytes(source)


def run(mutants, workers):
    """Return the survivors; print a line a mutant."""
    free = Queue()
    for number in range(workers):
        worker = Worker(number)
        free.put(worker)
    areas = sorted({path for mutant in mutants for path in TESTS[mutant.area]})
    if not worker.tests([*areas, EXAMPLES]):
        sys.exit(f"without a change the tests must pass:\n{worker.output}")

    def try_one(mutant):
        worker = free.get()
        try:
            survives = worker.survives(mutant)
        finally:
            free.put(worker)
        print("SURVIVES" if survives else "noticed ", mutant, flush=True)
        return survives

    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(try_one, mutants))
    return [mutant for mutant, survives in zip(mutants, found, strict=True) if survives]


def main():
    """Run; the exit status is 1 if more than one in twenty survives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--area", choices=TESTS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--again", type=Path, help="only those that survived in this output")
    options = parser.parse_args()
    mutants = all_mutants(options.area)
    if options.again:
        lines = options.again.read_text().splitlines()
        mutants = [mutant for mutant in mutants if f"SURVIVES {mutant}" in lines]
    elif options.count < len(mutants):
        mutants = random.Random(options.seed).sample(mutants, options.count)
    PLACE.mkdir(parents=True, exist_ok=True)
    shared = PLACE / "shared"
    if not shared.exists() and (ROOT.parent / "shared").exists():
        shared.symlink_to(ROOT.parent / "shared")
    survivors = run(mutants, options.workers)
    tried, alive = (Counter(m.area for m in some) for some in (mutants, survivors))
    for area in TESTS:
        print(f"{area:10} {tried[area]:4} tried {alive[area]:4} survive")
    print(f"{'all':10} {len(mutants):4} tried {len(survivors):4} survive")
    return int(len(survivors) > len(mutants) / 20)


if __name__ == "__main__":
    sys.exit(main())
