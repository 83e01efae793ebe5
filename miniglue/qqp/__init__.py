"""QQP: two questions as people ask them on a forum, and whether one answer serves both.

The task is that of the Quora question pairs (Iyer et al. 2017). In `wording` a question is
asked in other words, or something else is asked; in `roles` the same words ask about the
same thing or about its reverse, as in PAWS-QQP (Zhang et al. 2019). Each group has
duplicates and near misses made of the same words and constructions.
"""

from __future__ import annotations

from miniglue.grammar import Grammar
from miniglue.qqp.roles import ROLES
from miniglue.qqp.wording import POLARITY, WORDING

GRAMMAR = Grammar(phenomena=WORDING * 5 + POLARITY * 2 + ROLES, label_shares=(0.63, 0.37))
