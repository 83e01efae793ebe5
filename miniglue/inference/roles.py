"""Who did what to whom, and when: traps for whoever counts shared words.

Premise and hypothesis share their words whatever the verdict; what matters is how they
are put together (McCoy et al. 2019).
"""

from __future__ import annotations

from miniglue import lexicon as lex
from miniglue.grammar import Draw
from miniglue.inference.verdicts import Clause, Inference, Verdicts, settled
from miniglue.phrases import action, people
from miniglue.spelling import nouns

TRADES = (
    ("sold", "sell", "bought", "buy", "house car piano boat farm"),
    ("lent", "lend", "borrowed", "borrow", "ladder bicycle umbrella tent novel"),
    ("gave", "give", "got", "get", "ring book ticket map"),
    ("rented", "rent", "leased", "lease", "house garage boat shop"),
)


def passive(d: Draw) -> Verdicts:
    """Active and passive name the same roles in opposite orders."""
    one, other = people(d)
    dealt, when = d.word(lex.DEALINGS), d.word(lex.TIMES)

    def told(agent: str, patient: str, active: bool) -> Clause:
        if active:
            rest = f"{patient} {when}"
            return Clause(f"{agent} {dealt.past} {rest}", f"{agent} did not {dealt.base} {rest}")
        rest = f"{dealt.participle} by {agent} {when}"
        return Clause(f"{patient} was {rest}", f"{patient} was not {rest}")

    active = d.coin()
    premise = told(one, other, active)
    return settled(
        told(one, other, not active),
        true=premise.said,
        false=premise.denied,
        other=told(other, one, d.coin()),
    )


def trade(d: Draw) -> Verdicts:
    """If one sells, the other buys."""
    sold, sell, bought, buy, things = d.one(TRADES)
    seller, buyer = people(d)
    thing, when = f"the {d.word(nouns(things)).singular}", d.word(lex.TIMES)

    def sale(seller: str, buyer: str) -> Clause:
        rest = f"{thing} to {buyer} {when}"
        return Clause(f"{seller} {sold} {rest}", f"{seller} did not {sell} {rest}")

    def purchase(seller: str, buyer: str) -> Clause:
        rest = f"{thing} from {seller} {when}"
        return Clause(f"{buyer} {bought} {rest}", f"{buyer} did not {buy} {rest}")

    told, retold = d.shuffled((sale, purchase))
    premise = told(seller, buyer)
    return settled(
        retold(seller, buyer),
        true=premise.said,
        false=premise.denied,
        other=retold(buyer, seller),
    )


def relative_clause(d: Draw) -> Verdicts:
    """Who did what, when a relative clause stands between subject and verb."""
    one, other = (f"the {noun.singular}" for noun in d.words(lex.PEOPLE, 2))
    dealt, doing, where = d.word(lex.DEALINGS).past, d.word(lex.DOINGS), d.word(lex.PLACES)
    inside = d.one((f"who {dealt} {other}", f"who {other} {dealt}"))
    did, did_not = f"{doing.past} {where}", f"did not {doing.base} {where}"
    return settled(
        Clause(f"{one} {did}", f"{one} {did_not}"),
        true=f"{one} {inside} {did}",
        false=f"{one} {inside} {did_not}",
        other=Clause(f"{other} {did}", f"{other} {did_not}"),
    )


def coordination(d: Draw) -> Verdicts:
    """What follows "and" begins a clause of its own."""
    one, other, third = people(d, 3)
    dealt, doing, where = d.word(lex.DEALINGS), d.word(lex.DOINGS), d.word(lex.PLACES)
    did, did_not = f"{doing.past} {where}", f"did not {doing.base} {where}"
    start = f"{one} {dealt.past} {other} and {third}"
    return settled(
        Clause(f"{third} {did}", f"{third} {did_not}"),
        true=f"{start} {did}",
        false=f"{start} {did_not}",
        other=Clause(f"{other} {did}", f"{other} {did_not}"),
    )


def comparison(d: Draw) -> Verdicts:
    """If one is older than another and that one than a third, the third is the youngest."""
    one, two, three = people(d, 3)
    more, less = d.shuffled(d.one(lex.COMPARATIVES))
    chain = f"{one} is {more} than {two}, and {two} is {more} than {three}"
    fork = f"{one} is {more} than {two}, and {one} is {more} than {three}"
    true = [f"{one} is {more} than {three}", f"{three} is {less} than {one}"]
    false = [f"{three} is {more} than {one}", f"{one} is {less} than {three}"]
    open_ = [f"{two} is {more} than {three}", f"{three} is {less} than {two}"]
    return Verdicts(
        entailed=[(premise, hypothesis) for premise in (chain, fork) for hypothesis in true],
        neutral=[(fork, hypothesis) for hypothesis in open_],
        contradicted=[(premise, hypothesis) for premise in (chain, fork) for hypothesis in false],
    )


def order_in_time(d: Draw) -> Verdicts:
    """If one thing came before another, the other came after it; of "and" we cannot say."""
    one, other = people(d)
    first, second = d.shuffled((f"{one} {d.word(lex.DOINGS).past}", f"{other} {action(d).past}"))
    before, after = d.one((("before", "after"), ("after", "before")))
    premise = f"{first} {before} {second}"
    both = f"{before} lunch {first} and {second}"
    entailed, contradicted = f"{second} {after} {first}", f"{second} {before} {first}"
    return Verdicts(
        entailed=[(premise, entailed)],
        neutral=[(both, entailed), (both, contradicted)],
        contradicted=[(premise, contradicted), (premise, f"{first} {after} {second}")],
    )


ROLES: tuple[Inference, ...] = (
    passive,
    trade,
    relative_clause,
    coordination,
    comparison,
    order_in_time,
)
