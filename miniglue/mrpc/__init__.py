"""MRPC: two sentences of news that mean the same, or only look as if they did.

The task is that of Dolan and Brockett (2005), who searched news for pairs with many words
in common. Here `wording` exchanges words for synonyms or for others that fit as well, and
`roles` turns sentences round with and without turning round who did what to whom, in the
manner of PAWS (Zhang et al. 2019). Each group has paraphrases and near misses made of the
same words and constructions.
"""

from __future__ import annotations

from miniglue.grammar import Grammar
from miniglue.mrpc.roles import ROLES
from miniglue.mrpc.wording import POLARITY, WORDING

GRAMMAR = Grammar(phenomena=WORDING * 4 + POLARITY * 2 + ROLES, label_shares=(0.32, 0.68))
