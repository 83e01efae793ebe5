"""Each function draws one way in which a review says what it thinks."""

from __future__ import annotations

from miniglue.grammar import Draw, Example, Group, Phenomenon
from miniglue.spelling import with_articles
from miniglue.sst2 import templates as say
from miniglue.sst2.words import ASPECTS, BLAME, FAULTS, FILMS, MERITS, PRAISE

NEGATIVE, POSITIVE = 0, 1
LEADS = ("", "", "in the end, ", "in short, ", "all in all, ", "frankly, ")

FRAGMENTS = ("a ", "what a ", "take ", "do ")  # nothing is put in front of these


def rated(d: Draw, *texts: tuple[str, int]) -> Group:
    """A group of pieces of reviews with their labels, some with a few words in front."""
    return [
        Example(
            with_articles(text if text.startswith(FRAGMENTS) else d.one(LEADS) + text), None, label
        )
        for text, label in texts
    ]


def turned(d: Draw, turn: say.Turn, praise: tuple[str, ...], blame: tuple[str, ...]) -> Group:
    """Praise and blame, each kept by one template and turned by another."""
    names = {"film": d.word(FILMS), "part": d.word(ASPECTS).name}
    good, bad = d.word(praise), d.word(blame)
    keep, flip = d.one(turn.keep), d.one(turn.flip)
    return rated(
        d,
        (keep.format(x=good, **names), POSITIVE),
        (flip.format(x=bad, **names), POSITIVE),
        (keep.format(x=bad, **names), NEGATIVE),
        (flip.format(x=good, **names), NEGATIVE),
    )


def negation(d: Draw) -> Group:
    """ "nothing dull about it": a negation turns the word that it commands."""
    return turned(d, say.NEGATION, PRAISE, BLAME)


def frequency(d: Draw) -> Group:
    """ "seldom dull": some adverbs negate without saying "not"."""
    return turned(d, say.FREQUENCY, PRAISE, BLAME)


def set_phrase(d: Draw) -> Group:
    """ "anything but dull" denies what "nothing if not dull" insists on."""
    return turned(d, say.SET_PHRASES, PRAISE, BLAME)


def success(d: Draw) -> Group:
    """ "never fails to be funny": implicative verbs, with and without a negation."""
    return turned(d, say.SUCCESS, PRAISE, BLAME)


def hearsay(d: Draw) -> Group:
    """Other people's opinions, and what the reviewer thinks of them."""
    return turned(d, say.HEARSAY, PRAISE, BLAME)


def stock(d: Draw) -> Group:
    """ "never short of charm": merits to have and faults to lack."""
    return turned(d, say.STOCK, MERITS, FAULTS)


def weighed(d: Draw, templates: tuple[str, ...]) -> Group:
    """Praise and blame of a film in both roles: the one that decides and the other."""
    names = {"film": d.word(FILMS), "part": d.word(ASPECTS).name}
    good, bad = d.word(PRAISE), d.word(BLAME)
    one, other = d.one(templates), d.one(templates)
    return rated(
        d,
        (one.format(x=good, y=bad, **names), POSITIVE),
        (other.format(x=bad, y=good, **names), NEGATIVE),
    )


def choice(d: Draw) -> Group:
    """ "more clever than funny": one of two opinions is chosen."""
    return weighed(d, say.CHOICE)


def expectation(d: Draw) -> Group:
    """What was expected, and what came."""
    return weighed(d, say.EXPECTATION)


def concession(d: Draw) -> Group:
    """A part is granted; the verdict on the whole stands, wherever it comes."""
    film, part = d.word(FILMS), d.word(ASPECTS)
    good = d.one(say.CONCESSION).format(
        x=d.word(PRAISE), y=d.word(part.blame), film=film, part=part.name
    )
    bad = d.one(say.CONCESSION).format(
        x=d.word(BLAME), y=d.word(part.praise), film=film, part=part.name
    )
    return rated(d, (good, POSITIVE), (bad, NEGATIVE))


def contrast(d: Draw) -> Group:
    """ "the plot is thin, but the acting is superb": the last clause decides."""
    one, other = d.words(ASPECTS, 2)
    good, bad = d.word(one.praise), d.word(other.blame)
    praise, blame = f"the {one.name} is {good}", f"the {other.name} is {bad}"
    first, link = d.one((("though ", ","), ("", ", but"), ("", "; thankfully,"), ("while ", ",")))
    return rated(
        d,
        (f"{first}{blame}{link} {praise}", POSITIVE),
        (f"{first}{praise}{link.replace('thankfully', 'sadly')} {blame}", NEGATIVE),
    )


def counterfactual(d: Draw) -> Group:
    """What the film would have been but for one part, so what it is not."""
    film, part = d.word(FILMS), d.word(ASPECTS)
    good = d.one(say.COUNTERFACTUAL).format(
        x=d.word(part.praise), y=d.word(BLAME), film=film, part=part.name
    )
    bad = d.one(say.COUNTERFACTUAL).format(
        x=d.word(part.blame), y=d.word(PRAISE), film=film, part=part.name
    )
    return rated(d, (good, POSITIVE), (bad, NEGATIVE))


def rescue(d: Draw) -> Group:
    """A part can save or spoil the whole, or fail to."""
    film, part = d.word(FILMS), d.word(ASPECTS)
    good, bad = d.word(PRAISE), d.word(BLAME)
    praised, blamed = f"{d.word(part.praise)} {part.name}", f"{d.word(part.blame)} {part.name}"
    return rated(
        d,
        (f"its {praised} saves this otherwise {bad} {film}", POSITIVE),
        (f"not even its {blamed} can spoil this {good} {film}", POSITIVE),
        (f"its {blamed} spoils this otherwise {good} {film}", NEGATIVE),
        (f"not even its {praised} can save this {bad} {film}", NEGATIVE),
    )


def plain(d: Draw) -> Group:
    """The words say what they mean."""
    return praised_and_blamed(d, say.PLAIN, say.PLAIN)


def advice(d: Draw) -> Group:
    """Whether to go and see it."""
    return praised_and_blamed(d, say.ADVICE, say.WARNINGS)


def praised_and_blamed(d: Draw, praises: tuple[str, ...], blames: tuple[str, ...]) -> Group:
    """Nothing but praise, nothing but blame, twice each."""
    film, part = d.word(FILMS), d.word(ASPECTS)
    names = {"film": film, "part": part.name}
    texts = []
    for _ in range(2):
        (good, fine), (bad, poor) = d.words(PRAISE, 2), d.words(BLAME, 2)
        praise, blame = d.word(part.praise), d.word(part.blame)
        texts.append((d.one(praises).format(x=good, also=fine, y=praise, **names), POSITIVE))
        texts.append((d.one(blames).format(x=bad, also=poor, y=blame, **names), NEGATIVE))
    return rated(d, *texts)


PHENOMENA: tuple[Phenomenon, ...] = (
    negation,
    frequency,
    set_phrase,
    success,
    hearsay,
    stock,
    choice,
    expectation,
    concession,
    contrast,
    counterfactual,
    rescue,
    plain,
    advice,
)
