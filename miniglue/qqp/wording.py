"""Half of the QQP grammar: whether a question in other words is another question."""

from __future__ import annotations

from miniglue.alternations import Ways, placed, reworded
from miniglue.grammar import Draw, Group, Phenomenon
from miniglue.qqp.judgments import compared
from miniglue.synonyms import clusters

# Any of these can be asked about any of the goals.
ASKING = clusters(
    """
    how do I, how can I, what is the best way to
    why should I, what is a good reason to
    when should I, when is the right time to
    where can I, what is a good place to
    how long does it take to, how much time do I need to
    how much does it cost to, how much money do I need to
    who can help me, is there anybody who can help me
    is it legal to, does the law allow me to
    """
)
GOALS = clusters(
    """
    learn to swim, take swimming lessons
    learn the guitar, take guitar lessons
    learn French, study French
    lose weight, slim down
    gain weight, put on weight
    fix my car, repair my car
    sell my car, find a buyer for my car
    buy a used laptop, purchase a second-hand laptop
    rent an apartment, lease an apartment
    rent out my apartment, find a tenant for my apartment
    start a business, set up a company
    find a job, look for work
    leave my job, quit my job
    hire a lawyer, engage an attorney
    become a lawyer, train as an attorney
    see a doctor, consult a physician
    become a doctor, train as a physician
    get married, have a wedding
    get a divorce, end my marriage
    adopt a dog, get a dog from a shelter
    train my dog, teach my dog to obey
    change my name, take another name
    make new friends, meet new people
    throw a party, hold a party
    """
)
PLACES = clusters(
    """
    in New York, in New York City
    in America, in the United States
    in Britain, in the United Kingdom
    in Holland, in the Netherlands
    in Los Angeles, in LA
    in the countryside, in a rural area
    abroad, in a foreign country
    near the coast, close to the sea
    """
)
PRODUCTS = clusters(
    """
    phone, smartphone
    laptop, notebook
    bike, bicycle
    car, automobile
    television, TV
    sofa, couch
    film camera, analog camera
    fridge, refrigerator
    pair of glasses, pair of spectacles
    backpack, rucksack
    headset, pair of headphones
    game, board game
    """
)
LIMITS = clusters(
    """
    for less than, under, below
    for more than, over, above
    """
)
AMOUNTS = clusters(
    """
    $50, fifty dollars
    $100, a hundred dollars
    $200, two hundred dollars
    $500, five hundred dollars
    $1000, a thousand dollars
    $2000, two thousand dollars
    """
)
USERS = clusters(
    """
    for kids, for children
    for seniors, for old people
    for beginners, for a novice
    for college students, for university students
    for tourists, for travelers
    for moms, for mothers
    for dads, for fathers
    for teenagers, for adolescents
    """
)
TASKS = clusters(
    """
    cook for dinner, make for dinner
    bake for a party, make in the oven for a party
    see in Rome, visit in Rome
    see in Paris, visit in Paris
    do in the garden, do in the yard
    draw with a pencil, sketch with a pencil
    do in the gym, do at the fitness center
    clean at home, tidy up at home
    cook for breakfast, make for breakfast
    build out of wood, make out of wood
    """
)
DURATIONS = clusters(
    """
    in ten minutes, in 10 minutes
    in fifteen minutes, in a quarter of an hour
    in thirty minutes, in half an hour
    in forty-five minutes, in three quarters of an hour
    in sixty minutes, in an hour
    in ninety minutes, in an hour and a half
    in two hours, in 120 minutes
    in twenty-four hours, in one day
    """
)
CROWDS = clusters(
    """
    on my own, by myself
    with a friend, together with a friend
    with my kids, with my children
    with my wife, together with my wife
    with two friends, with a couple of friends
    with my coworkers, with my colleagues
    with my mom, with my mother
    with my dad, with my father
    """
)
OCCASIONS = clusters(
    """
    at a job interview, in an interview for a job
    at a funeral, at a burial
    at a wedding, at a marriage ceremony
    at a dance, at a ball
    in court, in front of a judge
    at the border, at passport control
    at a birthday party, at a party for a birthday
    in the gym, at the fitness center
    """
)
ACTS = (("say", "saying"), ("do", "doing"), ("wear", "wearing"))
# What one may want to do, and what one may or may not have for it.
MEANS = (
    ("get a well-paid job", "a degree"),
    ("rent a flat", "a passport"),
    ("book a hotel room", "a credit card"),
    ("learn chess", "a teacher"),
    ("get around", "a car"),
    ("grow tomatoes", "a garden"),
    ("write a will", "a lawyer"),
    ("open a bank account", "a job"),
    ("watch football", "a television"),
    ("learn to dance", "a partner"),
    ("bake bread", "an oven"),
    ("make coffee", "a machine"),
    ("cut glass", "a diamond"),
    ("keep warm in winter", "a stove"),
    ("clean a carpet", "a vacuum cleaner"),
    ("travel", "a guide"),
)
WISHES = ("how can I", "how do I", "is it easy to", "is it possible to", "can I")


def goal(d: Draw) -> Group:
    """How is not why, and losing weight is not gaining it."""

    def ways(asking: str, goal: str, place: str) -> Ways:
        return (f"{asking} {goal} {place}", f"{asking} {goal} if I live {place}")

    return compared(d, *reworded(d, ways, ASKING, GOALS, PLACES))


def product(d: Draw) -> Group:
    """What for whom at what price."""

    def ways(product: str, limit: str, amount: str, user: str) -> Ways:
        return (
            f"what is the best {product} {user} {limit} {amount}",
            f"which {product} {limit} {amount} is the best {user}",
        )

    return compared(d, *reworded(d, ways, PRODUCTS, LIMITS, AMOUNTS, USERS))


def duration(d: Draw) -> Group:
    """Half an hour is thirty minutes."""

    def ways(task: str, duration: str, crowd: str) -> Ways:
        return (f"what can I {task} {duration} {crowd}", f"what could I {task} {crowd} {duration}")

    return compared(d, *reworded(d, ways, TASKS, DURATIONS, CROWDS))


def means(d: Draw) -> Group:
    """With it or without it."""
    (aim, thing), wish, where = d.word(MEANS), d.one(WISHES), d.word(PLACES)[0]

    def ways(*conditions: str) -> Ways:
        return placed(tuple(f"{wish} {aim} {condition}" for condition in conditions), where)

    return compared(
        d,
        ways(f"with {thing}", f"if I have {thing}"),
        ways(f"without {thing}", f"if I do not have {thing}"),
    )


def advice(d: Draw) -> Group:
    """What one should not do is what one should avoid."""
    (base, gerund), occasion = d.one(ACTS), d.one(d.word(OCCASIONS))
    do = (f"what should I {base}", f"what is the right thing to {base}", f"what is good to {base}")
    avoid = (
        f"what should I not {base}",
        f"what is the wrong thing to {base}",
        f"what should I avoid {gerund}",
    )
    return compared(d, placed(do, occasion), placed(avoid, occasion))


WORDING: tuple[Phenomenon, ...] = (goal, product, duration)
POLARITY: tuple[Phenomenon, ...] = (means, advice)
