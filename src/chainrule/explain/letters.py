"""Letters of formulas: their names in LaTeX and in speech, and their indices as text."""

from chainrule.explain.expressions import Letter

GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "η": "eta",
    "θ": "theta", "λ": "lambda", "μ": "mu", "ρ": "rho", "σ": "sigma", "φ": "varphi",
    "Δ": "Delta", "Θ": "Theta", "Φ": "Phi", "π": "pi", "ℓ": "ell",
}  # fmt: skip
# Accents above the letter before: their names in LaTeX, in speech, and what MathML has above.
ACCENTS = {"\u0302": ("hat", "hat", "^"), "\u0304": ("bar", "bar", "¯")}

_LOW = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋ⱼₖ", "0123456789+-jk")
_BELOW = dict(
    zip("0123456789+-()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)
_ABOVE = dict(
    zip("0123456789+-()hijklmnoprstuvxyLWT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛˣʸᴸᵂᵀ", strict=True)
)


def parted(letter: Letter) -> tuple[Letter, str]:
    """Return the letter with an index that is part of its name, as in β₁, below it; its primes.

    Examples
    --------
    >>> parted(Letter("β₁")), parted(Letter("φ′", "2"))[1]
    ((Letter(name='β', below='1', above=''), ''), '′')
    """
    plain = letter.name.rstrip("₀₁₂₃₄₅₆₇₈₉₊₋ⱼₖ")
    index = letter.name[len(plain) :].translate(_LOW)
    stem = plain.rstrip("′")
    return Letter(stem, index + letter.below, letter.above), plain[len(stem) :]


def accented(name: str) -> tuple[str, tuple[str, str, str] | None]:
    """Return a name without its accent, and the accent: ŷ is y with a hat.

    Examples
    --------
    >>> accented("ŷ"), accented("y")
    (('y', ('hat', 'hat', '^')), ('y', None))
    """
    import unicodedata

    plain = unicodedata.normalize("NFD", name)
    for sign, accent in ACCENTS.items():
        if sign in plain:
            return plain.replace(sign, ""), accent
    return name, None


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
