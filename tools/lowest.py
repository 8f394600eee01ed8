"""The oldest release of every requirement that pyproject.toml allows, for ``pip install``.

    python tools/lowest.py

Prints ``name==version`` for each ``name>=version``; other requirements as they are.
"""

import re
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())


def requirements() -> list[str]:
    """Return what a build, the package, its command line and its tests need."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    every = [
        *PROJECT["build-system"]["requires"], *project["dependencies"], *extras["cli"],
        *extras["plot"], *extras["ray"], *extras["dev"],
    ]  # fmt: skip
    return [text for text in every if not text.startswith("chainrule")]


def lowest(requirement: str) -> str:
    """Return the requirement, held to its lower bound where it has one."""
    found = re.match(r"([\w.-]+)>=([\w.]+)", requirement)
    return f"{found[1]}=={found[2]}" if found else requirement


if __name__ == "__main__":
    print("\n".join(map(lowest, requirements())))
