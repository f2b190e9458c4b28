"""The part of MITRE ATT&CK that GrantWatch speaks, in the names of version 19.1.

Version 19 replaced the tactic Defense Evasion with Stealth and Defense Impairment, and T1562 with T1685 and its
neighbours: https://github.com/elastic/detection-rules/issues/6035
"""

from enum import Enum, StrEnum

from grantwatch.model.severity import Ordered


class Tactic(StrEnum):
    """An ATT&CK tactic, by its own name."""

    PERSISTENCE = "Persistence"
    STEALTH = "Stealth"
    DEFENSE_IMPAIRMENT = "Defense Impairment"
    CREDENTIAL_ACCESS = "Credential Access"
    COLLECTION = "Collection"
    EXFILTRATION = "Exfiltration"
    IMPACT = "Impact"


class Stage(Ordered):
    """Where a finding stands in a theft of data, in the order in which thieves proceed.

    The order is that of campaigns that were reported, such as Storm-0501's:
    https://www.microsoft.com/security/blog/2025/08/27/storm-0501s-evolving-techniques-lead-to-cloud-based-ransomware/
    """

    WEAKENING = "Weakening"
    ACCESS = "Access"
    """A credential taken, or a grant made."""
    USE = "Use"
    """Data copied or read."""
    DESTRUCTION = "Destruction"
    """Of data, or of traces."""


class Technique(Enum):
    """An ATT&CK technique: id, name and the tactic under which GrantWatch reports it."""

    TRANSFER_TO_CLOUD_ACCOUNT = ("T1537", "Transfer Data to Cloud Account", Tactic.EXFILTRATION)
    CREATE_SNAPSHOT = ("T1578.001", "Modify Cloud Compute Infrastructure: Create Snapshot", Tactic.STEALTH)
    DISABLE_CLOUD_LOGS = (
        "T1685.002",
        "Disable or Modify Tools: Disable or Modify Cloud Logs",
        Tactic.DEFENSE_IMPAIRMENT,
    )
    DISABLE_CLOUD_FIREWALL = (
        "T1686.001",
        "Disable or Modify System Firewall: Cloud Firewall",
        Tactic.DEFENSE_IMPAIRMENT,
    )
    UNSECURED_CREDENTIALS = ("T1552", "Unsecured Credentials", Tactic.CREDENTIAL_ACCESS)
    STEAL_ACCESS_TOKEN = ("T1528", "Steal Application Access Token", Tactic.CREDENTIAL_ACCESS)
    DATA_FROM_CLOUD_STORAGE = ("T1530", "Data from Cloud Storage", Tactic.COLLECTION)
    ACCOUNT_MANIPULATION = ("T1098", "Account Manipulation", Tactic.PERSISTENCE)
    ADDITIONAL_ROLES = ("T1098.003", "Account Manipulation: Additional Cloud Roles", Tactic.PERSISTENCE)
    DATA_DESTRUCTION = ("T1485", "Data Destruction", Tactic.IMPACT)
    INHIBIT_RECOVERY = ("T1490", "Inhibit System Recovery", Tactic.IMPACT)

    def __init__(self, technique_id: str, title: str, tactic: Tactic) -> None:
        self.id = technique_id
        self.title = title
        self.tactic = tactic


class Analytic(StrEnum):
    """An ATT&CK analytic that GrantWatch implements for Azure."""

    AN1580 = "AN1580"
    AN1187 = "AN1187"
