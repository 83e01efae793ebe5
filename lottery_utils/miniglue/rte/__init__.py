"""RTE: a premise, and a hypothesis that follows from it or does not.

The task is that of Dagan et al. (2006). Two families of phenomena: `operators`, where a
word of the premise decides what becomes of a clause in it, and `overlap`, traps in the
manner of HANS (McCoy et al. 2019), where the hypothesis is made of the premise's own
words. Each group has entailed and not entailed pairs of nearly the same words.
Operators are drawn twice as often: a small model learns them from a thousand examples,
and hardly any of the traps.
"""

from __future__ import annotations

from lottery_utils.miniglue.grammar import Grammar
from lottery_utils.miniglue.rte.operators import OPERATORS
from lottery_utils.miniglue.rte.overlap import OVERLAP

GRAMMAR = Grammar(phenomena=OPERATORS * 2 + OVERLAP, label_shares=(0.5, 0.5))
