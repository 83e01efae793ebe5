"""The other half of the MRPC grammar: the same words, for the same or for another event.

Constructions vary and roles vary, independently: a passive may be a paraphrase of an active
sentence, or of the one in which the roles are exchanged.
"""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.alternations import (
    Ways,
    causation,
    clefts,
    gift,
    placed,
    reported,
    sale,
    sequence,
    transitive,
)
from miniglue.grammar import Draw, Group, Phenomenon
from miniglue.mrpc.judgments import compared
from miniglue.mrpc.wording import SOURCES
from miniglue.phrases import action, people
from miniglue.spelling import nouns

# Past and participle, and what is given.
GIVING = (
    (("gave", "given"), "ring book ticket map"),
    (("handed", "handed"), "key plate letter knife"),
    (("lent", "lent"), "ladder bicycle umbrella tent"),
    (("sent", "sent"), "letter map package postcard"),
    (("offered", "offered"), "sandwich chair job ticket"),
    (("showed", "shown"), "painting map letter castle"),
    (("promised", "promised"), "ring pony bicycle ticket"),
    (("awarded", "awarded"), "prize medal cup trophy"),
)
TRADES = (
    (("sold", "bought"), "house car piano boat farm"),
    (("lent", "borrowed"), "ladder bicycle umbrella tent novel"),
    (("rented", "leased"), "house garage boat shop"),
    (("sold", "purchased"), "lamp ticket necklace van clock"),
)
# Each of these may bring about any other, or be brought about by it.
TRENDS = (
    "wages rose", "prices fell", "the demand for oil grew", "exports increased",
    "the currency lost value", "unemployment went down", "factories closed", "taxes went up",
    "people saved more money", "production slowed down", "banks raised interest rates",
    "the stock market crashed",
)  # fmt: skip
NEWS = (
    "the bridge was safe", "the train was late", "the game was over", "the hotel was full",
    "the strike would end soon", "the contract was ready", "the museum had been robbed",
    "the price was too high", "the road was closed", "the money had been found",
    "the house was for sale", "the storm would pass",
)  # fmt: skip
BELONGINGS = (
    "owns a small farm", "has a large dog", "lives near the harbor", "sings in the church choir",
    "plays chess for money", "has a scar on one hand", "works at night",
    "speaks several languages",
)  # fmt: skip


def agent(d: Draw) -> Group:
    """Active, passive and clefts, with the roles as they were or exchanged."""
    (one, other), verb, when = people(d), d.word(lex.DEALINGS), d.word(lex.TIMES)

    def ways(one: str, other: str) -> Ways:
        return placed((*transitive(one, verb, other), *clefts(one, verb, other)), when)

    return compared(d, ways(one, other), ways(other, one))


def taker(d: Draw) -> Group:
    """The dative alternation, with giver and taker as they were or exchanged."""
    gave, things = d.word(GIVING)
    (one, other), thing = people(d), f"a {d.word(nouns(things)).singular}"
    when = d.word(lex.TIMES)
    truth, lie = gift(one, gave, thing, other), gift(other, gave, thing, one)
    return compared(d, placed(truth, when), placed(lie, when))


def trade(d: Draw) -> Group:
    """If one sells, the other buys."""
    trade, things = d.word(TRADES)
    (one, other), thing = people(d), f"a {d.word(nouns(things)).singular}"
    when = d.word(lex.TIMES)
    truth, lie = sale(one, trade, thing, other), sale(other, trade, thing, one)
    return compared(d, placed(truth, when), placed(lie, when))


def order(d: Draw) -> Group:
    """What came before and what after."""
    one, other = people(d)
    first, second = f"{one} {d.word(lex.DOINGS).past}", f"{other} {action(d).past}"
    return compared(d, sequence(first, second), sequence(second, first))


def cause(d: Draw) -> Group:
    """What was the cause and what the effect."""
    first, second = d.words(TRENDS, 2)
    return compared(d, causation(first, second), causation(second, first))


def speaker(d: Draw) -> Group:
    """Who told whom."""
    (one, other), news = people(d), d.word(NEWS)

    def ways(one: str, other: str) -> Ways:
        return (
            f"{one} told {other} that {news}",
            f"{news}, {one} told {other}",
            f"{other} was told by {one} that {news}",
            f"{other} heard from {one} that {news}",
        )

    return compared(d, ways(one, other), ways(other, one))


def comparison(d: Draw) -> Group:
    """If one is older, the other is younger."""
    (one, other), (more, less) = people(d), d.shuffled(d.word(lex.COMPARATIVES))

    def ways(one: str, other: str) -> Ways:
        return (f"{one} was {more} than {other}", f"{other} was {less} than {one}")

    source = d.word(SOURCES)
    return compared(d, reported(ways(one, other), source), reported(ways(other, one), source))


def pairing(d: Draw) -> Group:
    """Two people and two deeds: who did which."""
    one, other = people(d)
    deed, another = action(d).past, f"{d.word(lex.DOINGS).past} {d.word(lex.PLACES)}"

    def ways(one: str, other: str) -> Ways:
        return (
            f"{one} {deed} and {other} {another}",
            f"{other} {another} and {one} {deed}",
            f"while {other} {another}, {one} {deed}",
        )

    return compared(d, ways(one, other), ways(other, one))


def attachment(d: Draw) -> Group:
    """Whom a relative clause is about."""
    one, other = (f"the {noun.singular}" for noun in d.words(lex.PEOPLE, 2))
    verb, owns = d.word(lex.DEALINGS), d.word(BELONGINGS)

    def ways(one: str, other: str, about: str) -> Ways:
        told = (way.replace(about, f"{about}, who {owns},") for way in transitive(one, verb, other))
        return tuple(way.rstrip(",") for way in told)  # the comma gives way to the full stop

    return compared(d, ways(one, other, one), ways(one, other, other))


ROLES: tuple[Phenomenon, ...] = (
    agent,
    taker,
    trade,
    order,
    cause,
    speaker,
    comparison,
    pairing,
    attachment,
)
