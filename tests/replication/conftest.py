"""What several tests read and none changes: the committed studies on trial, and the release."""

from __future__ import annotations

import pytest

from replication.claims.trial import Trial, put_on_trial
from replication.paper import records


@pytest.fixture(scope="session")
def trial() -> Trial:
    """The study that the pages are about."""
    return put_on_trial("minilm-glue")


@pytest.fixture(scope="session")
def small_trial() -> Trial:
    """Two tasks of real GLUE: whatever is measured at all is measured there."""
    return put_on_trial("glue-small")


@pytest.fixture(scope="session")
def ours() -> records.Results:
    """The authors' results as this repository holds them."""
    return records.load()
