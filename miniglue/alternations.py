"""The several ways that English has of saying one thing.

Each function takes what is to be said and returns `Ways`: sentences that say the same and
differ in voice, order or construction (Levin 1993 lists many of the alternations). The
ways of saying another thing of the same kind come in the same order, so that a pair of
ways can be a paraphrase or a near miss whatever constructions it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from miniglue.grammar import Draw
from miniglue.spelling import Verb
from miniglue.synonyms import Deed

Ways = tuple[str, ...]
Pair = tuple[str, str]


def transitive(agent: str, verb: Verb | Deed, patient: str) -> Ways:
    """Active and passive."""
    return (f"{agent} {verb.past} {patient}", f"{patient} was {verb.participle} by {agent}")


def clefts(agent: str, verb: Verb | Deed, patient: str) -> Ways:
    """What "it was" picks out is the one or the other."""
    return (
        f"it was {agent} who {verb.past} {patient}",
        f"it was {patient} who was {verb.participle} by {agent}",
    )


def gift(giver: str, gave: tuple[str, str], thing: str, taker: str) -> Ways:
    """The dative alternation, and its passive; `gave` is past and participle."""
    past, participle = gave
    return (
        f"{giver} {past} {taker} {thing}",
        f"{giver} {past} {thing} to {taker}",
        f"{taker} was {participle} {thing} by {giver}",
    )


def sale(seller: str, trade: tuple[str, str], thing: str, buyer: str) -> Ways:
    """Converse predicates: `trade` is what the one did and what the other."""
    sold, bought = trade
    return (f"{seller} {sold} {thing} to {buyer}", f"{buyer} {bought} {thing} from {seller}")


def sequence(first: str, second: str) -> Ways:
    """Two clauses in order of time, told in either order."""
    return (
        f"{first} before {second}",
        f"{second} after {first}",
        f"before {second}, {first}",
        f"after {first}, {second}",
    )


def causation(cause: str, effect: str) -> Ways:
    return (
        f"{effect} because {cause}",
        f"because {cause}, {effect}",
        f"{cause}, and so {effect}",
    )


def placed(ways: Ways, when: str) -> Ways:
    """Every way with the adverbial at the end, then every way with it in front."""
    return (*(f"{way} {when}" for way in ways), *(f"{when}, {way}" for way in ways))


def gathered(number: str, people: str, fate: str, where: str) -> Ways:
    """So many people and what became of them; a sentence should not begin with a digit."""
    return (f"{where}, {number} {people} {fate}", f"a group of {number} {people} {fate} {where}")


def reported(ways: Ways, source: str) -> Ways:
    """Every way as the word of somebody, in three constructions."""
    return (
        *(f"{source} said that {way}" for way in ways),
        *(f"according to {source}, {way}" for way in ways),
        *(f"{way}, {source} said" for way in ways),
    )


def two(d: Draw, truth: Ways, lie: Ways) -> tuple[tuple[Pair, Pair], tuple[Pair, Pair]]:
    """Two paraphrases and two near misses in the same two ways, each side once true and
    once false, so that no construction and no word goes with one of the answers."""
    one, other = d.shuffled(range(len(truth)))[:2]
    return (
        ((truth[one], truth[other]), (lie[one], lie[other])),
        ((truth[one], lie[other]), (lie[one], truth[other])),
    )


def reworded(
    d: Draw, ways: Callable[..., Ways], *slots: Sequence[Sequence[Any]]
) -> tuple[Ways, Ways]:
    """Two wordings of a truth, and the same of a lie that differs from it in one to three slots.

    A slot is a list of clusters of words for the same; `ways` turns one word for each slot
    into two sentences or more. The two wordings go different ways, and in every slot one
    time in four they use different words.
    """
    chosen = [d.words(slot, 2) for slot in slots]
    differing = d.shuffled(range(len(slots)))[: d.one((1, 2, 2, 3))]
    renamed = [d.one((True, False, False, False)) for _ in slots]
    one, other = d.shuffled(range(len(ways(*(clusters[0][0] for clusters in chosen)))))[:2]
    words = [[d.shuffled(cluster) for cluster in clusters] for clusters in chosen]

    def wordings(changed: Sequence[int]) -> Ways:
        slots = [word[position in changed] for position, word in enumerate(words)]
        again = [w[-1] if new else w[0] for w, new in zip(slots, renamed, strict=True)]
        return (ways(*(w[0] for w in slots))[one], ways(*again)[other])

    return wordings(()), wordings(differing)
