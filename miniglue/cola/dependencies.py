"""Words that must agree although they stand apart."""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.cola.judgments import judged
from miniglue.grammar import Draw, Group, Phenomenon
from miniglue.phrases import action, people, person
from miniglue.spelling import noun, nouns

# Heads, the nouns that may stand between head and verb, and what can be said of the heads.
RELATIONAL = (
    ("key to", "cabinet house box gate", ("rusty", "on the table", "very small")),
    ("label on", "bottle jar box package", ("torn", "green", "hard to read")),
    ("road to", "village castle lake farm", ("icy", "very narrow", "closed today")),
    ("picture of", "senator bridge horse castle", ("beautiful", "for sale", "in the hall")),
    ("letter from", "lawyer student doctor soldier", ("long", "on the desk", "full of mistakes")),
    ("window of", "house shop church bus", ("broken", "dirty", "open again")),
    ("book about", "painter king castle horse", ("expensive", "popular", "full of mistakes")),
    ("door of", "classroom museum garage stable", ("locked", "open", "painted blue")),
    ("tree behind", "church school tower garage", ("tall", "dead", "full of birds")),
    ("button on", "coat shirt jacket blanket", ("loose", "black", "made of wood")),
    ("friend of", "actor nurse teacher farmer", ("tired", "from Canada", "in the garden")),
    ("story about", "dragon sailor princess ghost", ("sad", "very long", "well known")),
)
HABITS = (
    ("lives", "live", "in Boston"),
    ("works", "work", "at the museum"),
    ("plays", "play", "the piano"),
    ("speaks", "speak", "French"),
    ("walks", "walk", "to school"),
    ("knows", "know", "the answer"),
    ("drinks", "drink", "coffee"),
    ("sings", "sing", "in a choir"),
)
REFLEXIVE = ("blamed", "admired", "defended", "criticized", "praised", "hurt", "photographed")
OCCASIONS = ("after the accident", "at the party", "in the newspaper", "last night", "again")
THOUGHT = ("thinks", "said", "believes", "knew", "claims", "suspects")
DEALS = ("praised", "greeted", "thanked", "ignored", "blamed", "defended", "encouraged", "invited")
COMPARED = (("taller", "tall"), ("older", "old"), ("younger", "young"), ("richer", "rich"),
            ("faster", "fast"), ("smarter", "smart"), ("stronger", "strong"))  # fmt: skip
MEALS = ("at the party", "in the kitchen", "last night", "all morning")
SAID = ("say", "think", "believe", "claim", "suspect", "insist")
WHEN = ("yesterday evening", "last night", "on Monday", "this morning", "two days ago", "in May")
TO_CLAUSE = ("wanted", "persuaded", "forced", "told", "encouraged", "invited", "convinced")
THAT_CLAUSE = ("hoped", "thought", "said", "claimed", "suspected", "insisted", "feared")


def agreement_across_noun(d: Draw) -> Group:
    """The verb agrees with the head of its subject, not with the nearest noun."""
    relation, attractors, predicates = d.word(RELATIONAL)
    head, preposition = relation.split()
    subject, attractor = noun(head), d.word(nouns(attractors))
    number, other = d.coin(), d.coin()
    verb, wrong = d.one((("is", "are"), ("was", "were")))
    if number:
        verb, wrong = wrong, verb
    start = f"the {subject[number]} {preposition} the {attractor[other]}"
    predicate = d.word(predicates)
    return judged([f"{start} {verb} {predicate}"], [f"{start} {wrong} {predicate}"])


def agreement_across_clause(d: Draw) -> Group:
    """The same with a relative clause between subject and verb."""
    subject, attractor = d.words(lex.PEOPLE, 2)
    number, other = d.coin(), d.coin()
    dealing, habit = d.word(lex.DEALINGS).past, d.word(HABITS)
    rest = habit[2]
    inside = d.one((f"who {dealing} the {attractor[other]}", f"the {attractor[other]} {dealing}"))
    start = f"the {subject[number]} {inside}"
    return judged(
        [f"{start} {habit[number]} {rest}"],
        [f"{start} {habit[not number]} {rest}"],
    )


def determiner_agreement(d: Draw) -> Group:
    """A determiner agrees with its noun, also across adjectives."""
    verb = d.word(lex.ACTIONS)
    thing, look = d.word(verb.objects), d.word(lex.LOOKS)
    who, when = person(d), d.word(lex.TIMES)
    one = d.one(("this", "that", "every", "each"))
    many = d.one(("these", "those", "many", "several"))
    number = d.coin()
    right, wrong = (many, one) if number else (one, many)
    rest = f"{look} {thing[number]} {when}"
    return judged([f"{who} {verb.past} {right} {rest}"], [f"{who} {verb.past} {wrong} {rest}"])


def reflexive(d: Draw) -> Group:
    """A reflexive agrees with its antecedent, which is in its own clause (principle A).

    The other person, nearer or further off, is of the other gender or number.
    """
    himself, herself = (lex.MEN, "himself"), (lex.WOMEN, "herself")
    (ours, right), (theirs, wrong) = d.one(((himself, herself), (herself, himself)))
    subject, other = d.word(ours), d.word(theirs)
    start = d.one(
        (
            f"the {subject.singular}",
            f"the {subject.singular} near the {other.singular}",
            f"the {subject.singular} who helped the {other.singular}",
            f"the {other.singular} {d.word(THOUGHT)} that the {subject.singular}",
        )
    )
    if d.coin():
        start, wrong = f"the {subject.singular} near the {other.plural}", "themselves"
    does, when = d.word(REFLEXIVE), d.word(OCCASIONS)
    return judged([f"{start} {does} {right} {when}"], [f"{start} {does} {wrong} {when}"])


def verb_form(d: Draw) -> Group:
    """Each auxiliary asks for one form of the verb that follows."""
    verb = d.word(lex.UNEVEN_ACTIONS)
    thing, who, when = d.word(verb.objects), person(d), d.word(lex.TIMES)
    auxiliary, right = d.one(
        (
            ("had", verb.participle),
            ("did not", verb.base),
            ("was", verb.gerund),
            ("could have", verb.participle),
            ("must have", verb.participle),
        )
    )
    forms = [verb.base, verb.past, verb.participle, verb.gerund]
    wrong = d.one([form for form in forms if form != right])
    return judged(
        [f"{who} {auxiliary} {right} the {thing.singular} {when}"],
        [f"{who} {auxiliary} {wrong} the {thing.singular} {when}"],
    )


def tense_and_time(d: Draw) -> Group:
    """A past adverbial does not go with a future verb, nor the other way round."""
    who, what = person(d), action(d)
    past = d.one(("yesterday", "last week", "two days ago"))
    future = d.one(("tomorrow", "next week", "in two days"))
    if d.coin():
        return judged([f"{who} {what.past} {past}"], [f"{who} {what.past} {future}"])
    return judged([f"{who} will {what.base} {future}"], [f"{who} will {what.base} {past}"])


def transitivity(d: Draw) -> Group:
    """Some verbs need an object, others take none but a prepositional phrase."""
    agent, patient = people(d)
    does, deals = d.word(lex.DOINGS).past, d.word(DEALS)
    where, near = d.word(MEALS), d.one(("near", "behind", "next to"))
    if d.coin():
        return judged(
            [f"{agent} {does} {near} {patient} {where}"], [f"{agent} {does} {patient} {where}"]
        )
    return judged(
        [f"{agent} {deals} {patient} {where}"], [f"{agent} {deals} {near} {patient} {where}"]
    )


def comparative(d: Draw) -> Group:
    """ "taller than", "as tall as", and no mixture of the two."""
    one, other = people(d)
    more, plain = d.word(COMPARED)
    end = d.word(("these days", "by now", "in every way", "after all"))
    if d.coin():
        wrong = d.one((f"more {more} than", f"{more} as"))
        return judged([f"{one} is {more} than {other} {end}"], [f"{one} is {wrong} {other} {end}"])
    wrong = d.one((f"as {more} as", f"as {plain} than"))
    return judged([f"{one} is as {plain} as {other} {end}"], [f"{one} is {wrong} {other} {end}"])


def clausal_complement(d: Draw) -> Group:
    """Some verbs want an infinitive, others a that-clause."""
    one, other = people(d)
    to, that, what = d.word(TO_CLAUSE), d.word(THAT_CLAUSE), action(d)
    infinitive, clause = f"{other} to {what.base}", f"that {other} would {what.base}"
    if d.coin():
        return judged([f"{one} {to} {infinitive}"], [f"{one} {to} {clause}"])
    return judged([f"{one} {that} {clause}"], [f"{one} {that} {infinitive}"])


def wh_gap(d: Draw) -> Group:
    """A question word needs a gap, and a gap needs a question word."""
    asker, doer = people(d)
    verb, when = d.word(lex.NEEDING_OBJECT), d.word(WHEN)
    start = f"did {asker} {d.word(SAID)} that {doer} {verb.past}"
    if d.coin():
        return judged([f"what {start} {when}?"], [f"{start} {when}?"])
    thing = f"the {d.word(verb.objects).singular}"
    return judged([f"{start} {thing} {when}?"], [f"what {start} {thing} {when}?"])


def adjunct_island(d: Draw) -> Group:
    """No question word leaves an adverbial clause (Ross 1967)."""
    one, other = people(d)
    verb, does = d.word(lex.ACTIONS), d.word(lex.DOINGS)
    link = d.one(("before", "after", "because", "while"))
    return judged(
        [f"what did {one} {verb.base} {link} {other} {does.past}?"],
        [f"what did {other} {does.base} {link} {one} {verb.past}?"],
    )


DEPENDENCIES: tuple[Phenomenon, ...] = (
    agreement_across_noun,
    agreement_across_clause,
    determiner_agreement,
    reflexive,
    verb_form,
    tense_and_time,
    transitivity,
    comparative,
    clausal_complement,
    wh_gap,
    adjunct_island,
)
