"""Half of the RTE grammar: words that affirm, deny or suspend the clause below them.

Factive and implicative verbs are Karttunen's (1971). The hypothesis is now the clause, now
its negation, and the operator now affirmed, now negated, so that no word decides alone.
"""

from __future__ import annotations

from lottery_utils.miniglue import lexicon as lex
from lottery_utils.miniglue.grammar import Draw, Group, Phenomenon
from lottery_utils.miniglue.phrases import action, people, person
from lottery_utils.miniglue.rte.inferences import inferences

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
COMPELLED = ("was forced to", "went on to", "was seen to", "was quick to")
PREVENTED = ("refused to", "was unable to", "declined to", "was not allowed to")
INCLINED = ("planned to", "wanted to", "hoped to", "was asked to", "was ready to", "promised to")
# From strong to weak.
SCALES = (
    ("all of the", "some of the"),
    ("all of the", "most of the"),
    ("most of the", "some of the"),
    ("none of the", "not all of the"),
    ("all of the", "at least half of the"),
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
    ("went", "gone", "home very early"),
    ("took", "taken", "a taxi home"),
    ("stayed", "stayed", "in the hotel"),
    ("walked", "walked", "to the station"),
    ("left", "left", "without a word"),
    ("called", "called", "an old friend"),
    ("waited", "waited", "in the hall"),
    ("wrote", "written", "an angry letter"),
)
HINDRANCES = ("tired", "busy", "nervous", "ill", "angry", "hungry", "shy", "sleepy")


def factivity(d: Draw) -> Group:
    """What one knew is true, also if one did not know it; what one believed may not be."""
    (knew, know), (believed, believe) = d.word(FACTIVE), d.word(NOT_FACTIVE)
    who, doer = people(d)
    what, when = action(d), d.word(lex.TIMES)
    fact, hypothesis = f"that {doer} had {what.participle} {when}", f"{doer} had {what.participle}"
    return inferences(
        [(f"{who} {knew} {fact}", hypothesis), (f"{who} did not {know} {fact}", hypothesis)],
        [
            (f"{who} {believed} {fact}", hypothesis),
            (f"{who} did not {believe} {fact}", hypothesis),
        ],
    )


def implicative(d: Draw) -> Group:
    """Who managed did it, who failed did not; with a negation the other way round."""
    managed, failed = d.word(SUCCEEDING), d.word(FAILING)
    who, what, when = person(d), action(d), d.word(lex.TIMES)
    did, end = f"{who} {what.past} {when}", f"to {what.base} {when}"
    return inferences(
        [(f"{who} had {managed} {end}", did), (f"{who} had not {failed} {end}", did)],
        [(f"{who} had {failed} {end}", did), (f"{who} had not {managed} {end}", did)],
    )


def attempt(d: Draw) -> Group:
    """Who was forced did it, who refused did not; of who wanted to we know neither."""
    who, what, when = person(d), action(d), d.word(lex.TIMES)
    did, did_not = f"{who} {what.past} {when}", f"{who} did not {what.base} {when}"
    yes, no, maybe = (
        f"{who} {d.word(v)} {what.base} {when}" for v in (COMPELLED, PREVENTED, INCLINED)
    )
    return inferences(
        [(yes, did), (no, did_not)], [(maybe, did), d.one(((no, did), (yes, did_not)))]
    )


def denial(d: Draw) -> Group:
    """A scene and its negation, in the active and in the passive."""
    who, verb, when = person(d), d.word(lex.INTENDED), d.word(lex.TIMES)
    thing, how = f"the {d.word(verb.objects).singular}", d.word(lex.CIRCUMSTANCES)
    did, was = f"{who} {verb.past} {thing}", f"{thing} was {verb.participle} by {who}"
    did_not = f"{who} did not {verb.base} {thing}"
    was_not = f"{thing} was not {verb.participle} by {who}"
    scene, blank = f"{did} {how} {when}", f"{did_not} {when}"
    yes, no = f"{d.one((did, was))} {when}", f"{d.one((did_not, was_not))} {when}"
    return inferences([(scene, yes), (blank, f"{was_not} {when}")], [(scene, no), (blank, yes)])


def connective(d: Draw) -> Group:
    """ "both" gives each, "either" gives none; a negation turns this round."""
    who, verb, when = person(d), d.word(lex.ACTIONS), d.word(lex.TIMES)
    first, second = (f"the {noun.singular}" for noun in d.words(verb.objects, 2))
    did, did_not = f"{who} {verb.past}", f"{who} did not {verb.base}"
    both, either = f"both {first} and {second} {when}", f"either {first} or {second} {when}"
    kept = f"{d.one((first, second))} {when}"
    return inferences(
        [(f"{did} {both}", f"{did} {kept}"), (f"{did_not} {either}", f"{did_not} {kept}")],
        [(f"{did} {either}", f"{did} {kept}"), (f"{did_not} {both}", f"{did_not} {kept}")],
    )


def exception(d: Draw) -> Group:
    """ "everybody but Mary" leaves Mary out, "nobody but Mary" leaves her in."""
    who, doing, where = person(d), d.word(lex.DOINGS), d.word(lex.PLACES)
    did = f"{who} {doing.past} {where}"
    rest = f"{d.one(('but', 'except'))} {did}"
    return inferences([(f"nobody {rest}", did)], [(f"everybody {rest}", did)])


def substitution(d: Draw) -> Group:
    """ "instead of" takes back what "as well as" adds."""
    who, verb, when = person(d), d.word(lex.INTENDED), d.word(lex.TIMES)
    first, second = (f"the {noun.singular}" for noun in d.words(verb.objects, 2))
    did = f"{who} {verb.past}"
    instead = f"{did} {first} {d.one(('instead of', 'rather than'))} {second} {when}"
    also = f"{did} {first} {d.one(('as well as', 'along with'))} {second} {when}"
    return inferences([(also, f"{did} {second} {when}")], [(instead, f"{did} {second} {when}")])


def scale(d: Draw) -> Group:
    """ "all" implies "most" implies "some"; "none" implies "not all"."""
    strong, weak = d.one(SCALES)
    rest = f"{d.word(lex.PEOPLE).plural} {d.word(lex.DOINGS).past} {d.word(lex.PLACES)}"
    strong, weak = f"{strong} {rest}", f"{weak} {rest}"
    return inferences([(strong, weak)], [(weak, strong)])


def reason(d: Draw) -> Group:
    """ "because" affirms what it explains; "would have" denies it (Lewis 1973)."""
    who, (past, participle, end) = person(d), d.word(REACTIONS)
    fact, otherwise = d.word(REASONS)
    did = f"{who} {past} {end}"
    would = f"{who} would have {participle} {end} if {otherwise}"
    return inferences([(f"{did} because {fact}", did)], [(would, did)])


def time_clause(d: Draw) -> Group:
    """What came "after it happened" presupposes it; what came "before it could" does not."""
    who, doer = people(d)
    does, what, when = d.word(lex.DOINGS).past, action(d), d.word(lex.TIMES)
    did = f"{doer} {what.past} {when}"
    after = f"{who} {does} {d.one(('after', 'when'))} {did}"
    before = f"{who} {does} before {doer} could {what.base} {when}"
    return inferences([(after, did)], [(before, did)])


def hindrance(d: Draw) -> Group:
    """Who is too tired to do it does not do it; who is tired may do it all the same."""
    who, what, when = person(d), action(d), d.word(lex.TIMES)
    tired, did = d.word(HINDRANCES), f"{who} {what.past} {when}"
    too = f"{who} was too {tired} to {what.base} {when}"
    anyway = f"{who} was {tired} but {what.past} {when} anyway"
    return inferences([(anyway, did)], [(too, did)])


OPERATORS: tuple[Phenomenon, ...] = (
    factivity,
    implicative,
    attempt,
    denial,
    connective,
    exception,
    substitution,
    scale,
    reason,
    time_clause,
    hindrance,
)
