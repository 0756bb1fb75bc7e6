"""The language of a text, by py3langid: asked only where the words of a text leave doubt that it is English."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

ENGLISH = "en"
LEAST_PROBABLE = 0.4
"""Another language less probable than this is none: of 40 test texts in 37 languages the least sure gets 0.52, strings of
letters in no language less than 0.4."""

ENGLISH_PART = 1 / 3
"""From this part on a text of two languages is English: an abstract that stands beside its translation has half."""

LONGEST = 5_000
"""Characters looked at; more do not make it surer."""

_SENTENCE_ENDS = re.compile(r"(?:[.;:!?]\s|[\n。；！？])+")
_SHORTEST_SENTENCE = 25  # characters; a language cannot be told from less


@lru_cache(maxsize=1)
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # most of a second, which English tables do without

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([language for language in identifier.labels if len(language) == 2])
    return identifier


def language_of(text: str) -> str:
    """Return the language of ``text`` as two letters (ISO 639-1), or "" if no language is likely.

    A text of which a third is English is English, whatever else is in it.

    >>> language_of("Ein Ventil öffnet sich bei hohem Druck."), language_of("A valve opens at high pressure.")
    ('de', 'en')
    """
    text = text[:LONGEST]
    language = _most_likely(text)
    return ENGLISH if language != ENGLISH and _english_part(text) >= ENGLISH_PART else language


def _most_likely(text: str) -> str:
    language, probability = _identifier().classify(text)
    return str(language) if probability >= LEAST_PROBABLE or language == ENGLISH else ""


def _english_part(text: str) -> float:
    """Return which part of the characters stands in English sentences."""
    sentences = [sentence for sentence in _SENTENCE_ENDS.split(text) if len(sentence) >= _SHORTEST_SENTENCE]
    english = sum(len(sentence) for sentence in sentences if _most_likely(sentence) == ENGLISH)
    return english / max(len(text), 1)


def is_latin(text: str) -> bool:
    """Return whether most letters of ``text`` are Latin.

    >>> is_latin("Pumpe für Öl"), is_latin("USB 接口电路")
    (True, False)
    """
    letters = [letter for letter in text[:LONGEST] if letter.isalpha()]
    return 2 * sum(letter < "\u0250" or "\u1e00" <= letter < "\u1f00" for letter in letters) >= len(letters)
