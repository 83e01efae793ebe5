"""Words for the same thing, and other things of which one could say as much.

Each cluster holds words that may replace each other; each list holds clusters that fit the
same place in a sentence. Whether two words make a paraphrase or a near miss is then a
matter of both of them: every word has partners of either kind.
"""

from __future__ import annotations

from typing import NamedTuple

Cluster = tuple[str, ...]


class Deed(NamedTuple):
    """A verb in the forms that active, passive and negated clauses need."""

    base: str
    past: str
    participle: str
    gerund: str


class Domain(NamedTuple):
    """What can be done to what: any deed here makes sense with any thing here."""

    deeds: tuple[tuple[Deed, ...], ...]
    things: tuple[Cluster, ...]


def clusters(text: str) -> tuple[Cluster, ...]:
    """One cluster a line, its members separated by commas."""
    return tuple(
        tuple(member.strip() for member in line.split(",")) for line in text.strip().splitlines()
    )


def _deeds(text: str) -> tuple[tuple[Deed, ...], ...]:
    return tuple(tuple(Deed(*member.split("/")) for member in row) for row in clusters(text))


PERSONS = clusters(
    """
    doctor, physician
    lawyer, attorney
    thief, burglar
    journalist, reporter
    hairdresser, barber
    author, writer
    caretaker, janitor
    nanny, babysitter
    tailor, dressmaker
    fireman, firefighter
    singer, vocalist
    priest, clergyman
    sailor, seaman
    teacher, schoolteacher
    photographer, cameraman
    cab driver, taxi driver
    policeman, police officer
    farmhand, farm worker
    millionaire, rich man
    flight attendant, air hostess
    """
)
DOMAINS = (
    Domain(
        _deeds(
            """
            buy/bought/bought/buying, purchase/purchased/purchased/purchasing
            repair/repaired/repaired/repairing, fix/fixed/fixed/fixing, mend/mended/mended/mending
            wash/washed/washed/washing, clean/cleaned/cleaned/cleaning
            wreck/wrecked/wrecked/wrecking, destroy/destroyed/destroyed/destroying
            rent/rented/rented/renting, hire/hired/hired/hiring
            hide/hid/hidden/hiding, conceal/concealed/concealed/concealing
            """
        ),
        clusters(
            """
            car, automobile
            truck, lorry
            bicycle, bike
            motorcycle, motorbike
            boat, vessel
            plane, aircraft
            """
        ),
    ),
    Domain(
        _deeds(
            """
            buy/bought/bought/buying, purchase/purchased/purchased/purchasing
            sketch/sketched/sketched/sketching, draw/drew/drawn/drawing
            move/moved/moved/moving, shift/shifted/shifted/shifting
            want/wanted/wanted/wanting, desire/desired/desired/desiring
            select/selected/selected/selecting, choose/chose/chosen/choosing
            throw away/threw away/thrown away/throwing away, discard/discarded/discarded/discarding
            """
        ),
        clusters(
            """
            sofa, couch
            television, TV set
            carpet, rug
            fridge, refrigerator
            photo, photograph
            cupboard, cabinet
            armchair, easy chair
            trash can, garbage can
            """
        ),
    ),
    Domain(
        _deeds(
            """
            finish/finished/finished/finishing, complete/completed/completed/completing
            start/started/started/starting, begin/began/begun/beginning
            reject/rejected/rejected/rejecting, turn down/turned down/turned down/turning down
            praise/praised/praised/praising, commend/commended/commended/commending
            alter/altered/altered/altering, change/changed/changed/changing
            cancel/canceled/canceled/canceling, call off/called off/called off/calling off
            delay/delayed/delayed/delaying, postpone/postponed/postponed/postponing
            """
        ),
        clusters(
            """
            trip, journey
            inquiry, investigation
            show, performance
            speech, address
            survey, poll
            course, class
            """
        ),
    ),
)
NUMBERS = clusters(
    """
    two, 2
    three, 3
    four, 4
    five, 5
    six, 6
    seven, 7
    eight, 8
    nine, 9
    ten, 10
    twelve, a dozen, 12
    twenty, 20
    fifty, 50
    """
)
FATES = clusters(
    """
    were arrested, were taken into custody
    were hurt, were injured
    were fired, lost their jobs
    were saved, were rescued
    were promoted, got a better job
    were hired, were given a job
    fell ill, became sick
    got lost, lost their way
    """
)
DEALINGS = _deeds(
    """
    praise/praised/praised/praising, commend/commended/commended/commending
    call/called/called/calling, phone/phoned/phoned/phoning
    help/helped/helped/helping, assist/assisted/assisted/assisting
    hire/hired/hired/hiring, employ/employed/employed/employing
    fire/fired/fired/firing, dismiss/dismissed/dismissed/dismissing
    follow/followed/followed/following, shadow/shadowed/shadowed/shadowing
    question/questioned/questioned/questioning, interrogate/interrogated/interrogated/interrogating
    insult/insulted/insulted/insulting, offend/offended/offended/offending
    deceive/deceived/deceived/deceiving, fool/fooled/fooled/fooling
    scare/scared/scared/scaring, frighten/frightened/frightened/frightening
    rescue/rescued/rescued/rescuing, save/saved/saved/saving
    welcome/welcomed/welcomed/welcoming, greet/greeted/greeted/greeting
    """
)
WHEN = clusters(
    """
    at noon, at midday
    at dawn, at daybreak
    at dusk, at nightfall
    in the fall, in autumn
    a week ago, seven days ago
    two weeks ago, fourteen days ago
    a year ago, twelve months ago
    at Christmas, on Christmas Day
    on New Year's Eve, on the last day of the year
    before lunch, before the midday meal
    at midnight, in the middle of the night
    half an hour ago, thirty minutes ago
    """
)
