"""Until pages and claims take these from `replication.runs.records`."""

from replication.runs.records import KIND_LABELS as KIND_LABELS
from replication.runs.records import KINDS as KINDS
from replication.runs.records import METHOD_LABELS as METHOD_LABELS
from replication.runs.records import TICKET_STAGE as TICKET_STAGE
from replication.runs.records import TICKETS as TICKETS
from replication.runs.records import Entries as Entries
from replication.runs.records import config as config
from replication.runs.records import has_method as has_method
from replication.runs.records import masks_of as masks_of
from replication.runs.records import seeds_text as seeds_text
from replication.runs.records import share_left as share_left
from replication.runs.records import sizes_text as sizes_text
from replication.runs.records import stage_results as stage_results
from replication.runs.records import task_name as task_name
from replication.runs.records import ticket_scores as ticket_scores
from replication.runs.records import tickets_of as tickets_of
from replication.runs.records import warning as warning
