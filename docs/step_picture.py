"""Draw docs/step.svg, the picture of the README: one step of a 2-2-1 network, numbers in place.

python docs/step_picture.py > docs/step.svg
"""

import chainrule as cr

COLUMNS, ROWS, OUTPUT_ROW, RADIUS = (80, 360, 640), (85, 255), 170, 36

STYLE = """
  text { font: 14px ui-monospace, Menlo, Consolas, monospace; text-anchor: middle; fill: #1f2328 }
  .small { font-size: 12px } .name { font-size: 12px; fill: #59636e }
  .wire { stroke: #9aa4af; stroke-width: 1.5 } circle { fill: #f6f8fa; stroke: #59636e }
  .label, .page { fill: #ffffff } .value { fill: #0550ae } .gradient { fill: #a40e26 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .name { fill: #9198a1 } .wire { stroke: #59636e }
    circle { fill: #161b22; stroke: #9198a1 } .label, .page { fill: #0d1117 }
    .value { fill: #79c0ff } .gradient { fill: #ff7b72 }
  }"""


def traced() -> cr.Trace:
    """Return the step that the README prints."""
    net = cr.Network([2, 2, 1], activation="sigmoid", dtype="float64", seed=1)
    return net.trace([[0.05, 0.10]], [[0.5]])


def places(layer: int) -> list[tuple[int, int]]:
    """Return the centres of a layer's units."""
    rows = (OUTPUT_ROW,) if layer == 2 else ROWS
    return [(COLUMNS[layer], row) for row in rows]


def wire(start: tuple[int, int], end: tuple[int, int], weight: float, gradient: float) -> str:
    """Return one connection with its weight and ∂L/∂w on it."""
    share = 0.32 if start[1] != end[1] else 0.5
    x, y = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return (
        f'<line class="wire" x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}"/>\n'
        f'<rect class="label" x="{x - 38}" y="{y - 17}" width="76" height="34" rx="4"/>\n'
        f'<text class="small value" x="{x}" y="{y - 3}">{weight:.4f}</text>\n'
        f'<text class="small gradient" x="{x}" y="{y + 12}">{gradient:+.5f}</text>'
    )


def unit(centre: tuple[int, int], name: str, value: float, delta: float | None) -> str:
    """Return one unit with its activation, and δ below where it has one."""
    x, y = centre
    below = ""
    if delta is not None:
        below = f'<text class="small gradient" x="{x}" y="{y + 20}">{delta:+.4f}</text>'
    return (
        f'<circle cx="{x}" cy="{y}" r="{RADIUS}"/>\n'
        f'<text class="name" x="{x}" y="{y - RADIUS - 8}">{name}</text>\n'
        f'<text class="value" x="{x}" y="{y + 4}">{value:.4f}</text>\n' + below
    )


def main() -> None:
    """Print the picture."""
    trace, parts = traced(), []
    for layer in range(2):
        for k, start in enumerate(places(layer)):
            for j, end in enumerate(places(layer + 1)):
                W, g = trace.weights[layer][k, j], trace.weight_gradients[layer][k, j]
                parts.append(wire(start, end, W, g))
    for layer in range(3):
        for j, centre in enumerate(places(layer)):
            name = f"x{j}" if layer == 0 else f"a{j}" if layer == 1 else "output"
            delta = trace.deltas[layer - 1][0, j] if layer else None
            parts.append(unit(centre, name, trace.activations[layer][0, j], delta))
    parts.append(
        f'<text class="small" x="360" y="328">target {trace.targets[0, 0]}, loss {trace.loss:.5f}; '
        '<tspan class="value">values</tspan> forward, '
        '<tspan class="gradient">derivatives</tspan> backward</text>'
    )
    print('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 345" role="img" '
          'aria-label="One training step of a 2-2-1 network">')  # fmt: skip
    print(f"<style>{STYLE}\n</style>")
    print('<rect class="page" width="720" height="345" rx="6"/>')
    print("\n".join(parts), "</svg>", sep="\n")


if __name__ == "__main__":
    main()
