"""Which heads tasks share in the released BERT-base: `sec5_3_shared_between_tasks` shows it."""

from __future__ import annotations

from lottery_utils.agreement.sharing import Sharing
from replication.paper import records
from replication.store import Store


def learned(store: Store) -> Sharing:
    """What the tasks share that BERT-base learns. Raises `UserError` without the records."""
    results = records.load(store)
    return records.sharing_of(results).only([t for t in results if t not in records.UNLEARNED])
