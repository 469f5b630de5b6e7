"""Times of day and dates as a locale writes them (``%X`` and ``%x`` of strftime), as far as they can be read surely."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

# Words of the C library's locales, in lower case, without points and blanks.
_MORNING = "am πμ 上午 午前 오전 ص पूर्वाह्न পূর্বাহ্ণ ਸਵੇਰੇ காலை పూర్వాహ్న ಪೂರ್ವಾಹ್ನ ጡዋት pd öö sa pg mp vm öd de fm"
_AFTERNOON = "pm μμ 下午 午後 오후 م अपराह्न অপরাহ্ণ ਸ਼ਾਮ மாலை అపరాహ్న ಅಪರಾಹ್ನ ከሰዓት md ös ch ptg mn nm öu du em"
_UNITS = r"(?:\s?(?:秒|초|s|sek))?"
_CLOCK = re.compile(
    rf"(?P<before>\D*?)\s*(?P<hour>\d{{1,2}})(?P<sep>\D{{1,5}}?)(?P<minute>\d\d)\D{{1,5}}?(?P<second>\d\d){_UNITS}"
    r"(?P<after>(?:\s\D+)?)(?P<zone>\s[+-]\d\d(?:\d\d)?)?"
)
_ZONE = re.compile(r"[A-Z]{2,5}")
_NUMBERS = re.compile(r"\d+")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True)
class TimeOfDay:
    """Seconds since midnight by the clock as it is written, and the half of the day: "AM", "PM" or unknown."""

    day_s: int
    half: str


def read_time(text: str) -> TimeOfDay | None:
    """A time of day with seconds; ``None`` for everything else, also for words that are not known.

    >>> read_time("08:23:00 μμ"), read_time("17時20分05秒"), read_time("09:35:45 PM IST")
    (TimeOfDay(day_s=30180, half='PM'), TimeOfDay(day_s=62405, half=''), TimeOfDay(day_s=34545, half='PM'))
    """
    match = _CLOCK.fullmatch(text)
    if match is None or match["sep"].isspace():
        return None
    hour, minute, second = (int(match[name]) for name in ("hour", "minute", "second"))
    half = _half(match["before"], match["after"])
    if half is None or hour > (12 if half else 23) or minute > 59 or second > 61:
        return None
    return TimeOfDay(hour * 3600 + minute * 60 + second, half)


def _half(before: str, after: str) -> str | None:
    """The half of the day by the words around a clock, empty without words; ``None``: a word is unknown."""
    words = [word for word in (*before.split(), *after.split()) if word != "."]
    if words and _ZONE.fullmatch(words[-1]) and _normal(words[-1:]) not in f"{_MORNING} {_AFTERNOON}".split():
        words.pop()
    if not words:
        return ""
    word = _normal(words)
    if word in _MORNING.split():
        return "AM"
    return "PM" if word in _AFTERNOON.split() else None


def _normal(words: list[str]) -> str:
    return "".join(words).replace(".", "").lower()


def read_date(text: str, *, is_month_first: bool) -> date | None:
    """A date in figures, or with an English month; ``is_month_first`` decides between 11/12 and 12/11.

    >>> read_date("2026年11月29日", is_month_first=False), read_date("Sunday 29 November 2026", is_month_first=True)
    (datetime.date(2026, 11, 29), datetime.date(2026, 11, 29))
    """
    numbers = [int(number) for number in _NUMBERS.findall(text)]
    named = [at for word in text.lower().split() for at, month in enumerate(_MONTHS, 1) if word.startswith(month)]
    if len(numbers) == 2 and len(named) == 1 and numbers[1] > 99:
        orders = [(numbers[1], named[0], numbers[0])]
    elif len(numbers) != 3:
        return None
    elif numbers[0] > 99:
        orders = [(numbers[0], numbers[1], numbers[2])]
    else:
        first, second, year = numbers
        year += 2000 if year < 100 else 0
        orders = [(year, first, second), (year, second, first)] if "/" in text else [(year, second, first)]
        orders = orders if is_month_first else orders[::-1]
    for order in orders:
        try:
            return date(*order)
        except ValueError:
            continue
    return None
