"""How a table writes what is missing, numbers and dates, where it isn't the usual way."""

from dataclasses import asdict, dataclass
from typing import Any

from chainrule.tables.fields import Fields
from chainrule.theory.checks import require, require_name

DATE_ORDERS = ("ymd", "dmy", "mdy")
# pandas' words for a missing value, and a lone "?"
MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "?",
)  # fmt: skip


@dataclass(frozen=True)
class Conventions:
    """How text is read as missing, as a number, as a date; a model keeps those it learned with.

    Parameters
    ----------
    na : tuple of str
        Words that mean "missing", beside the empty cell and the usual ones (NA, NaN, None, ?, ...).
    decimal : str
        The sign before the decimals: "." or ",".
    thousands : str
        The sign between groups of digits, as "," in 11,140.00; "" for none. A space stands for
        no-break spaces, too.
    strip : str
        Signs and letters to take from the ends of a number, as "$%"; with "()", (5) is -5.
    date_order : "ymd", "dmy" or "mdy"
        Of day, month and year where the year comes last; dates that begin with the year are read
        with any.

    Raises
    ------
    ValueError
        If one of them can't be meant; it is named.

    Examples
    --------
    >>> Conventions(decimal=",", thousands=".").to_dict()["thousands"]
    '.'
    """

    na: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""
    strip: str = ""
    date_order: str = "ymd"

    def __post_init__(self) -> None:
        good = isinstance(self.na, tuple) and all(isinstance(word, str) for word in self.na)
        require(good, f"na must be words in a tuple, got {self.na!r}")
        require(self.decimal in (".", ","), f"decimal must be '.' or ',', got {self.decimal!r}")
        require_name("date_order", self.date_order, DATE_ORDERS)
        for name in ("thousands", "strip"):
            value = getattr(self, name)
            require(isinstance(value, str), f"{name} must be text, got {value!r}")
            require(
                not any(sign.isdigit() or sign in "+-" for sign in value),
                f"{name} must not hold digits or a sign of numbers, got {value!r}",
            )
        require(
            len(self.thousands) <= 1 and not self.thousands.isalpha(),
            f"thousands must be one sign as ',' or none, got {self.thousands!r}",
        )
        require(
            self.decimal != self.thousands,
            f"decimal and thousands must be different signs, got {self.decimal!r} for both",
        )
        require(
            not set(self.strip) & {self.decimal, self.thousands},
            f"strip must not hold the signs of decimal and thousands, got {self.strip!r}",
        )

    @property
    def usual_numbers(self) -> bool:
        """Whether numbers are written as programs write them."""
        return (self.decimal, self.thousands, self.strip) == (".", "", "")

    def to_dict(self) -> dict[str, Any]:
        """Return the conventions as JSON can hold them."""
        return {**asdict(self), "na": list(self.na)}

    @classmethod
    def from_dict(cls, described: object) -> "Conventions":
        """Return the conventions that `to_dict` described; ``ValueError`` says what is wrong."""
        fields = Fields(described, "conventions")
        conventions = cls(
            na=tuple(fields.texts("na")),
            decimal=fields.text("decimal"),
            thousands=fields.text("thousands"),
            strip=fields.text("strip"),
            date_order=fields.text("date_order"),
        )
        fields.done()
        return conventions


USUAL = Conventions()
