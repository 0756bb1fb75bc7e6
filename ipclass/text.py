"""From a text to its terms, by spaCy: what a word is, which words carry content, and which openings name only a setting.

This is the plain route and the definition: one text at a time, readable. ``counts`` does the same a batch at a time.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from ipclass.errors import ModelError

if TYPE_CHECKING:
    from spacy.language import Language

LONGEST_FIELD = 100_000
"""Characters read of a title or an abstract; the rest of a longer one is not an abstract."""

LONGEST_WORD = 40
"""Longer words are sequences, formulas or rubbish."""

STOP = "<stop>"
"""Stands for a word of the language or of patent drafting that says nothing about the content."""

NOTHING = ""
"""Stands for what is no word at all: numbers, reference numerals, single letters."""

BOILERPLATE = frozenset(
    "according accordingly aforementioned aforesaid apparatuses claim claimed claims comprise comprised comprises comprising "
    "corresponding described disclose disclosed discloses disclosure embodiment embodiments furthermore herein hereof "
    "include included includes including invention inventions lt gt amp plurality present preferably provide provided "
    "provides providing relate related relates relating respective respectively said sub sup thereby therefor therefrom "
    "therein thereof thereto utility whereby wherein".split()
)
"""Words that drafting puts into any patent, and the rests of mark-up. spaCy's own stop words come on top."""

_SEPARATORS = r"(?:(?!(?<=[0-9])\.(?=[0-9]))[\W_])+"  # a full stop between two digits joins a number
_EXOTIC = re.compile(r"[^\x00-\x7f\w]")
_STEP = re.compile(r"[sS][0-9]+")  # S101: the steps of a flow chart
_NAMED = re.compile(r"[0-9][A-Z]+|[0-9]+(?:st|nd|rd|th)")  # 6G, 3D, 5th; 10A and 100GHz are quantities or numerals
_QUANTITY = re.compile(r"[0-9.]+(.*)", re.DOTALL)


@dataclass(frozen=True)
class Setting:
    """Openings that name a label as the setting of an invention and not as its contribution.

    ``patterns`` are the regular expressions of such openings, for the engine that polars has: time linear in the text
    whatever they say, without look-around and back-references. ``words`` are groups of words: an opening can only stand
    in a text that has a word of each group, so that most texts need no search.
    """

    label: str
    patterns: tuple[str, ...]
    words: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Settings:
    """The settings of all labels that have any."""

    settings: tuple[Setting, ...] = ()

    @cached_property
    def bits(self) -> Mapping[str, int]:
        """For each telling word the groups that it belongs to, one bit a group."""
        bits: dict[str, int] = {}
        for place, words in enumerate(words for setting in self.settings for words in setting.words):
            for word in words:
                bits[word] = bits.get(word, 0) | 1 << place
        return bits

    @cached_property
    def needed(self) -> tuple[int, ...]:
        """For each setting the groups of which a text must have a word, as bits."""
        masks, place = [], 0
        for setting in self.settings:
            masks.append(((1 << len(setting.words)) - 1) << place)
            place += len(setting.words)
        return tuple(masks)

    def mask(self, text: str) -> str:
        """Return ``text`` with every such opening replaced by the label's marker word.

        >>> Settings((Setting("x", ("in a world of x",)),)).mask("In a world of X, a pump.").split()
        ['settingx', ',', 'a', 'pump.']
        """
        return self.mask_all([text])[0]

    def mask_all(self, texts: Sequence[str]) -> list[str]:
        """Return ``mask`` of each text; several at a time are far faster than one by one."""
        masked = list(texts)
        for setting in self.settings if masked else ():
            for pattern in setting.patterns:
                replaced = _replaced(masked, pattern, f" {marker(setting.label)} ")
                masked = [text[:LONGEST_FIELD] for text in replaced]  # a pattern that fits everywhere must not blow a text up
        return masked

    def openings(self, text: str) -> list[tuple[int, int, str]]:
        """Return start, end and label of each such opening in ``text``, in order of their labels.

        >>> Settings((Setting("x", ("in a world of x",)),)).openings("In a world of X, a pump.")
        [(0, 15, 'x')]
        """
        found = []
        for setting in self.settings:
            for pattern in setting.patterns:
                (marked,) = _replaced([_MARKS.sub(" ", text)], pattern, "\x02${0}\x03")
                parts = re.split("[\x02\x03]", marked)  # outside and inside of openings in turn
                ends = list(accumulate(map(len, parts)))
                found += [(ends[place - 1], ends[place], setting.label) for place in range(1, len(parts), 2)]
        return found


NO_SETTINGS = Settings()
_MARKS = re.compile("[\x02\x03]")
_PROCESS = os.getpid()


def _replaced(texts: list[str], pattern: str, by: str) -> list[str]:
    """Return ``texts`` with all that ``pattern`` fits replaced; ``${0}`` in ``by`` stands for what was there.

    Raises:
        ModelError: This process is a fork of another, and the pattern is none that Python knows.
    """
    if os.getpid() != _PROCESS:  # polars waits for ever in a fork (as of nlp.pipe with n_process): its threads stayed behind
        return _replaced_by_python(texts, pattern, by)
    import polars as pl  # a tenth of a second, needed only where there is something to mask

    return pl.Series(texts, dtype=pl.String).str.replace_all(anycase(pattern), by).to_list()


def _replaced_by_python(texts: list[str], pattern: str, by: str) -> list[str]:
    try:
        found = re.compile(anycase(pattern))
    except re.error as error:
        told = "a forked process must do without polars; tag in one process, or in processes that are started anew"
        raise ModelError(f"text.settings: {pattern[:60]!r} is no regular expression of Python: {error}; {told}") from error
    return [found.sub(lambda match: by.replace("${0}", match[0]), text) for text in texts]


def anycase(pattern: str) -> str:
    """Return the regular expression that ``Settings`` searches for: capitals count as small letters."""
    return f"(?i){pattern}"


def marker(label: str) -> str:
    """Return the word that takes the place of an opening: a term like any other, which the model may learn from."""
    return f"setting{label.replace('_', '')}"


def fields(text: str) -> tuple[str, str]:
    """Return the title and the abstract in ``text``: what stands before and after its first line feed.

    A text without a line feed is an abstract. Both parts are normalised and cut to ``LONGEST_FIELD`` characters.
    """
    title, feed, abstract = text.partition("\n")
    if not feed:
        title, abstract = "", title
    return normal(title[:LONGEST_FIELD]), normal(abstract.replace("\n", " ")[:LONGEST_FIELD])


def normal(text: str) -> str:
    """Return ``text`` in Unicode's compatibility form, with every sign beyond ASCII that is no letter or digit made a space.

    >>> normal("a 300 ㎓ link—“6Ｇ”").split()
    ['a', '300', 'GHz', 'link', '6G']
    """
    return text if text.isascii() else _EXOTIC.sub(" ", unicodedata.normalize("NFKC", text))


@lru_cache(maxsize=1)
def pipeline() -> Language:
    """Return spaCy's English with a tokenizer that splits at everything but letters and digits, and with nothing else in it.

    Its own rules for contractions and units are left out: ``6G`` must stay one word, and so must ``100GHz``.
    """
    import spacy  # a second of start-up, needed only when a new word turns up
    from spacy.tokenizer import Tokenizer

    nlp = spacy.blank("en")
    nlp.tokenizer = Tokenizer(
        nlp.vocab,
        prefix_search=re.compile(f"^{_SEPARATORS}").search,
        suffix_search=re.compile(f"{_SEPARATORS}$").search,
        infix_finditer=re.compile(_SEPARATORS).finditer,
    )
    nlp.max_length = 2 * LONGEST_FIELD + 1
    return nlp


def stop_words() -> frozenset[str]:
    """Return the words that spaCy takes for stop words, in lower case."""
    return frozenset(pipeline().Defaults.stop_words)


def analyse(word: str) -> str:
    """Return the term that ``word`` stands for, or ``STOP``, or ``NOTHING``.

    >>> [analyse(word) for word in ("Electrodes", "the", "110", "6G", "100GHz", "S101")]
    ['electrode', '<stop>', '', '6g', 'ghz', '']
    """
    return term(word, pipeline().vocab[word].is_stop)


def term(word: str, is_stop: bool) -> str:
    """Return the term that ``word`` stands for; ``is_stop`` says whether spaCy takes it for a stop word."""
    if not 2 <= len(word) <= LONGEST_WORD:
        return NOTHING
    lower = word.lower()
    if is_stop or lower in BOILERPLATE:
        return STOP
    if word.isalpha():
        return singular(lower)
    if _STEP.fullmatch(word) or not any(map(str.isalpha, word)):
        return NOTHING
    if _NAMED.fullmatch(word):
        return lower
    quantity = _QUANTITY.fullmatch(lower)
    if quantity is None:
        return singular(lower)
    unit = quantity[1]
    return unit if len(unit) > 1 and unit.isalpha() else NOTHING


def singular(word: str) -> str:
    """Return ``word`` without a plural ending: the "S stemmer" of Harman (1991, JASIS 42, "How effective is suffixing?").

    >>> [singular(word) for word in ("qubits", "batteries", "classes", "gas", "apparatus")]
    ['qubit', 'battery', 'classe', 'gas', 'apparatus']
    """
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies"):
        return word if word.endswith(("eies", "aies")) else word[:-3] + "y"
    return word if word.endswith(("us", "ss", "is")) else word[:-1]


def terms(text: str, settings: Settings = NO_SETTINGS) -> tuple[list[str], list[str]]:
    """Return the terms of the title and those of the abstract, in order, single words before pairs.

    A pair is two content words with nothing but stop words, numbers and punctuation between them.
    """
    return next(terms_of([text], settings))


def terms_of(texts: Iterable[str], settings: Settings = NO_SETTINGS) -> Iterator[tuple[list[str], list[str]]]:
    """Yield what ``terms`` returns for each of ``texts``, by spaCy's ``nlp.pipe``."""
    for title, abstract in _content(texts, settings):
        yield _singles_and_pairs(title), _singles_and_pairs(abstract)


def _content(texts: Iterable[str], settings: Settings) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the words of each title and abstract as terms, with stop words and numbers still marked."""
    found = ([term(token.text, token.is_stop) for token in doc] for doc in pipeline().pipe(_masked(texts, settings)))
    yield from zip(found, found, strict=True)


def _masked(texts: Iterable[str], settings: Settings) -> Iterator[str]:
    for text in texts:
        title, abstract = fields(text)
        if _may_have_setting(f"{title} {abstract}", settings):
            title, abstract = (normal(part) for part in (settings.mask(title), settings.mask(abstract)))
        yield title
        yield abstract


def _may_have_setting(text: str, settings: Settings) -> bool:
    seen = 0
    for word in re.split(_SEPARATORS, text) if settings.settings else ():
        seen |= settings.bits.get(word.lower(), 0)
    return any(seen & needed == needed for needed in settings.needed)


def _singles_and_pairs(words: list[str]) -> list[str]:
    content = [word for word in words if word not in (STOP, NOTHING)]
    return content + [f"{one} {two}" for one, two in pairwise(content)]
