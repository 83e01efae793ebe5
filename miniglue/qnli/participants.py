"""Questions about who and what: is the role that they ask for filled, and by whom?"""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.grammar import Draw, Group, Phenomenon
from miniglue.inference.scenes import SIGHTS
from miniglue.phrases import people, person
from miniglue.qnli.answers import crossed
from miniglue.spelling import nouns

NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve")
TRADES = (
    ("sold", "bought", "house car piano boat farm lamp"),
    ("lent", "borrowed", "ladder bicycle umbrella tent novel drum"),
    ("gave away", "received", "ring book ticket map coin necklace"),
)
SOME = ("some", "a few", "several", "many")
MONUMENTS = (
    "museum", "school", "bridge", "church", "theater", "library", "castle", "hospital", "hotel",
    "market hall", "city hall", "train station", "lighthouse", "windmill", "monastery", "harbor",
)  # fmt: skip
WORKS = (
    ("built", "rebuilt"), ("founded", "closed"), ("opened", "restored"), ("designed", "finished"),
    ("damaged", "repaired"), ("sold", "renamed"), ("planned", "painted"), ("bought", "enlarged"),
)  # fmt: skip
CITIES = ("Boston", "Paris", "Vienna", "Cairo", "Oslo", "Lima", "Madrid", "Dublin", "Prague",
          "Toronto", "Athens", "Mumbai")  # fmt: skip
FAMILY_NAMES = ("Walker", "Keller", "Rossi", "Novak", "Silva", "Larsen", "Tanaka", "Murphy",
                "Fischer", "Kovacs", "Costa", "Baker")  # fmt: skip


def agent_or_patient(d: Draw) -> Group:
    """ "Who praised the nurse?" is not answered by whom the nurse praised."""
    here, one, other = people(d, 3)
    verb, when = d.word(lex.DEALINGS), d.word(lex.TIMES)
    asked = f"who {verb.past} {here} {when}?"
    asked_for_patient = d.one(
        (f"who did {here} {verb.base} {when}?", f"who was {verb.participle} by {here} {when}?")
    )
    told = d.one((f"{one} {verb.past} {here}", f"{here} was {verb.participle} by {one}"))
    told_of_patient = d.one(
        (f"{here} {verb.past} {other}", f"{other} was {verb.participle} by {here}")
    )
    return crossed((asked, f"{told} {when}"), (asked_for_patient, f"{told_of_patient} {when}"))


def trader(d: Draw) -> Group:
    """ "Who sold the house?" is answered by from whom it was bought."""
    sold, bought, things = d.one(TRADES)
    seller, buyer = people(d)
    thing, when = f"the {d.word(nouns(things)).singular}", d.word(lex.TIMES)
    by_seller = (f"someone {bought} {thing} from {seller}", f"{seller} {sold} {thing}")
    by_buyer = (f"someone {sold} {thing} to {buyer}", f"{buyer} {bought} {thing}")
    return crossed(
        (f"who {sold} {thing} {when}?", f"{d.one(by_seller)} {when}"),
        (f"who {bought} {thing} {when}?", f"{d.one(by_buyer)} {when}"),
    )


def member_of_kind(d: Draw) -> Group:
    """ "Which bird did the nurse see?" is answered by an owl and not by a rose."""
    one, other = d.words(lex.KINDS, 2)
    who, (saw, see), when = person(d), d.word(SIGHTS), d.word(lex.TIMES)
    which = d.one(("which", "what kind of"))
    return crossed(
        *(
            (
                f"{which} {kind.name.singular} did {who} {see} {when}?",
                f"{who} {saw} a {d.word(kind.members).singular} {when}",
            )
            for kind in (one, other)
        )
    )


def amount(d: Draw) -> Group:
    """Of two kinds of things, the sentence gives the number of one."""
    who, verb, when = person(d), d.word(lex.ACTIONS), d.word(lex.TIMES)
    first, second = (noun.plural for noun in d.words(verb.objects, 2))
    number, some = d.word(NUMBERS), d.one(SOME)
    counted, uncounted = (
        f"{number} {first} and {some} {second}",
        f"{some} {first} and {number} {second}",
    )
    return crossed(
        (f"how many {first} did {who} {verb.base} {when}?", f"{who} {verb.past} {counted} {when}"),
        (
            f"how many {second} did {who} {verb.base} {when}?",
            f"{who} {verb.past} {uncounted} {when}",
        ),
    )


def other_event(d: Draw) -> Group:
    """Of two things that two people did, the sentence dates one."""
    one, other = people(d)
    verb, another = d.words(lex.INTENDED, 2)
    thing, another_thing = (f"the {d.word(v.objects).singular}" for v in (verb, another))
    when = d.word(lex.TIMES)
    first, second = f"{one} {verb.past} {thing}", f"{other} {another.past} {another_thing}"
    return crossed(
        (f"when did {one} {verb.base} {thing}?", f"{first} {when}, and {second}"),
        (f"when did {other} {another.base} {another_thing}?", f"{second} {when}, and {first}"),
    )


def history(d: Draw) -> Group:
    """What is said of a building: the year, the city or the person may belong to another event."""
    (built, restored), city = d.one(WORKS), d.word(CITIES)
    thing = f"the {d.word(MONUMENTS)}"
    year, who = f"{d.one(range(1500, 1990))}", f"{d.word(lex.NAMES)} {d.word(FAMILY_NAMES)}"
    asked = d.one((("when was", f"in {year}"), ("by whom was", f"by {who}")))
    question, answer = asked
    return crossed(
        (f"{question} {thing} {built}?", f"{thing}, {built} {answer}, was {restored} in {city}"),
        (f"{question} {thing} {restored}?", f"{thing}, {built} in {city}, was {restored} {answer}"),
    )


def relative_clause(d: Draw) -> Group:
    """The pronoun of a relative clause may be its subject or its object."""
    one, other = (f"the {noun.singular}" for noun in d.words(lex.PEOPLE, 2))
    verb, when = d.word(lex.DEALINGS), d.word(lex.TIMES)
    did = f"{d.word(lex.DOINGS).past} {d.word(lex.PLACES)}"
    return crossed(
        (f"who {verb.past} {other} {when}?", f"{one} who {verb.past} {other} {when} {did}"),
        (f"who did {other} {verb.base} {when}?", f"{one} who {other} {verb.past} {when} {did}"),
    )


def superlative(d: Draw) -> Group:
    """Two comparisons name the first of three, or the last, not both."""
    one, two, three = people(d, 3)
    more, less = d.shuffled(d.one(lex.COMPARATIVES))
    return crossed(
        (
            f"who is {more} than both of the others?",
            f"{one} is {more} than {two}, and {one} is {more} than {three}",
        ),
        (
            f"who is {less} than both of the others?",
            f"{two} is {more} than {one}, and {three} is {more} than {one}",
        ),
    )


PARTICIPANTS: tuple[Phenomenon, ...] = (
    agent_or_patient,
    trader,
    member_of_kind,
    amount,
    other_event,
    history,
    relative_clause,
    superlative,
)
