"""SST-2: pieces of film reviews whose verdict hangs on how the words are put together.

The task is that of Socher et al. (2013), who parsed reviews because negation, contrast
and degree turn sentiments round. Here a group uses the same words of praise and blame in
positive and negative examples, and only a few phenomena let a single word decide.
"""

from __future__ import annotations

from miniglue.grammar import Grammar
from miniglue.sst2.phenomena import PHENOMENA

GRAMMAR = Grammar(phenomena=PHENOMENA, label_shares=(0.5, 0.5))
