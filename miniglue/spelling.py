"""How words are spelled and sentences written: plurals, articles, capitals, full stops."""

from __future__ import annotations

import re
from typing import NamedTuple


class Noun(NamedTuple):
    singular: str
    plural: str


class Verb(NamedTuple):
    """The five forms, and for transitive verbs the nouns that make sensible objects."""

    base: str
    third: str
    past: str
    participle: str
    gerund: str
    objects: tuple[Noun, ...] = ()


# "an old house" and "an honest film", but "a unique one".
VOWEL_SOUND_AFTER_A = re.compile(r"\b([Aa]) (?=(?!uni[^mn]|us[ei]|eu|one)[aeiou]|hour|hones|honor)")

IRREGULAR_PLURALS = {
    "child": "children",
    "gentleman": "gentlemen",
    "goose": "geese",
    "knife": "knives",
    "loaf": "loaves",
    "man": "men",
    "mouse": "mice",
    "piano": "pianos",
    "potato": "potatoes",
    "radio": "radios",
    "salmon": "salmon",
    "tomato": "tomatoes",
    "trout": "trout",
    "wife": "wives",
    "wolf": "wolves",
    "woman": "women",
}


def noun(singular: str) -> Noun:
    """A countable noun with its plural, spelled by rule unless listed above."""
    if singular in IRREGULAR_PLURALS:
        return Noun(singular, IRREGULAR_PLURALS[singular])
    if singular.endswith("y") and singular[-2] not in "aeiou":
        return Noun(singular, singular[:-1] + "ies")
    if singular.endswith(("s", "x", "ch", "sh")):
        return Noun(singular, singular + "es")
    return Noun(singular, singular + "s")


def nouns(text: str) -> tuple[Noun, ...]:
    return tuple(noun(word) for word in text.split())


def verbs(text: str) -> tuple[Verb, ...]:
    """One verb a line: five forms, then after a colon its objects, if it has any."""
    table = []
    for line in text.strip().splitlines():
        forms, _, objects = line.partition(":")
        base, third, past, participle, gerund = forms.split()
        table.append(Verb(base, third, past, participle, gerund, nouns(objects)))
    return tuple(table)


def with_articles(text: str) -> str:
    """`text` with each "a" before a vowel sound made "an": grammars write "a" throughout."""
    return VOWEL_SOUND_AFTER_A.sub(r"\1n ", text)


def sentence(text: str) -> str:
    """`text` with its articles, a capital, and a full stop unless it is a question."""
    text = with_articles(text)
    return text[0].upper() + text[1:] + ("" if text.endswith("?") else ".")
