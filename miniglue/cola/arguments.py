"""Verbs and the frames that they allow (Levin 1993)."""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.cola.judgments import judged
from miniglue.grammar import Draw, Group, Phenomenon
from miniglue.phrases import people, person
from miniglue.spelling import nouns

# Verbs by the frames that they allow (Levin 1993): "gave Mary the ring", "explained the
# plan to Mary" but not "explained Mary the plan".
DOUBLE_OBJECT = (
    ("gave", "book ring ticket letter"),
    ("sent", "letter map package postcard"),
    ("showed", "letter map painting room"),
    ("offered", "job chair sandwich ticket"),
    ("lent", "book bicycle ladder umbrella"),
    ("handed", "key letter plate map"),
    ("promised", "ring job ticket pony"),
    ("sold", "house bicycle piano ticket"),
)
TO_PHRASE_ONLY = (
    ("explained", "rule plan problem contract"),
    ("described", "plan painting house journey"),
    ("mentioned", "problem plan rumor letter"),
    ("announced", "decision plan result winner"),
    ("demonstrated", "method machine trick camera"),
    ("donated", "painting piano bicycle statue"),
    ("revealed", "secret plan mistake recipe"),
    ("returned", "book key ladder umbrella"),
)
# "Ann broke the vase", "the vase broke"; "Ann built the wall", not "the wall built";
# "the leaf fell", not "Ann fell the leaf".
ALTERNATING = (
    ("broke", "vase window plate mirror"),
    ("opened", "door gate window box"),
    ("closed", "door gate window box"),
    ("burned", "letter candle toast map"),
    ("bounced", "ball coin"),
    ("rolled", "ball barrel wheel coin"),
    ("sank", "boat ship raft"),
    ("moved", "table piano statue ladder"),
)
CAUSED_ONLY = (
    ("destroyed", "letter map bridge tower"),
    ("built", "wall boat house tower"),
    ("carried", "box ladder lamp suitcase"),
    ("found", "coin key ring wallet"),
    ("stole", "painting statue bicycle ring"),
    ("bought", "piano vase table candle"),
    ("lost", "ticket wallet key ball"),
    ("fetched", "blanket lamp ladder plate"),
)
HAPPENING_ONLY = (
    ("fell", "vase plate ladder box"),
    ("vanished", "coin letter statue ring"),
    ("appeared", "ship boat ghost"),
    ("arrived", "letter package piano ship"),
)
PARTICLE_VERBS = (
    ("picked up", "coin letter hat box"),
    ("threw away", "ticket letter shoe map"),
    ("put down", "book suitcase lamp plate"),
    ("took off", "hat coat ring jacket"),
    ("turned on", "radio lamp oven machine"),
    ("gave back", "ladder key umbrella camera"),
    ("wrote down", "number address name recipe"),
    ("tore up", "letter contract map ticket"),
)
WHEN = ("yesterday evening", "last night", "on Monday", "this morning", "two days ago", "in May")
RAISING = ("seemed", "appeared", "happened", "continued", "turned out")
CONTROL = ("tried", "wanted", "hoped", "decided", "refused", "agreed")
OCCASIONS = ("at the meeting", "at the party", "at the dinner", "in public")


def _frame(d: Draw, table: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    verb, things = d.word(table)
    return verb, f"the {d.word(nouns(things)).singular}"


def dative_alternation(d: Draw) -> Group:
    """Only some verbs of giving and telling allow the double object."""
    (gives, gift), (tells, topic) = _frame(d, DOUBLE_OBJECT), _frame(d, TO_PHRASE_ONLY)
    giver, taker = people(d)
    when = d.word(WHEN)
    return judged(
        [
            f"{giver} {gives} {taker} {gift} {when}",
            f"{giver} {gives} {gift} to {taker} {when}",
            f"{giver} {tells} {topic} to {taker} {when}",
        ],
        [f"{giver} {tells} {taker} {topic} {when}"],
    )


def causative_alternation(d: Draw) -> Group:
    """Only some verbs of change can be used with and without a causer."""
    who, when, how = person(d), d.word(WHEN), d.one(("finally", "suddenly", "almost"))
    both, thing = _frame(d, ALTERNATING)
    causes, effect = _frame(d, CAUSED_ONLY)
    happens, event = _frame(d, HAPPENING_ONLY)
    only_caused = d.coin()
    third = f"{who} {how} {causes} {effect}" if only_caused else f"{event} {how} {happens}"
    wrong = f"{effect} {how} {causes}" if only_caused else f"{who} {how} {happens} {event}"
    return judged(
        [f"{who} {how} {both} {thing} {when}", f"{thing} {how} {both} {when}", f"{third} {when}"],
        [f"{wrong} {when}"],
    )


def passive(d: Draw) -> Group:
    """ "was" takes the agent behind "by", "had" the object without."""
    agent, patient = people(d)
    done, when = d.word(lex.DEALINGS).participle, d.word(WHEN)
    return judged(
        [f"{patient} was {done} by {agent} {when}", f"{agent} had {done} {patient} {when}"],
        [f"{patient} was {done} {agent} {when}", f"{agent} had {done} by {patient} {when}"],
    )


def particle_place(d: Draw) -> Group:
    """A pronoun stands before the particle, a noun on either side."""
    phrase, thing = _frame(d, PARTICLE_VERBS)
    verb, particle = phrase.split()
    who, when = person(d), d.word(WHEN)
    return judged(
        [f"{who} {verb} it {particle} {when}", f"{who} {verb} {particle} {thing} {when}"],
        [f"{who} {verb} {particle} it {when}"],
    )


def raising(d: Draw) -> Group:
    """ "seem" takes an empty subject, "try" does not."""
    when = d.word(WHEN)
    seems, tries = d.one(RAISING), d.one(CONTROL)
    who, quality = person(d), d.word(("polite", "helpful", "careful", "friendly", "brave"))
    trouble = d.word(("problem with the engine", "mouse in the kitchen", "mistake in the report",
                      "ghost in the castle", "hole in the roof", "spy at the party"))  # fmt: skip
    return judged(
        [
            f"there {seems} to be a {trouble} {when}",
            f"{who} {d.one((seems, tries))} to be {quality} {d.word(OCCASIONS)}",
        ],
        [f"there {tries} to be a {trouble} {when}"],
    )


ARGUMENTS: tuple[Phenomenon, ...] = (
    dative_alternation,
    causative_alternation,
    passive,
    particle_place,
    raising,
)
