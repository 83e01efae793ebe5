"""What people can be seen doing, what they are said to be like, and what that implies."""

from __future__ import annotations

from typing import NamedTuple


class Scene(NamedTuple):
    """Ways of being seen at one activity, what each implies, and what may be or not.

    What two scenes imply excludes each other: nobody is fast asleep while on a horse.
    """

    seen: tuple[str, ...]
    implies: str
    perhaps: tuple[str, ...]


def _scenes(text: str) -> tuple[Scene, ...]:
    """One scene a line: ways of being seen, what they imply, what may be."""
    fields = (line.strip().split(": ") for line in text.strip().splitlines())
    return tuple(
        Scene(tuple(seen.split(", ")), implies, tuple(perhaps.split(", ")))
        for seen, implies, perhaps in fields
    )


SCENES = _scenes("""
    napping on the sofa, snoring in bed: fast asleep: dreaming about work, sleeping off a cold
    doing laps in a pool, snorkeling in a bay: in the water: training for a race, wearing goggles
    frying some eggs, stirring a pot of soup: preparing food: cooking for a friend, wearing an apron
    practicing the piano, strumming a guitar: making music: rehearsing for a concert, in a sad mood
    riding a mare through a field, galloping past on a pony: on a horse: wearing boots, a good rider
    driving a van through town, steering a truck: in a vehicle: on the way to work, late for lunch
    turning the pages of a novel, studying a map: reading on paper: wearing glasses, on vacation
    doing the tango, waltzing across the hall: dancing to music: in new shoes, with a friend
    biting into a sandwich, eating a bowl of rice: having a meal: very hungry today, on a break
    scaling a cliff, climbing up a rock face: high above the ground: using a rope, near the top
    casting a line from the pier, reeling in a trout: catching fish: enjoying the sun, on leave
    watering the roses, pulling up weeds: working with plants: preparing for a show, at home today
    skating across a pond, gliding over the rink: on the ice: learning to skate, wearing gloves
    skiing down a slope, sledding down a hill: moving over snow: on a winter vacation, wearing a hat
    typing an email, writing code on a laptop: using a computer: working on a report, on vacation
    mopping the floor, vacuuming the carpet: cleaning a room: expecting guests, listening to music
    sketching a face, painting a landscape: making a picture: preparing for a show, using oil colors
    sawing planks, hammering nails into a board: working with wood: building a shed, using new tools
    jogging through the park, sprinting down a track: out for a run: training for a race, in a hurry
    kicking a football, hitting a tennis ball: playing with a ball: winning the game, in a new shirt
    knitting a scarf, sewing on a button: working with thread: making a present, listening to music
    pushing a cart past shelves, paying at a checkout: in a store: buying a present, in a hurry
    milking a cow, brushing a horse: taking care of an animal: working on a farm, wearing gloves
    giving a lecture, addressing a crowd: speaking in public: feeling nervous, wearing glasses
""")

# Two words for each end of a scale.
SCALES = (
    (("rich", "wealthy"), ("poor", "penniless")),
    (("happy", "cheerful"), ("sad", "unhappy")),
    (("ill", "sick"), ("healthy", "well")),
    (("calm", "relaxed"), ("nervous", "tense")),
    (("silent", "quiet"), ("noisy", "loud")),
    (("brave", "courageous"), ("cowardly", "afraid")),
    (("polite", "courteous"), ("rude", "impolite")),
    (("famous", "well known"), ("obscure", "unknown")),
    (("lazy", "idle"), ("diligent", "hardworking")),
    (("thin", "slim"), ("fat", "overweight")),
    (("clever", "smart"), ("stupid", "foolish")),
    (("guilty", "to blame"), ("innocent", "blameless")),
    (("young", "youthful"), ("old", "elderly")),
    (("modest", "humble"), ("proud", "arrogant")),
    (("generous", "charitable"), ("stingy", "miserly")),
    (("beautiful", "pretty"), ("ugly", "unattractive")),
)
SIGHTS = (
    ("saw", "see"),
    ("found", "find"),
    ("drew", "draw"),
    ("mentioned", "mention"),
    ("photographed", "photograph"),
    ("described", "describe"),
    ("noticed", "notice"),
    ("sketched", "sketch"),
    ("pointed at", "point at"),
    ("talked about", "talk about"),
)
