"""CoLA: acceptable sentences and their minimally different, unacceptable twins.

The idea of a minimal pair per construction is that of BLiMP (Warstadt et al. 2020), and
the choice of constructions owes much to it; the task is that of Warstadt et al. (2019).
Wherever possible the same words occur in acceptable and unacceptable sentences, so that
a bag of words learns little. Dependencies are drawn more rarely than the rest: a small
model learns hardly any of them from a thousand examples.
"""

from __future__ import annotations

from miniglue.cola.arguments import ARGUMENTS
from miniglue.cola.dependencies import DEPENDENCIES
from miniglue.cola.order import ORDER
from miniglue.grammar import Grammar

GRAMMAR = Grammar(phenomena=(ARGUMENTS + ORDER) * 3 + DEPENDENCIES, label_shares=(0.3, 0.7))
