"""MNLI: does the premise entail the hypothesis, leave it open, or contradict it?

The task is that of Williams et al. (2018), whose premises come from several genres; here a
few opening words stand for talk, tale and report. Each group has one premise or two of
nearly the same words, and a hypothesis for each verdict.
"""

from __future__ import annotations

from miniglue.grammar import Grammar
from miniglue.inference.operators import OPERATORS
from miniglue.inference.quantities import QUANTITIES_AND_KINDS
from miniglue.inference.roles import ROLES
from miniglue.inference.senses import SENSES
from miniglue.inference.verdicts import three_way

LEADS = (
    "",
    "",
    "",
    "",
    "well, ",
    "yes, ",
    "you know, ",
    "in short, ",
    "in the end, ",
    "as usual, ",
)

GRAMMAR = Grammar(
    phenomena=tuple(
        three_way(inference, LEADS)
        for inference in SENSES * 2 + OPERATORS * 3 + ROLES[:4] + QUANTITIES_AND_KINDS
    ),
    label_shares=(1 / 3, 1 / 3, 1 / 3),
)
