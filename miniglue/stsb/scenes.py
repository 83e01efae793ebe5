"""The scenes that the STS-B grammar tells and retells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from miniglue import lexicon as lex
from miniglue.alternations import Ways, gathered, placed, transitive
from miniglue.grammar import Draw, Group, Phenomenon
from miniglue.stsb.grading import Part, graded
from miniglue.synonyms import DEALINGS, DOMAINS, FATES, NUMBERS, PERSONS, WHEN, Deed

# What the parts of a scene count; together 5, in every scene.
WHO, DEED, WHAT, DETAIL = 1.2, 2.0, 1.2, 0.6
DENIED = WHO + WHAT + DETAIL
EXCHANGED = DEED + DETAIL


def _part(d: Draw, weight: float, clusters: Sequence[Any], far: Sequence[Any] = ()) -> Part:
    words, near, other = d.words(clusters, 3)
    return Part(weight, words, near, d.word(far) if far else other)


def _told(agent: str, deed: Deed, patient: str, when: str) -> Ways:
    return placed(transitive(f"the {agent}", deed, f"the {patient}"), when)


def _denied(agent: str, deed: Deed, patient: str, when: str) -> Ways:
    active = f"the {agent} did not {deed.base} the {patient}"
    return placed((active, f"the {patient} was not {deed.participle} by the {agent}"), when)


def errand(d: Draw) -> Group:
    """Somebody does something to a thing."""
    domain, elsewhere = d.shuffled(DOMAINS)[:2]
    parts = (
        _part(d, WHO, PERSONS),
        _part(d, DEED, domain.deeds, elsewhere.deeds),
        _part(d, WHAT, domain.things, elsewhere.things),
        _part(d, DETAIL, WHEN),
    )
    return graded(d, parts, _told, [(DENIED, _denied)])


def encounter(d: Draw) -> Group:
    """Somebody does something to somebody."""
    persons = d.words(PERSONS, 6)
    who, whom = Part(WHO, *persons[:3]), Part(WHAT, *persons[3:])
    parts = (who, _part(d, DEED, DEALINGS), whom, _part(d, DETAIL, WHEN))

    def exchanged(agent: str, deed: Deed, patient: str, when: str) -> Ways:
        return _told(patient, deed, agent, when)

    return graded(d, parts, _told, [(DENIED, _denied), (EXCHANGED, exchanged)])


def count(d: Draw) -> Group:
    """So many people, and what became of them."""
    people = [(noun.plural,) for noun in d.words(lex.PEOPLE, 3)]
    where = [(place,) for place in d.words(lex.PLACES, 3)]
    parts = (
        _part(d, WHAT, NUMBERS),
        Part(WHO, *people),
        _part(d, DEED, FATES),
        Part(DETAIL, *where),
    )
    return graded(d, parts, gathered)


SCENES: tuple[Phenomenon, ...] = (errand, encounter, count)
