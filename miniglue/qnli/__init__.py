"""QNLI: does the sentence contain the answer to the question?

The task is that of Wang et al. (2018), made from the questions of Rajpurkar et al. (2016).
Question and sentence always speak of the same; what is asked for may be missing, belong to
something else, or fill another role. Groups are crossed: every question and every sentence
occurs with either label.
"""

from __future__ import annotations

from miniglue.grammar import Grammar
from miniglue.qnli.circumstances import CIRCUMSTANCE
from miniglue.qnli.participants import PARTICIPANTS

GRAMMAR = Grammar(
    phenomena=CIRCUMSTANCE[:2] * 3 + CIRCUMSTANCE * 2 + PARTICIPANTS, label_shares=(0.5, 0.5)
)
