"""Letters of formulas: their names in LaTeX and in speech, and their indices as text."""

from chainrule.explain.expressions import Letter

GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "η": "eta",
    "θ": "theta", "λ": "lambda", "μ": "mu", "ρ": "rho", "σ": "sigma", "φ": "phi",
    "Δ": "Delta", "Θ": "Theta", "Φ": "Phi", "π": "pi", "ℓ": "ell",
}  # fmt: skip
HAT = "\u0302"  # above the letter before

_LOW = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋ⱼₖ", "0123456789+-jk")
_BELOW = dict(
    zip("0123456789+-()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)
_ABOVE = dict(
    zip("0123456789+-()hijklmnoprstuvxyLWT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛˣʸᴸᵂᵀ", strict=True)
)


def parted(letter: Letter) -> Letter:
    """Return the letter with an index that is part of its name, as in β₁, below it."""
    plain = letter.name.rstrip("₀₁₂₃₄₅₆₇₈₉₊₋ⱼₖ")
    index = letter.name[len(plain) :].translate(_LOW)
    return Letter(plain, index + letter.below, letter.above) if index else letter


def accented(name: str) -> tuple[str, bool]:
    """Return a name, and whether it has a hat: ŷ is y with one.

    Examples
    --------
    >>> accented("ŷ"), accented("y")
    (('y', True), ('y', False))
    """
    import unicodedata

    plain = unicodedata.normalize("NFD", name)
    return (plain.replace(HAT, ""), True) if HAT in plain else (name, False)


def lowered(text: str) -> str:
    """Return an index as small letters below the line, in brackets where there are no such."""
    return _small(text, _BELOW, "[]")


def raised(text: str) -> str:
    """Return an index as small letters above the line, after ^ where there are no such.

    Examples
    --------
    >>> lowered("12,3"), raised("2"), raised("Q")
    ('₁₂,₃', '²', '^(Q)')
    """
    return _small(text, _ABOVE, "()", "^")


def _small(text: str, letters: dict[str, str], brackets: str, sign: str = "") -> str:
    if all(character in letters or character == "," for character in text):
        return "".join(letters.get(character, character) for character in text)
    return sign + brackets[0] + text + brackets[1]
