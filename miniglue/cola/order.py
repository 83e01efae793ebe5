"""What comes first in a clause, and what may move there."""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.cola.judgments import judged
from miniglue.grammar import Draw, Group, Phenomenon
from miniglue.phrases import action, people, person

WHEN = ("yesterday evening", "last night", "on Monday", "this morning", "two days ago", "in May")
HOLDING_WHAT = ("wondered", "asked", "knew", "forgot", "remembered", "explained")
SAID = ("say", "think", "believe", "claim", "suspect", "insist")
TOLD = ("rumor", "story", "news", "report")
MANNER = ("quickly", "carefully", "secretly", "slowly", "quietly", "happily")


def inversion(d: Draw) -> Group:
    """The auxiliary comes before the subject in a question, not in an embedded one."""
    asker, doer = people(d)
    verb, when, wonders = d.word(lex.ACTIONS), d.word(WHEN), d.word(HOLDING_WHAT)
    plain, inverted = f"{doer} had {verb.participle}", f"had {doer} {verb.participle}"
    return judged(
        [f"what {inverted} {when}?", f"{asker} {wonders} what {plain} {when}"],
        [f"what {plain} {when}?", f"{asker} {wonders} what {inverted} {when}"],
    )


def do_support(d: Draw) -> Group:
    """Only auxiliaries carry "not" and come first in questions; other verbs call for "do"."""
    who, verb, when = person(d), d.word(lex.ACTIONS), d.word(WHEN)
    thing = f"the {d.word(verb.objects).singular} {when}"
    wrong = d.one((f"{who} not {verb.past}", f"{who} {verb.past} not", f"{who} not {verb.base}"))
    return judged(
        [f"{who} did not {verb.base} {thing}", f"did {who} {verb.base} {thing}?"],
        [f"{wrong} {thing}", f"{verb.past} {who} {thing}?"],
    )


def auxiliary_order(d: Draw) -> Group:
    """A modal comes first, then "have", then the participle; and never two modals."""
    who, verb, when = person(d), d.word(lex.ACTIONS), d.word(WHEN)
    modal, other = d.one((("could", "must"), ("may", "will"), ("should", "can"), ("might", "may")))
    thing = f"the {d.word(verb.objects).singular}"
    wrong = d.one(
        (
            f"{who} have {modal} {verb.participle}",
            f"{who} {verb.participle} have {modal}",
            f"{who} {modal} {verb.participle} have",
        )
    )
    return judged(
        [
            f"{who} {modal} have {verb.participle} {thing} {when}",
            f"{who} {other} {verb.base} {thing}",
        ],
        [f"{wrong} {thing}", f"{who} {modal} {other} {verb.base} {thing}"],
    )


def determiner_order(d: Draw) -> Group:
    """A noun phrase has one determiner, in front of the adjective."""
    who, verb, when = person(d), d.word(lex.ACTIONS), d.word(WHEN)
    look, thing = d.word(lex.LOOKS), d.word(verb.objects).singular
    one, other = d.shuffled(("the", "this", "that", "every"))[:2]
    wrong = d.one((f"{one} {other} {look} {thing}", f"{look} {one} {thing}"))
    return judged(
        [f"{who} {verb.past} {one} {look} {thing} {when}"], [f"{who} {verb.past} {wrong} {when}"]
    )


def pronoun_case(d: Draw) -> Group:
    """ "he" is a subject and "him" an object."""
    who, deals, when = person(d), d.word(lex.DEALINGS).past, d.word(lex.TIMES)
    subject, object_ = d.one((("he", "him"), ("she", "her"), ("they", "them"), ("I", "me")))
    return judged(
        [f"{subject} {deals} {who} {when}", f"{who} {deals} {object_} {when}"],
        [f"{object_} {deals} {who} {when}", f"{who} {deals} {subject} {when}"],
    )


def adverb_place(d: Draw) -> Group:
    """Nothing stands between a verb and its object."""
    verb, who, how = d.word(lex.ACTIONS), person(d), d.word(MANNER)
    thing = f"the {d.word(lex.LOOKS)} {d.word(verb.objects).singular}"
    return judged(
        [d.one((f"{who} {how} {verb.past} {thing}", f"{who} {verb.past} {thing} {how}"))],
        [f"{who} {verb.past} {how} {thing}"],
    )


def complex_noun_island(d: Draw) -> Group:
    """No question word leaves a noun phrase with a clause in it (Ross 1967)."""
    asker, doer = people(d)
    verb, said = d.word(lex.ACTIONS), d.word(SAID)
    heard, thing = f"did {asker} hear the {d.word(TOLD)} that {doer}", d.word(verb.objects).singular
    return judged(
        [
            f"{heard} {verb.past} the {thing}?",
            f"what did {asker} {said} that {doer} {verb.past}?",
        ],
        [f"what {heard} {verb.past}?"],
    )


def relative_island(d: Draw) -> Group:
    """Nor does it leave a relative clause."""
    asker = person(d)
    verb, met = d.word(lex.ACTIONS), d.word(lex.DEALINGS)
    who, thing = d.word(lex.PEOPLE).singular, d.word(verb.objects).singular
    clause = f"the {who} who {verb.past}"
    return judged(
        [
            f"did {asker} {met.base} {clause} the {thing}?",
            f"what did {clause} the {thing} {d.word(lex.ACTIONS).base}?",
        ],
        [f"what did {asker} {met.base} {clause}?"],
    )


def polarity_item(d: Draw) -> Group:
    """ "ever" and "any" need a negation that commands them, not just any negation."""
    subject, inner = d.words(lex.PEOPLE, 2)
    dealt, what = d.word(lex.DEALINGS), action(d)
    verb = d.word(lex.ACTIONS)
    things = d.word(verb.objects).plural
    if d.coin():
        ending = f"has ever {what.participle}"
        return judged(
            [f"no {subject.singular} who the {inner.singular} {dealt.past} {ending}"],
            [f"the {subject.singular} who no {inner.singular} {dealt.past} {ending}"],
        )
    start, verb_pair = f"the {subject.singular} who", (f"{dealt.past}", f"did not {dealt.base}")
    return judged(
        [f"{start} {verb_pair[0]} the {inner.singular} did not {verb.base} any {things}"],
        [f"{start} {verb_pair[1]} the {inner.singular} {verb.past} any {things}"],
    )


ORDER: tuple[Phenomenon, ...] = (
    inversion,
    do_support,
    auxiliary_order,
    determiner_order,
    pronoun_case,
    adverb_place,
    complex_noun_island,
    relative_island,
    polarity_item,
)
