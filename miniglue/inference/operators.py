"""Words that affirm, deny or suspend the clause below them.

Factive and implicative verbs are Karttunen's (1971). The hypothesis is now the clause, now
its negation, and the operator now affirmed, now negated, so that no word decides alone.
"""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.grammar import Draw
from miniglue.inference.verdicts import Clause, Inference, Verdicts, settled, usually
from miniglue.phrases import action, people, person

FACTIVE = (
    ("knew", "know"),
    ("realized", "realize"),
    ("discovered", "discover"),
    ("remembered", "remember"),
    ("noticed", "notice"),
    ("learned", "learn"),
)
NOT_FACTIVE = (
    ("believed", "believe"),
    ("thought", "think"),
    ("claimed", "claim"),
    ("suspected", "suspect"),
    ("said", "say"),
    ("assumed", "assume"),
)
SUCCEEDING = ("managed", "remembered", "bothered", "troubled")
FAILING = ("failed", "forgotten", "neglected", "omitted")
INTENDING = ("planned", "wanted", "hoped", "promised", "offered", "intended")
CERTAIN = ("it is true that", "it is a fact that", "it is certain that", "it turned out that")
DENIED = ("it is not true that", "it is false that", "it is a lie that", "it is untrue that")
POSSIBLE = (
    "it is possible that",
    "it is not certain that",
    "it is likely that",
    "it is not impossible that",
    "there is a rumor that",
)
REASONS = (
    ("it was raining", "it had not been raining"),
    ("the train was late", "the train had not been late"),
    ("the shop was closed", "the shop had not been closed"),
    ("the road was icy", "the road had not been icy"),
    ("the music was loud", "the music had not been so loud"),
    ("the bridge was closed", "the bridge had not been closed"),
    ("the night was cold", "the night had not been so cold"),
    ("the bus was full", "the bus had not been full"),
)
REACTIONS = (
    ("go", "went", "gone", "home very early"),
    ("take", "took", "taken", "a taxi home"),
    ("stay", "stayed", "stayed", "in the hotel"),
    ("walk", "walked", "walked", "to the station"),
    ("leave", "left", "left", "without a word"),
    ("call", "called", "called", "an old friend"),
    ("wait", "waited", "waited", "in the hall"),
    ("write", "wrote", "written", "an angry letter"),
)
HINDRANCES = ("tired", "busy", "nervous", "ill", "angry", "hungry", "shy", "sleepy")


def factivity(d: Draw) -> Verdicts:
    """What one knew is true, also if one did not know it; what one believed may not be."""
    (knew, know), (believed, believe) = d.word(FACTIVE), d.word(NOT_FACTIVE)
    who, doer = people(d)
    what, when = action(d), d.word(lex.TIMES)
    had, had_not = f"had {what.participle}", f"had not {what.participle}"
    fact, lie = f"that {doer} {had} {when}", f"that {doer} {had_not} {when}"
    knowing = usually(d, knew, f"did not {know}")
    believing = usually(d, believed, f"did not {believe}")
    return settled(
        Clause(f"{doer} {had}", f"{doer} {had_not}"),
        true=f"{who} {knowing} {fact}",
        false=f"{who} {knowing} {lie}",
        unsettled=[f"{who} {believing} {fact}", f"{who} {believing} {lie}"],
    )


def belief(d: Draw) -> Verdicts:
    """Thinking so is what follows from believing it, whether or not it is so."""
    believed, thought = d.words(("believed", "thought", "assumed", "felt sure"), 2)
    who, doer = people(d)
    what, when = action(d), d.word(lex.TIMES)
    end, turned = f"that {doer} had {what.participle}", f"that {who} had {what.participle}"
    return settled(
        Clause(f"{who} {thought} {end}", f"{who} doubted {end}"),
        true=f"{who} {believed} {end} {when}",
        false=f"{who} did not believe {end} {when}",
        other=Clause(f"{doer} {thought} {turned}", f"{doer} doubted {turned}"),
    )


def implicative(d: Draw) -> Verdicts:
    """Who managed did it, who failed did not; with a negation the other way round."""
    managed, failed, planned = d.word(SUCCEEDING), d.word(FAILING), d.word(INTENDING)
    who, what, when = person(d), action(d), d.word(lex.TIMES)
    end = f"to {what.base} {when}"
    return settled(
        Clause(f"{who} {what.past} {when}", f"{who} did not {what.base} {when}"),
        true=f"{who} had {usually(d, managed, f'not {failed}')} {end}",
        false=f"{who} had {usually(d, failed, f'not {managed}')} {end}",
        unsettled=[f"{who} had {usually(d, planned, f'not {planned}')} {end}"],
    )


def certainty(d: Draw) -> Verdicts:
    """Some say that it is so, some that it is not, some that it may be."""
    who, what, when = person(d), action(d), d.word(lex.TIMES)
    did, did_not = f"{who} {what.past} {when}", f"{who} did not {what.base} {when}"
    yes, no, maybe = d.word(CERTAIN), d.word(DENIED), d.word(POSSIBLE)
    return settled(
        Clause(did, did_not),
        true=usually(d, f"{yes} {did}", f"{no} {did_not}"),
        false=usually(d, f"{no} {did}", f"{yes} {did_not}"),
        unsettled=[f"{maybe} {usually(d, did, did_not)}"],
    )


def connective(d: Draw) -> Verdicts:
    """ "both" affirms each of two, "neither" denies each, "either" leaves each open."""
    who, verb, when = person(d), d.word(lex.ACTIONS), d.word(lex.TIMES)
    first, second = (f"the {noun.singular}" for noun in d.words(verb.objects, 2))
    did, did_not = f"{who} {verb.past}", f"{who} did not {verb.base}"
    either = f"either {first} or {second} {when}"
    both = f"both {first} and {second} {when}"
    kept = f"{d.one((first, second))} {when}"
    return settled(
        Clause(f"{did} {kept}", f"{did_not} {kept}"),
        true=f"{did} {both}",
        false=f"{did_not} {either}",
        unsettled=[f"{did} {either}", f"{did_not} {both}"],
    )


def exception(d: Draw) -> Verdicts:
    """ "all of them but Mary" leaves Mary out, "none of them but Mary" leaves her in."""
    who, group = d.word(lex.NAMES), d.word(lex.PEOPLE).plural
    doing, where = d.word(lex.DOINGS), d.word(lex.PLACES)
    but, near = (f"{d.one(words)} {who}" for words in (("but", "except"), ("near", "behind")))
    every, none = f"all of the {group}", f"none of the {group}"
    did = f"{doing.past} {where}"
    return settled(
        Clause(f"{who} {did}", f"{who} did not {doing.base} {where}"),
        true=f"{none} {but} {did}",
        false=f"{every} {but} {did}",
        unsettled=[f"{every} {near} {did}", f"{none} {near} {did}"],
    )


def substitution(d: Draw) -> Verdicts:
    """ "instead of" takes back what "as well as" adds."""
    who, verb, when = person(d), d.word(lex.INTENDED), d.word(lex.TIMES)
    first, second = (f"the {noun.singular}" for noun in d.words(verb.objects, 2))
    did, instead = f"{who} {verb.past}", d.one(("instead of", "rather than"))
    also = d.one(("as well as", "along with"))
    return settled(
        Clause(f"{did} {second} {when}", f"{who} did not {verb.base} {second} {when}"),
        true=d.one(
            (f"{did} {second} {instead} {first} {when}", f"{did} {first} {also} {second} {when}")
        ),
        false=f"{did} {first} {instead} {second} {when}",
        unsettled=[f"{did} {first} after a look at {second} {when}"],
    )


def condition(d: Draw) -> Verdicts:
    """ "because" affirms what it explains; "would have" denies it (Lewis 1973)."""
    who, (base, past, participle, end) = person(d), d.word(REACTIONS)
    fact, otherwise = d.word(REASONS)
    did, did_not = f"{who} {past} {end}", f"{who} did not {base} {end}"
    why = f"if {otherwise}"
    link = d.one(("because", "although"))
    return settled(
        Clause(did, did_not),
        true=usually(d, f"{did} {link} {fact}", f"{who} would not have {participle} {end} {why}"),
        false=f"{who} would have {participle} {end} {why}",
        unsettled=[f"{d.one(('if', 'unless'))} {fact}, {usually(d, did, did_not)}"],
    )


def hindrance(d: Draw) -> Verdicts:
    """Who is too tired to do it does not do it; who is tired may do it all the same."""
    who, what, when = person(d), action(d), d.word(lex.TIMES)
    tired, did = d.word(HINDRANCES), f"{who} {what.past} {when}"
    return settled(
        Clause(did, f"{who} did not {what.base} {when}"),
        true=f"{who} was {tired} but {what.past} {when} anyway",
        false=f"{who} was too {tired} to {what.base} {when}",
        unsettled=[f"{who} was {tired} but had promised to {what.base} {when}"],
    )


OPERATORS: tuple[Inference, ...] = (
    factivity,
    belief,
    implicative,
    certainty,
    connective,
    exception,
    substitution,
    condition,
    hindrance,
)
