"""Groups of questions and sentences, for the QNLI grammar."""

from __future__ import annotations

from miniglue.grammar import Example, Group
from miniglue.spelling import sentence

ANSWERED, NOT_ANSWERED = 0, 1
Answer = tuple[str, str]


def crossed(one: Answer, other: Answer) -> Group:
    """Two questions, each with its own answer and with that of the other.

    Every question and every sentence thus occurs once with either label.
    """
    (question, here), (other_question, there) = one, other
    return [
        Example(sentence(asked), sentence(told), label)
        for asked, told, label in (
            (question, here, ANSWERED),
            (other_question, there, ANSWERED),
            (question, there, NOT_ANSWERED),
            (other_question, here, NOT_ANSWERED),
        )
    ]


def answered(question: str, answer: str, *others: str) -> Group:
    """One question with a sentence that answers it and with such that do not."""
    told = ((answer, ANSWERED), *((other, NOT_ANSWERED) for other in others))
    return [Example(sentence(question), sentence(text), label) for text, label in told]
