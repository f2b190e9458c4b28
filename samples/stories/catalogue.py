"""All stories, in the order of their telling."""

from samples.stories.backup_routine import backup_routine
from samples.stories.delegation_sas import delegation_sas
from samples.stories.disk_export import disk_export
from samples.stories.offline_sas import offline_sas
from samples.stories.portal_day import portal_day
from samples.stories.snapshot_to_machine import snapshot_to_machine
from samples.stories.storm import storm
from samples.stories.story import Story

STORIES = tuple(
    map(
        Story,
        (disk_export, snapshot_to_machine, offline_sas, delegation_sas, storm, backup_routine, portal_day),
    )
)
