"""The other half of the QQP grammar: the same words, asking one thing or its reverse."""

from __future__ import annotations

from miniglue.alternations import Ways
from miniglue.grammar import Draw, Group, Phenomenon
from miniglue.qqp.judgments import compared

CITIES = tuple(
    """
    London Paris Rome Berlin Vienna Prague Madrid Lisbon Amsterdam Brussels Zurich Munich Milan
    Warsaw Budapest Hamburg
    """.split()
)
VEHICLES = ("by train", "by bus", "by car", "by plane", "by bike", "on foot")
LANGUAGES = tuple(
    """
    French German Spanish Italian Russian Arabic Japanese Dutch Portuguese Swedish Turkish Greek
    Polish Korean
    """.split()
)
SUBJECTS = (
    "algebra", "statistics", "chemistry", "biology", "economics", "philosophy", "Python", "Java",
    "Latin", "geometry", "music theory", "accounting", "physics", "programming",
)  # fmt: skip
DEVICES = (
    "phone", "laptop", "tablet", "old computer", "new computer", "camera", "memory card",
    "hard drive", "USB stick", "work laptop",
)  # fmt: skip
FILES = ("photos", "videos", "contacts", "music", "notes", "documents", "messages", "files")
FORMATS = (
    "a PDF file", "a Word document", "a web page", "a text file", "a spreadsheet", "a photo",
    "a video", "an e-book",
)  # fmt: skip
PARTIES = (
    "landlord", "tenant", "neighbor", "boss", "coworker", "bank", "customer", "doctor", "lawyer",
    "teacher", "roommate", "dentist", "plumber", "insurance company", "employer", "school",
)  # fmt: skip
# Base, third person and participle.
DEALINGS = (
    ("sue", "sues", "sued"), ("record", "records", "recorded"), ("film", "films", "filmed"),
    ("question", "questions", "questioned"), ("report", "reports", "reported"),
    ("accuse", "accuses", "accused"), ("criticize", "criticizes", "criticized"),
    ("photograph", "photographs", "photographed"),
)  # fmt: skip
TROUBLES = (
    "stress", "insomnia", "anxiety", "back pain", "weight gain", "high blood pressure", "fatigue",
    "depression", "hair loss", "weight loss", "muscle pain", "poor sleep", "inflammation",
    "loneliness", "fever", "memory loss",
)  # fmt: skip
RANKS = (
    ("more expensive", "cheaper"), ("more popular", "less popular"), ("better", "worse"),
    ("more common", "less common"), ("more fashionable", "less fashionable"),
    ("more important", "less important"),
)  # fmt: skip
# Each line lists things that people compare.
GOODS = (
    ("tea", "coffee", "wine", "beer", "milk", "lemonade"),
    ("butter", "margarine", "cheese", "honey", "jam", "yogurt"),
    ("beef", "chicken", "pork", "fish", "lamb", "turkey"),
    ("cotton", "silk", "wool", "leather", "linen", "velvet"),
    ("gold", "silver", "copper", "bronze", "steel", "brass"),
    ("rice", "bread", "pasta", "corn", "oatmeal", "barley"),
    ("football", "tennis", "golf", "baseball", "hockey", "swimming"),
)


def journey(d: Draw) -> Group:
    """From here to there, or from there to here."""
    (start, end), vehicle = d.words(CITIES, 2), d.word(VEHICLES)

    def ways(start: str, end: str) -> Ways:
        return (
            f"how do I get from {start} to {end} {vehicle}",
            f"how do I get to {end} from {start} {vehicle}",
            f"what is the best way to go from {start} to {end} {vehicle}",
            f"I am in {start}, so how can I go to {end} {vehicle}",
        )

    return compared(d, ways(start, end), ways(end, start))


def transfer(d: Draw) -> Group:
    """From one device to another, or back."""
    (source, target), files = d.words(DEVICES, 2), d.word(FILES)

    def ways(source: str, target: str) -> Ways:
        return (
            f"how do I copy {files} from my {source} to my {target}",
            f"how do I copy {files} to my {target} from my {source}",
            f"what is the best way to get {files} from my {source} onto my {target}",
            f"I have {files} on my {source}, so how can I copy them to my {target}",
        )

    return compared(d, ways(source, target), ways(target, source))


def conversion(d: Draw) -> Group:
    """What is to be turned into what."""
    (source, target), free = d.words(FORMATS, 2), d.one(("", " for free", " online", " on a Mac"))

    def ways(source: str, target: str) -> Ways:
        return (
            f"how do I convert {source} to {target}{free}",
            f"how can I make {target} out of {source}{free}",
            f"how can {source} be turned into {target}{free}",
        )

    return compared(d, ways(source, target), ways(target, source))


def background(d: Draw) -> Group:
    """What one knows and what one wants to learn."""
    (known, new), hard = d.words(LANGUAGES, 2), d.one(("hard", "easy", "difficult"))

    def ways(known: str, new: str) -> Ways:
        return (
            f"is it {hard} to learn {new} if I already speak {known}",
            f"if I already speak {known}, is it {hard} to learn {new}",
            f"is {new} {hard} to learn for somebody who speaks {known}",
            f"I speak {known}, so is it {hard} for me to learn {new}",
        )

    return compared(d, ways(known, new), ways(new, known))


def curriculum(d: Draw) -> Group:
    """What to learn first, and what later."""
    first, second = d.words(SUBJECTS, 2)

    def ways(first: str, second: str) -> Ways:
        return (
            f"should I learn {first} before {second}",
            f"should I learn {second} after {first}",
            f"is it a good idea to learn {first} before I start with {second}",
            f"should I learn {first} first and {second} later",
        )

    return compared(d, ways(first, second), ways(second, first))


def dispute(d: Draw) -> Group:
    """Who does what to whom, in the active and in the passive."""
    (one, other), (base, third, participle) = d.words(PARTIES, 2), d.word(DEALINGS)

    def ways(one: str, other: str) -> Ways:
        return (
            f"what happens if a {one} {third} a {other}",
            f"what happens if a {other} is {participle} by a {one}",
            f"can a {one} {base} a {other} without a good reason",
            f"can a {other} be {participle} by a {one} without a good reason",
        )

    truth, lie = ways(one, other), ways(other, one)
    start = d.one((0, 2))
    return compared(d, truth[start : start + 2], lie[start : start + 2])


def effect(d: Draw) -> Group:
    """What is suspected to cause what."""
    cause, effect = d.words(TROUBLES, 2)

    def ways(cause: str, effect: str) -> Ways:
        return (
            f"do you think that {cause} can cause {effect}",
            f"is it possible that {cause} leads to {effect}",
            f"can {effect} be caused by {cause}",
            f"can {effect} be the result of {cause}",
        )

    return compared(d, ways(cause, effect), ways(effect, cause))


def rank(d: Draw) -> Group:
    """Why this is more than that, or that more than this."""
    (one, other), (more, less) = d.words(d.word(GOODS), 2), d.shuffled(d.word(RANKS))
    where = d.one(("in Europe", "in the United States", "these days", "in my country", "in Asia"))

    def ways(one: str, other: str) -> Ways:
        return (
            f"why is {one} {more} than {other} {where}",
            f"why is {other} {less} than {one} {where}",
            f"what makes {one} {more} than {other} {where}",
        )

    return compared(d, ways(one, other), ways(other, one))


def taste(d: Draw) -> Group:
    """Which of two people prefer."""
    (one, other), folk = (
        d.words(d.word(GOODS), 2),
        d.one(("people", "some people", "so many people")),
    )
    where = d.one(("in Europe", "in the United States", "these days", "in my country", "in Asia"))

    def ways(one: str, other: str) -> Ways:
        return (
            f"why do {folk} prefer {one} to {other} {where}",
            f"why do {folk} like {one} better than {other} {where}",
            f"why do {folk} like {other} less than {one} {where}",
        )

    return compared(d, ways(one, other), ways(other, one))


ROLES: tuple[Phenomenon, ...] = (
    journey,
    transfer,
    conversion,
    background,
    curriculum,
    dispute,
    effect,
    rank,
    taste,
)
