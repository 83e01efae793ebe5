"""The reviewer's words: kinds of films, their parts, praise and blame."""

from __future__ import annotations

from typing import NamedTuple

FILMS = tuple(
    """
    film movie drama comedy thriller documentary romance western mystery sequel
    """.split()
)
PRAISE = tuple(
    """
    gripping funny moving charming clever delightful original touching witty thrilling
    intelligent enchanting absorbing imaginative riveting heartfelt elegant hilarious
    powerful inspired refreshing graceful fascinating memorable
    """.split()
)
BLAME = tuple(
    """
    dull boring tedious clumsy silly predictable lifeless pointless shallow tiresome bland
    stale awkward pretentious forgettable sloppy lazy incoherent dreary hollow contrived
    muddled mediocre lame
    """.split()
)


class Aspect(NamedTuple):
    """A part of a film, and words of praise and blame that suit it."""

    name: str
    praise: tuple[str, ...]
    blame: tuple[str, ...]


def _aspects(text: str) -> tuple[Aspect, ...]:
    rows = (line.split(":") for line in text.strip().splitlines())
    return tuple(Aspect(n.strip(), tuple(p.split()), tuple(b.split())) for n, p, b in rows)


ASPECTS = _aspects(
    """
    plot: clever gripping inventive elegant surprising : thin predictable muddled silly absurd
    acting: superb subtle convincing brilliant graceful : wooden flat clumsy awkward dreadful
    script: witty sharp intelligent wise polished : lazy clumsy stale shallow sloppy
    dialogue: witty crisp natural sparkling funny : stiff stilted corny lifeless silly
    music: beautiful haunting lovely stirring thrilling : dreary bland dreadful tiresome loud
    ending: moving perfect satisfying powerful surprising : weak rushed absurd disappointing lame
    direction: confident assured inspired graceful inventive : sloppy lazy mechanical heavy timid
    camerawork: gorgeous dazzling stunning inventive elegant : murky ugly drab shaky dull
    humor: warm sharp fresh infectious gentle : crude juvenile tired forced labored
    cast: excellent charming superb wonderful likable : dull miscast weak bored feeble
    story: touching original fascinating absorbing tender : hollow contrived pointless thin stale
    pacing: brisk lively smooth perfect assured : slow uneven plodding sluggish clumsy
    """
)
MERITS = tuple("charm wit energy imagination heart suspense warmth style humor life".split())
FAULTS = tuple("nonsense noise padding vanity confusion repetition self-pity clutter".split())
