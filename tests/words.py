"""Words that the book does not use, and what it says instead; the few places where one is right."""

from __future__ import annotations

import re

INSTEAD = {
    "told|tells?": "say, show, or name who is addressed",
    "bars?": "threshold",
    "stands?|stood": "is",
    "beside": "with, next to, compared with",
    "anew": "again, at random",
    "trained again": "fine-tuned again, retrained",
    "half the depth": "six layers",
    "guesser": "majority baseline",
    "what is left": "the rest",
    "on trial": "tested",
    "for certain": "significant",
}
RIGHT = re.compile(
    r"\b(?:bar (?:charts?|plots?)|error bars?|stands? (?:in )?for|stand-in|what is left of)\b", re.I
)
MARKUP = re.compile(
    r"^[`:]{3,}.*$|^:\w+: .*$|^> .*$|`[^`]*`", re.M
)  # directives and their options, messages of the program, code
CLOSE = re.compile(r"\d%(?![\dA-F]{2})")  # a space is between a number and its unit: 50 %
BANNED = re.compile(rf"\b(?:{'|'.join(INSTEAD)})\b", re.I)


def length(text: str) -> int:
    """The number of words; a number and its unit are one."""
    return len(text.replace("\u00a0", " ").replace(" %", "%").split())


def banned(text: str) -> list[str]:
    """Every banned word of a text with what is around it, places where one is right left out.

    A number that touches its per cent sign is one too.
    """
    text = RIGHT.sub("_", MARKUP.sub("_", text))
    return [
        f"...{' '.join(text[max(0, m.start() - 30) : m.end() + 20].split())}..."
        for pattern in (BANNED, CLOSE)
        for m in pattern.finditer(text)
    ]
