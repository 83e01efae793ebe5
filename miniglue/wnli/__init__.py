"""WNLI: is the pronoun of the first sentence rightly replaced in the second?

The task is made of Winograd schemas (Levesque et al. 2012). Each group has both endings of
a schema with both candidates, so that every word occurs as often with either label. Like
the real one, the task may be out of reach for small models; it is here to show that.
"""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.grammar import Draw, Example, Grammar, Group
from miniglue.spelling import sentence
from miniglue.wnli.schemas import ABOUT_PEOPLE, ABOUT_THINGS, Schema

NOT_ENTAILMENT, ENTAILMENT = 0, 1
MEN = (*lex.HIS_NAMES, *(f"the {noun.singular}" for noun in lex.MEN))
WOMEN = (*lex.HER_NAMES, *(f"the {noun.singular}" for noun in lex.WOMEN))


def resolved(schema: Schema, pronoun: str, a: str, b: str) -> Group:
    """Both endings of a schema, each with both candidates in the pronoun's place."""
    start = schema.start.format(a=a, b=b)
    return [
        Example(
            sentence(f"{start} {pronoun} {schema.middle} {ending}"),
            sentence(f"{candidate} {schema.middle} {ending}"),
            ENTAILMENT if candidate == right else NOT_ENTAILMENT,
        )
        for ending, right in ((schema.picks_a, a), (schema.picks_b, b))
        for candidate in (a, b)
    ]


def people(d: Draw) -> Group:
    """Two people whom one pronoun fits."""
    pronoun, candidates = d.one((("he", MEN), ("she", WOMEN)))
    a, b = d.words(candidates, 2)
    return resolved(d.word(ABOUT_PEOPLE), pronoun, a, b)


def things(d: Draw) -> Group:
    """Two things."""
    schema, all_a, all_b = d.word(ABOUT_THINGS)
    a, b = (f"the {d.word(options).singular}" for options in (all_a, all_b))
    return resolved(schema, "it", a, b)


GRAMMAR = Grammar(phenomena=(people, people, people, things), label_shares=(0.5, 0.5))
