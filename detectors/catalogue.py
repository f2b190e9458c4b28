"""The only list of what runs. A detector that is not here does not."""

from detectors.account_keys_read import account_keys_read
from detectors.account_keys_read_in_bulk import account_keys_read_in_bulk
from detectors.account_sas_issued import account_sas_issued
from detectors.bulk_read_through_sas import bulk_read_through_sas
from detectors.cross_tenant_replication_allowed import cross_tenant_replication_allowed
from detectors.data_destroyed import data_destroyed
from detectors.data_shared import data_shared
from detectors.diagnostic_settings_removed import diagnostic_settings_removed
from detectors.disk_access_granted import disk_access_granted
from detectors.exfiltration_campaign import exfiltration_campaign
from detectors.findings_rolled_up import findings_rolled_up
from detectors.grant_left_open import grant_left_open
from detectors.grants_denied_in_bulk import grants_denied_in_bulk
from detectors.image_shared import image_shared
from detectors.lighthouse_delegated import lighthouse_delegated
from detectors.network_opened import network_opened
from detectors.object_replication_configured import object_replication_configured
from detectors.private_endpoint_connected import private_endpoint_connected
from detectors.protection_removed import protection_removed
from detectors.public_access_enabled import public_access_enabled
from detectors.role_assigned import role_assigned
from detectors.sas_first_used import sas_first_used
from detectors.sas_policy_violated import sas_policy_violated
from detectors.sas_used_after_key_read import sas_used_after_key_read
from detectors.sas_used_externally import sas_used_externally
from detectors.sas_used_from_new_network import sas_used_from_new_network
from detectors.server_side_copy_out import server_side_copy_out
from detectors.service_sas_issued import service_sas_issued
from detectors.sftp_user_created import sftp_user_created
from detectors.snapshot_created import snapshot_created
from detectors.snapshot_to_instance import snapshot_to_instance
from detectors.user_delegation_key_issued import user_delegation_key_issued
from grantwatch.detection.detector import Detector

CATALOGUE: tuple[Detector, ...] = (
    disk_access_granted,
    account_sas_issued,
    service_sas_issued,
    user_delegation_key_issued,
    account_keys_read,
    sas_used_externally,
    server_side_copy_out,
    cross_tenant_replication_allowed,
    object_replication_configured,
    public_access_enabled,
    network_opened,
    lighthouse_delegated,
    image_shared,
    snapshot_created,
    diagnostic_settings_removed,
    sas_first_used,
    sas_used_from_new_network,
    sas_policy_violated,
    sas_used_after_key_read,
    bulk_read_through_sas,
    snapshot_to_instance,
    role_assigned,
    private_endpoint_connected,
    sftp_user_created,
    data_shared,
    data_destroyed,
    protection_removed,
    account_keys_read_in_bulk,
    grants_denied_in_bulk,
    exfiltration_campaign,
    grant_left_open,
    findings_rolled_up,
)
