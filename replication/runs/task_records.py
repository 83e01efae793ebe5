"""Until pages and claims take these from `replication.runs.records`."""

from replication.runs.records import TaskRecords as TaskRecords
