"""Half of the MRPC grammar: whether other words are other words for the same.

In each of these a sentence is retold with one thing called by another name or exchanged
for another thing, often in another order too.
"""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.alternations import Ways, gathered, placed, reported, reworded, transitive
from miniglue.grammar import Draw, Group, Phenomenon
from miniglue.mrpc.judgments import compared
from miniglue.phrases import person
from miniglue.synonyms import DOMAINS, FATES, NUMBERS, PERSONS, Deed, clusters

SOURCES = (
    "the police", "the mayor", "a spokesman", "the local paper", "an eyewitness",
    "the news agency", "an official", "the radio station",
)  # fmt: skip
FIGURES = clusters(
    """
    earnings, profits
    wages, salaries
    car sales, sales of cars
    oil prices, the price of oil
    house prices, the price of houses
    rents, the price of housing
    the jobless rate, unemployment
    public spending, government spending
    """
)
CHANGES = clusters(
    """
    rose by, went up by, increased by, climbed by
    fell by, went down by, decreased by, dropped by
    """
)
SHARES = clusters(
    """
    a tenth, 10 percent
    a fifth, 20 percent
    a quarter, 25 percent
    a third, 33 percent
    half, 50 percent
    three quarters, 75 percent
    """
)
SEASONS = clusters(
    """
    in the fall, in autumn
    over the past year, in the last twelve months
    over the past week, in the last seven days
    in the first three months of the year, between January and March
    over the past decade, in the last ten years
    at the end of the year, in late December
    """
)
# What is so and what is not so; of each pair one holds and the other does not.
STATES = (
    ("the shop", "open", "closed"),
    ("the old bridge", "safe", "unsafe"),
    ("the suspect", "guilty", "innocent"),
    ("the last train", "late", "on time"),
    ("the missing sailor", "dead", "alive"),
    ("the front door", "locked", "unlocked"),
    ("the patient", "awake", "asleep"),
    ("the street market", "legal", "illegal"),
    ("the mayor", "present", "absent"),
    ("the famous singer", "married", "single"),
    ("the hotel", "full", "half empty"),
    ("the main road", "dry", "wet"),
)
# Doing the one is not doing the other: past, then base.
OPPOSITES = (
    (("passed", "pass"), ("failed", "fail"), "the test"),
    (("remembered", "remember"), ("forgot", "forget"), "the meeting"),
    (("attended", "attend"), ("missed", "miss"), "the wedding"),
    (("won", "win"), ("lost", "lose"), "the final game"),
    (("obeyed", "obey"), ("broke", "break"), "the law"),
    (("stayed in", "stay in"), ("left", "leave"), "the country"),
    (("kept", "keep"), ("broke", "break"), "the promise"),
    (("told", "tell"), ("hid", "hide"), "the truth"),
    (("survived", "survive"), ("died in", "die in"), "the accident"),
    (("caught", "catch"), ("missed", "miss"), "the train"),
)


def scene(d: Draw) -> Group:
    """A doctor is a physician, and no attorney; who fixes a car repairs an automobile."""
    domain, when = d.one(DOMAINS), d.word(lex.TIMES)

    def ways(agent: str, deed: Deed, thing: str) -> Ways:
        return placed(transitive(f"the {agent}", deed, f"the {thing}"), when)

    return compared(d, *reworded(d, ways, PERSONS, domain.deeds, domain.things))


def report(d: Draw) -> Group:
    """The same in the words of somebody else."""
    domain, source = d.one(DOMAINS), d.word(SOURCES)

    def ways(agent: str, deed: Deed, thing: str) -> Ways:
        return reported((f"a {agent} {deed.past} the {thing}",), source)

    return compared(d, *reworded(d, ways, PERSONS, domain.deeds, domain.things))


def count(d: Draw) -> Group:
    """Numbers in words and digits, the same or others."""
    group, where = d.word(lex.PEOPLE).plural, d.word(lex.PLACES)

    def ways(number: str, fate: str) -> Ways:
        return gathered(number, group, fate, where)

    return compared(d, *reworded(d, ways, NUMBERS, FATES))


def figure(d: Draw) -> Group:
    """What rose or fell, by how much and when."""

    def ways(figure: str, change: str, share: str, season: str) -> Ways:
        return placed((f"{figure} {change} {share}",), season)

    return compared(d, *reworded(d, ways, FIGURES, CHANGES, SHARES, SEASONS))


def state(d: Draw) -> Group:
    """ "not open" is "closed", and "not closed" is "open"."""
    what, yes, no = d.word(STATES)
    source, be = d.word(SOURCES), d.one(("was", "is"))
    truth, lie = ((f"{what} {be} {x}", f"{what} {be} not {y}") for x, y in ((yes, no), (no, yes)))
    return compared(d, reported(truth, source), reported(lie, source))


def opposite(d: Draw) -> Group:
    """Who did not fail the test passed it."""
    (did, do), (undid, undo), what = d.word(OPPOSITES)
    who, when = person(d), d.word(lex.TIMES)
    truth = (f"{who} {did} {what}", f"{who} did not {undo} {what}")
    lie = (f"{who} {undid} {what}", f"{who} did not {do} {what}")
    return compared(d, placed(truth, when), placed(lie, when))


WORDING: tuple[Phenomenon, ...] = (scene, report, count, figure)
POLARITY: tuple[Phenomenon, ...] = (state, opposite)
