"""How many, of what kind, and what is allowed: scales, and directions of generalizing."""

from __future__ import annotations

from collections.abc import Sequence

from miniglue import lexicon as lex
from miniglue.grammar import Draw
from miniglue.inference.verdicts import Inference, Pair, Verdicts, monotone
from miniglue.phrases import person

QUALITIES = ("young", "old", "tall", "rich", "foreign", "local", "famous", "retired")
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# What each quantity entails and what it excludes; the rest it leaves open.
QUANTITIES = Verdicts(
    entailed=(
        ("all of the", "some of the"),
        ("all of the", "most of the"),
        ("most of the", "some of the"),
        ("none of the", "not all of the"),
        ("all of the", "at least half of the"),
    ),
    neutral=(
        ("some of the", "all of the"),
        ("most of the", "all of the"),
        ("some of the", "most of the"),
        ("not all of the", "none of the"),
        ("at least half of the", "all of the"),
    ),
    contradicted=(
        ("all of the", "not all of the"),
        ("not all of the", "all of the"),
        ("all of the", "none of the"),
        ("none of the", "all of the"),
        ("some of the", "none of the"),
        ("none of the", "some of the"),
        ("none of the", "most of the"),
        ("most of the", "none of the"),
    ),
)
PERMISSIONS = Verdicts(
    entailed=(("must", "must"), ("may", "may"), ("must", "may"), ("must not", "must not"),
              ("need not", "need not"), ("must not", "need not")),
    neutral=(("may", "must"), ("need not", "must not")),
    contradicted=(("must", "need not"), ("must", "must not"), ("may", "must not"),
                  ("must not", "may"), ("must not", "must"), ("need not", "must")),
)  # fmt: skip
# Three ways to say each.
MODALS = {
    "must": ("must", "have to", "are required to"),
    "may": ("may", "are allowed to", "are permitted to"),
    "must not": ("must not", "are not allowed to", "are forbidden to"),
    "need not": ("need not", "do not have to", "are not required to"),
}
SUBJECTS = ("visitors", "guests", "members", "employees", "students", "tourists", "tenants",
            "volunteers")  # fmt: skip
RULES = (
    "leave their bags at the door",
    "use the side entrance",
    "wear a name badge",
    "pay the whole sum in cash",
    "bring their own lunch",
    "park behind the building",
    "take off their shoes",
    "book a table in advance",
    "keep a copy of the form",
    "stay until the end",
    "wait in the lobby",
    "take the stairs",
    "speak to the driver",
    "open the windows",
    "travel by train",
    "sign the guest book",
)


def scale(d: Draw) -> Verdicts:
    """ "all" implies "most" implies "some"; "none" implies "not all"."""
    rest = f"{d.word(lex.PEOPLE).plural} {d.word(lex.DOINGS).past} {d.word(lex.PLACES)}"

    def about(pairs: Sequence[Pair]) -> list[Pair]:
        return [(f"{one} {rest}", f"{other} {rest}") for one, other in pairs]

    return Verdicts(*map(about, QUANTITIES))


def permission(d: Draw) -> Verdicts:
    """What one must do one may do; what one may do one need not."""
    who, rule = d.word(SUBJECTS), d.word(RULES)

    def about(pairs: Sequence[Pair]) -> list[Pair]:
        one, other = d.one(pairs)
        here = d.one(MODALS[one])
        there = d.one([words for words in MODALS[other] if words != here])
        return [(f"{who} {here} {rule}", f"{who} {there} {rule}")]

    return Verdicts(*map(about, PERMISSIONS))


def category(d: Draw) -> Verdicts:
    """Every dog is an animal, but not the other way round."""
    kind, group = d.word(lex.KINDS), d.word(lex.PEOPLE).plural
    member, done, when = d.word(kind.members).singular, d.one(kind.done), d.word(lex.TIMES)
    return monotone(
        f"one of the {group} {done}",
        f"none of the {group} {done}",
        f"a {member} {when}",
        f"a {kind.name.singular} {when}",
    )


def modifier(d: Draw) -> Verdicts:
    """Who bought an old lamp bought a lamp; who bought no old lamp may have bought one."""
    who, verb = person(d), d.word(lex.INTENDED)
    look, thing, when = d.word(lex.LOOKS), d.word(verb.objects).singular, d.word(lex.TIMES)
    narrow = d.one((f"a {look} {thing} {when}", f"a {thing} {d.word(lex.CIRCUMSTANCES)} {when}"))
    return monotone(f"{who} {verb.past}", f"{who} did not {verb.base}", narrow, f"a {thing} {when}")


def restriction(d: Draw) -> Verdicts:
    """If some young students laughed, some students did."""
    group, quality = d.word(lex.PEOPLE).plural, d.word(QUALITIES)
    rest = f"{d.word(lex.DOINGS).past} {d.word(lex.PLACES)}"
    some, no = d.one((("some of the", "none of the"), ("at least one of the", "not one of the")))
    return monotone(some, no, f"{quality} {group} {rest}", f"{group} {rest}")


def number(d: Draw) -> Verdicts:
    """ "at least four" implies "at least three", "at most three" implies "at most four"."""
    rest = f"{d.word(lex.PEOPLE).plural} {d.word(lex.DOINGS).past} {d.word(lex.PLACES)}"
    small, large = sorted(d.shuffled(range(len(NUMBERS)))[:2])
    floor, ceiling = d.one((("at least", "fewer than"), ("more than", "at most")))
    return monotone(floor, ceiling, f"{NUMBERS[large]} {rest}", f"{NUMBERS[small]} {rest}")


QUANTITIES_AND_KINDS: tuple[Inference, ...] = (
    scale,
    permission,
    category,
    modifier,
    restriction,
    number,
)
