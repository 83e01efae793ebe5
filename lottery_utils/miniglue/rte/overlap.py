"""The other half of the RTE grammar: traps for whoever counts shared words.

In most of these the hypothesis has no word that the premise has not, whether it follows
or not: what matters is who did what to whom (McCoy et al. 2019), and in which direction
one may generalize (van Benthem 1986).
"""

from __future__ import annotations

from lottery_utils.miniglue import lexicon as lex
from lottery_utils.miniglue.grammar import Draw, Group, Phenomenon
from lottery_utils.miniglue.phrases import action, people, person
from lottery_utils.miniglue.rte.inferences import inferences
from lottery_utils.miniglue.spelling import nouns

CONVERSES = (
    ("sold", "bought", "house car piano boat farm"),
    ("lent", "borrowed", "ladder bicycle umbrella tent novel"),
    ("gave", "got", "ring book ticket map"),
    ("rented", "leased", "house garage boat shop"),
    ("handed", "took", "key plate letter knife"),
)
OPPOSITES = (
    ("older", "younger"),
    ("taller", "shorter"),
    ("richer", "poorer"),
    ("stronger", "weaker"),
    ("faster", "slower"),
    ("heavier", "lighter"),
)
QUALITIES = ("young", "old", "tall", "rich", "foreign", "local", "famous", "retired")
NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def detail(d: Draw) -> Group:
    """A scene retold with less detail, faithfully or with one detail changed."""
    (who, other), (when, then) = people(d), d.words(lex.TIMES, 2)
    verb, (how, so) = d.word(lex.INTENDED), d.words(lex.CIRCUMSTANCES, 2)
    thing, another = (f"the {noun.singular}" for noun in d.words(verb.objects, 2))
    premise = f"{who} {verb.past} {thing} {how} {when}"
    faithful = f"{who} {verb.past} {thing} {d.one((when, how))}"
    changed = (
        f"{other} {verb.past} {thing} {when}",
        f"{who} {verb.past} {another} {when}",
        f"{who} {verb.past} {thing} {then}",
        f"{who} {verb.past} {thing} {so}",
    )
    return inferences([(premise, faithful)], [(premise, d.one(changed))])


def passive(d: Draw) -> Group:
    """Active and passive name the same roles in opposite orders."""
    one, other = people(d)
    dealt, when = d.word(lex.DEALINGS), d.word(lex.TIMES)

    def told(agent: str, patient: str, active: bool) -> str:
        if active:
            return f"{agent} {dealt.past} {patient} {when}"
        return f"{patient} was {dealt.participle} by {agent} {when}"

    active = d.coin()
    premise = told(one, other, active)
    return inferences(
        [(premise, told(one, other, not active))], [(premise, told(other, one, d.coin()))]
    )


def converse(d: Draw) -> Group:
    """If one sells, the other buys."""
    sold, bought, things = d.one(CONVERSES)
    one, other = people(d)
    thing, when = f"the {d.word(nouns(things)).singular}", d.word(lex.TIMES)
    sale = f"{one} {sold} {thing} to {other} {when}"
    purchase = f"{other} {bought} {thing} from {one} {when}"
    resale = f"{other} {sold} {thing} to {one} {when}"
    entailed, trap = d.one(
        (((sale, purchase), (resale, purchase)), ((purchase, sale), (purchase, resale)))
    )
    return inferences([entailed], [trap])


def relative_clause(d: Draw) -> Group:
    """Who did what, when a relative clause stands between subject and verb."""
    one, other = (f"the {noun.singular}" for noun in d.words(lex.PEOPLE, 2))
    dealt, did, where = d.word(lex.DEALINGS).past, d.word(lex.DOINGS).past, d.word(lex.PLACES)
    inside = d.one((f"who {dealt} {other}", f"who {other} {dealt}"))
    premise = f"{one} {inside} {did} {where}"
    return inferences([(premise, f"{one} {did} {where}")], [(premise, f"{other} {did} {where}")])


def clause_boundary(d: Draw) -> Group:
    """What follows "and" may be a second object or the subject of a new clause."""
    one, other, third = people(d, 3)
    dealt, did, where = d.word(lex.DEALINGS).past, d.word(lex.DOINGS).past, d.word(lex.PLACES)
    new_clause = f"{one} {dealt} {other} and {third} {did} {where}"
    two_objects = f"{one} {dealt} {other} and {third} {where}"
    hypothesis = f"{one} {dealt} {third} {where}"
    return inferences([(two_objects, hypothesis)], [(new_clause, hypothesis)])


def _monotone(d: Draw, upward: str, downward: str, narrow: str, wide: str) -> Group:
    """From narrow to wide under an upward operator, from wide to narrow under a downward one."""
    operator, less, more = d.one(((upward, narrow, wide), (downward, wide, narrow)))
    less, more = f"{operator} {less}", f"{operator} {more}"
    return inferences([(less, more)], [(more, less)])


def modifier(d: Draw) -> Group:
    """Who bought an old lamp bought a lamp; who bought no old lamp may have bought one."""
    who, verb = person(d), d.word(lex.INTENDED)
    look, thing, when = d.word(lex.LOOKS), d.word(verb.objects).singular, d.word(lex.TIMES)
    narrow = d.one((f"a {look} {thing} {when}", f"a {thing} {d.word(lex.CIRCUMSTANCES)} {when}"))
    return _monotone(
        d, f"{who} {verb.past}", f"{who} did not {verb.base}", narrow, f"a {thing} {when}"
    )


def category(d: Draw) -> Group:
    """Every dog is an animal, but not the other way round."""
    kind, group = d.word(lex.KINDS), d.word(lex.PEOPLE)
    member, done, when = d.word(kind.members).singular, d.one(kind.done), d.word(lex.TIMES)
    some, none = d.one(
        (
            (f"the {group.singular} {done}", f"no {group.singular} {done}"),
            (f"one of the {group.plural} {done}", f"none of the {group.plural} {done}"),
        )
    )
    return _monotone(d, some, none, f"a {member} {when}", f"a {kind.name.singular} {when}")


def restriction(d: Draw) -> Group:
    """What holds of all students holds of all young ones; with "some" it is reversed."""
    group, quality = d.word(lex.PEOPLE).plural, d.word(QUALITIES)
    rest = f"{d.word(lex.DOINGS).past} {d.word(lex.PLACES)}"
    some = d.one(("some of the", "several of the", "at least two of the"))
    every = d.one(("all of the", "none of the", "not one of the"))
    return _monotone(d, some, every, f"{quality} {group} {rest}", f"{group} {rest}")


def number(d: Draw) -> Group:
    """ "at least four" implies "at least three", "at most three" implies "at most four"."""
    rest = f"{d.word(lex.PEOPLE).plural} {d.word(lex.DOINGS).past} {d.word(lex.PLACES)}"
    small, large = sorted(d.shuffled(range(len(NUMBERS)))[:2])
    floor, ceiling = d.one((("at least", "at most"), ("more than", "fewer than")))
    return _monotone(d, floor, ceiling, f"{NUMBERS[large]} {rest}", f"{NUMBERS[small]} {rest}")


def order_in_time(d: Draw) -> Group:
    """If one thing came before another, the other came after it."""
    one, other = people(d)
    first, second = d.shuffled((f"{one} {d.word(lex.DOINGS).past}", f"{other} {action(d).past}"))
    before, after = d.one((("before", "after"), ("after", "before")))
    premise = f"{first} {before} {second}"
    return inferences(
        [(premise, f"{second} {after} {first}")], [(premise, f"{second} {before} {first}")]
    )


def comparison(d: Draw) -> Group:
    """If one is older than another and that one than a third, the third is the youngest."""
    one, two, three = people(d, 3)
    more, less = d.shuffled(d.one(OPPOSITES))
    premise = f"{one} is {more} than {two}, and {two} is {more} than {three}"
    truth, lie = d.one(
        (
            (f"{one} is {more} than {three}", f"{three} is {more} than {one}"),
            (f"{three} is {less} than {one}", f"{one} is {less} than {three}"),
        )
    )
    return inferences([(premise, truth)], [(premise, lie)])


OVERLAP: tuple[Phenomenon, ...] = (
    detail,
    passive,
    converse,
    relative_clause,
    clause_boundary,
    modifier,
    category,
    restriction,
    number,
    order_in_time,
    comparison,
)
