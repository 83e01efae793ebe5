"""The words: nouns, verbs with all their forms, and which go together.

Every list is written as plain text and read once, when the module is imported. Words are
grouped by what they combine with, so that whatever a grammar draws makes sense: a baker
paints a fence, but never reads one.
"""

from __future__ import annotations

from typing import NamedTuple

from miniglue.spelling import Noun, noun, nouns, verbs

PEOPLE = nouns(
    """teacher doctor nurse lawyer baker farmer singer pilot painter judge student tourist
    banker journalist librarian plumber senator carpenter musician dancer gardener architect
    detective chef scientist tailor poet sailor soldier mechanic dentist professor editor
    photographer engineer coach driver guard neighbor clerk"""
)

# Men and women in step, so that each line is a pair that differs in gender alone.
MEN = nouns(
    """boy man king prince uncle father grandfather actor waiter duke nephew gentleman monk
    brother son husband"""
)
WOMEN = nouns(
    """girl woman queen princess aunt mother grandmother actress waitress duchess niece lady nun
    sister daughter wife"""
)
HIS_NAMES = tuple(
    """
    John David Peter Thomas Carlos Ahmed Daniel Robert Martin Simon Oscar Henry Walter
    Paul Victor Bruno
    """.split()
)
HER_NAMES = tuple(
    """
    Mary Susan Anna Laura Maria Fatima Helen Alice Julia Emma Nina Rachel Clara Diana
    Teresa Olga
    """.split()
)
NAMES = tuple(name for pair in zip(HIS_NAMES, HER_NAMES, strict=True) for name in pair)

# What people do to things.
ACTIONS = verbs(
    """
    write writes wrote written writing: letter poem report speech novel song
    paint paints painted painted painting: fence wall door portrait boat gate
    repair repairs repaired repaired repairing: bicycle roof clock engine radio chair
    steal steals stole stolen stealing: painting necklace car wallet bicycle statue
    sell sells sold sold selling: house car piano farm boat necklace
    clean cleans cleaned cleaned cleaning: kitchen window carpet oven stable bathroom
    find finds found found finding: key wallet ring map letter coin
    hide hides hid hidden hiding: key ring map letter coin knife
    read reads read read reading: letter report novel poem newspaper contract
    lose loses lost lost losing: wallet ticket passport umbrella key ring
    carry carries carried carried carrying: suitcase basket ladder box lamp chair
    buy buys bought bought buying: house car piano ticket necklace lamp
    wash washes washed washed washing: car plate shirt window carpet blanket
    build builds built built building: bridge boat house wall tower garage
    choose chooses chose chosen choosing: carpet ring lamp painting necklace hat
    admire admires admired admired admiring: castle bridge garden tower lake statue
    inspect inspects inspected inspected inspecting: bridge engine roof factory kitchen tunnel
    draw draws drew drawn drawing: map portrait castle bridge tree horse
    forget forgets forgot forgotten forgetting: ticket passport umbrella hat key wallet
    take takes took taken taking: map coin ticket umbrella newspaper ladder
    deliver delivers delivered delivered delivering: package letter newspaper pizza basket cake
    borrow borrows borrowed borrowed borrowing: ladder bicycle umbrella novel tent drum
    bring brings brought brought bringing: cake basket blanket lamp ladder tent
    examine examines examined examined examining: map report painting coin contract statue
    eat eats ate eaten eating: apple sandwich pizza cake pear cookie
    throw throws threw thrown throwing: coin plate shoe ball stone hat
    move moves moved moved moving: piano sofa table ladder lamp statue
    wear wears wore worn wearing: hat ring necklace jacket shirt coat
    """
)
# Not by accident: what one may be asked, or decide, to do.
INTENDED = tuple(verb for verb in ACTIONS if verb.base not in {"lose", "forget", "find"})
# "She bought." is not a sentence; "She read." is.
NEEDING_OBJECT = tuple(
    verb
    for verb in ACTIONS
    if verb.base not in {"write", "paint", "clean", "read", "wash", "draw", "eat", "move", "forget"}
)
# Participle and past differ, so that a wrong form can be seen.
UNEVEN_ACTIONS = tuple(verb for verb in ACTIONS if verb.past != verb.participle)

# What people do to each other.
DEALINGS = verbs(
    """
    praise praises praised praised praising
    visit visits visited visited visiting
    help helps helped helped helping
    thank thanks thanked thanked thanking
    call calls called called calling
    invite invites invited invited inviting
    warn warns warned warned warning
    greet greets greeted greeted greeting
    criticize criticizes criticized criticized criticizing
    follow follows followed followed following
    blame blames blamed blamed blaming
    ignore ignores ignored ignored ignoring
    recognize recognizes recognized recognized recognizing
    interview interviews interviewed interviewed interviewing
    defend defends defended defended defending
    surprise surprises surprised surprised surprising
    question questions questioned questioned questioning
    annoy annoys annoyed annoyed annoying
    hire hires hired hired hiring
    encourage encourages encouraged encouraged encouraging
    """
)

# What people do all by themselves; none of these takes an object.
DOINGS = verbs(
    """
    sleep sleeps slept slept sleeping
    laugh laughs laughed laughed laughing
    smile smiles smiled smiled smiling
    sneeze sneezes sneezed sneezed sneezing
    wait waits waited waited waiting
    arrive arrives arrived arrived arriving
    cough coughs coughed coughed coughing
    faint faints fainted fainted fainting
    yawn yawns yawned yawned yawning
    kneel kneels knelt knelt kneeling
    stumble stumbles stumbled stumbled stumbling
    shiver shivers shivered shivered shivering
    """
)

# Adjectives that suit any of the things above.
LOOKS = tuple(
    """
    old new beautiful strange ordinary nice lovely unusual ugly simple fine wonderful
    """.split()
)
TIMES = (
    "yesterday evening",
    "last week",
    "on Monday",
    "this morning",
    "before lunch",
    "last summer",
    "on Friday",
    "two days ago",
    "after the meeting",
    "in April",
)
PLACES = (
    "in the garden",
    "at the station",
    "at the party",
    "in the kitchen",
    "near the river",
    "at the market",
    "in the library",
    "outside the theater",
    "behind the church",
    "on the bridge",
)
# These go with any action on purpose, wherever it may take place.
CIRCUMSTANCES = (
    "with a friend",
    "in a great hurry",
    "without any help",
    "with great care",
    "for the first time",
    "as a joke",
    "to please a friend",
    "against all advice",
)


class Kind(NamedTuple):
    """A category, its members, and what people do with them (in the past tense)."""

    name: Noun
    members: tuple[Noun, ...]
    done: tuple[str, ...]


KINDS = (
    Kind(noun("animal"), nouns("dog cat horse rabbit goat fox pig"), ("fed", "saw", "washed")),
    Kind(noun("bird"), nouns("sparrow owl crow robin eagle parrot"), ("saw", "fed", "drew")),
    Kind(noun("flower"), nouns("rose tulip daisy lily orchid"), ("picked", "bought", "painted")),
    Kind(noun("vehicle"), nouns("car truck bus van tractor"), ("sold", "repaired", "bought")),
    Kind(noun("tree"), nouns("oak maple pine birch willow"), ("planted", "climbed", "drew")),
    Kind(noun("instrument"), nouns("violin guitar flute drum harp"), ("sold", "bought", "tuned")),
    Kind(noun("tool"), nouns("hammer saw drill wrench shovel"), ("borrowed", "lost", "bought")),
    Kind(noun("fruit"), nouns("apple peach pear plum mango"), ("ate", "washed", "peeled")),
    Kind(noun("vegetable"), nouns("carrot onion potato tomato"), ("washed", "ate", "bought")),
    Kind(noun("fish"), nouns("salmon trout shark herring"), ("caught", "saw", "painted")),
)

# Comparatives and their contraries.
COMPARATIVES = (
    ("older", "younger"),
    ("taller", "shorter"),
    ("richer", "poorer"),
    ("stronger", "weaker"),
    ("faster", "slower"),
    ("heavier", "lighter"),
)
