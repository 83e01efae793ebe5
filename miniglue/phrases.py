"""Noun phrases and verb phrases that several grammars draw."""

from __future__ import annotations

from typing import NamedTuple

from miniglue import lexicon as lex
from miniglue.grammar import Draw


class Action(NamedTuple):
    """A verb phrase in its forms: "paint the fence", "painted the fence" and so on."""

    base: str
    past: str
    participle: str
    gerund: str


def people(d: Draw, count: int = 2) -> list[str]:
    """Different people, each by name or as "the nurse"."""
    described = [f"the {noun.singular}" for noun in d.words(lex.PEOPLE, count)]
    named = d.words(lex.NAMES, count)
    return [d.one(pair) for pair in zip(described, named, strict=True)]


def person(d: Draw) -> str:
    return people(d, 1)[0]


def action(d: Draw) -> Action:
    """Something that one does on purpose."""
    verb = d.word(lex.INTENDED)
    thing = f" the {d.word(verb.objects).singular}"
    return Action(
        verb.base + thing, verb.past + thing, verb.participle + thing, verb.gerund + thing
    )
