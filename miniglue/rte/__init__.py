"""RTE: a premise, and a hypothesis that follows from it or does not.

The task is that of Dagan et al. (2006). What MNLI calls neutral and what it calls a
contradiction are one here. Most phenomena are shared with it: `operators`, where a word of the
premise decides what becomes of a clause in it, `senses`, where the hypothesis has other words,
and traps in the manner of HANS (McCoy et al. 2019), where it is made of the premise's own.
Operators are drawn more often: a small model learns them from a thousand examples, and
hardly any of the traps.
"""

from __future__ import annotations

from miniglue.grammar import Grammar
from miniglue.inference.operators import OPERATORS
from miniglue.inference.quantities import QUANTITIES_AND_KINDS
from miniglue.inference.roles import ROLES
from miniglue.inference.senses import SENSES
from miniglue.inference.verdicts import two_way
from miniglue.rte.retellings import RETELLINGS

LEADS = ("", "", "", "", "meanwhile, ", "in other news, ")

GRAMMAR = Grammar(
    phenomena=tuple(
        two_way(inference, LEADS)
        for inference in OPERATORS * 3 + SENSES * 2 + RETELLINGS * 2 + QUANTITIES_AND_KINDS + ROLES
    ),
    label_shares=(0.5, 0.5),
)
