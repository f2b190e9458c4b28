"""The same rules as one would write them for oneself: `json.loads`, and one function of `if`s for each family.

It decides which findings there are, and how much was read with each SAS in a day, and nothing more: nothing is merged,
judged, explained, salvaged, or kept anywhere but in memory.
"""

import ipaddress
import json
import re

Hit = tuple[str, str, tuple[str, ...]]
"""Detector, owner tenant, and the natural key of the finding."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

Taken = dict[tuple[str, str, str], tuple[dict[str, int], set[str]]]
"""By account, signature and day: the bytes that each request read, and the objects."""

_SIGNATURE = re.compile(r"SasSignature\(([0-9A-Fa-f]+)\)")
_PRIVATE = [
    ipaddress.ip_network(block)
    for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
]
_READS = ("GetBlob", "GetBlobRange", "ReadFile", "GetFile")
_DISK_ACCESS = ("/begingetaccess/action", "/endgetaccess/action", "/retrievesasuris/action")
_BY_OPERATION = {
    "microsoft.storage/storageaccounts/listkeys/action": "account_keys_read",
    "microsoft.storage/storageaccounts/listaccountsas/action": "account_sas_issued",
    "microsoft.storage/storageaccounts/listservicesas/action": "service_sas_issued",
    "microsoft.storage/storageaccounts/objectreplicationpolicies/write": "object_replication_configured",
    "microsoft.managedservices/registrationassignments/write": "lighthouse_delegated",
    "microsoft.compute/galleries/share/action": "image_shared",
    "microsoft.insights/diagnosticsettings/delete": "diagnostic_settings_removed",
}


def storage_hits(body: bytes, hits: set[Hit], networks: dict[tuple[str, str], Network], taken: Taken) -> int:
    """Add what a body of storage records amounts to; returns how many records it has.

    ``networks`` remembers where each SAS was first used, ``taken`` how much was read with it.
    """
    records = json.loads(body)["records"]
    for record in records:
        operation = record["operationName"]
        identity = record.get("identity", {})
        authentication = identity.get("type", "")
        if authentication in ("SAS", "DelegationSas"):
            if not 200 <= int(record.get("statusCode", 0)) < 300:
                continue
            token = identity.get("tokenHash", "")
            properties = record["properties"]
            account = properties["accountName"].lower()
            signature = found[1].upper() if (found := _SIGNATURE.search(token)) else "unknown"
            day = record["time"][:10]
            if operation in _READS:
                sizes, objects = taken.setdefault((account, signature, day), ({}, set()))
                sizes[record["correlationId"]] = properties.get("responseBodySize", 0)
                objects.add(properties["objectKey"])
            if "&ss=" in record["uri"]:
                hits.add(("sas_first_used", "", (account, signature)))
            if properties.get("userAgentHeader", "").lower().startswith("services_xstore_transport"):
                if operation in _READS:
                    hits.add(("server_side_copy_out", "", ("read", account, signature, day)))
            elif not token.startswith("system-"):
                address = ipaddress.ip_address(record["callerIpAddress"].rpartition(":")[0].strip("[]"))
                network = "AzureInternal" if any(address in each for each in _PRIVATE) else "Public"
                hits.add(("sas_used_externally", "", (account, signature, network, day)))
                block = ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False)
                if networks.setdefault((account, signature), block) != block:
                    hits.add(("sas_used_from_new_network", "", (account, signature)))
        elif authentication == "OAuth":
            granted = identity.get("authorization", ())
            if operation == "GetUserDelegationKey" or any(
                "generateUserDelegationKey" in each.get("action", "") for each in granted
            ):
                who = identity.get("requester", {}).get("objectId") or record["callerIpAddress"].rpartition(":")[0]
                issued = "issued" if 200 <= int(record.get("statusCode", 0)) < 300 else "refused"
                account = record["properties"]["accountName"].lower()
                hits.add(("user_delegation_key_issued", "", (who, account, record["time"][:10], issued)))
    return len(records)


def activity_hits(body: bytes, hits: set[Hit], settings: dict[tuple[str, str], tuple[str, str]]) -> int:
    """Add what a body of Activity records amounts to; returns how many records it has.

    ``settings`` remembers the last value of each property of each account, and the call that set it.
    """
    records = json.loads(body)["records"]
    for record in records:
        operation = record["operationName"].lower()
        if operation in _BY_OPERATION:
            detectors = [_BY_OPERATION[operation]]
        elif operation.startswith(("microsoft.compute/", "microsoft.elasticsan/")) and operation.endswith(_DISK_ACCESS):
            detectors = ["disk_access_granted"]
        elif operation == "microsoft.compute/snapshots/write":
            request = json.loads(record["properties"].get("requestbody", "null"))
            created = request is None or "creationData" in request.get("properties", {})
            detectors = ["snapshot_created"] if created else []
        elif operation in (
            "microsoft.storage/storageaccounts/write",
            "microsoft.storage/storageaccounts/blobservices/containers/write",
        ):
            properties = json.loads(record["properties"].get("requestbody", "{}")).get("properties", {})
            changes = []
            if operation.endswith("/containers/write"):
                if properties.get("publicAccess", "None").lower() != "none":
                    changes.append(("public_access_enabled", "publicAccess", properties["publicAccess"]))
            else:
                rules = properties.get("networkAcls", {})
                if properties.get("allowBlobPublicAccess"):
                    changes.append(("public_access_enabled", "allowBlobPublicAccess", "true"))
                if properties.get("allowCrossTenantReplication"):
                    changes.append(("cross_tenant_replication_allowed", "allowCrossTenantReplication", "true"))
                if properties.get("publicNetworkAccess", "").lower() == "enabled":
                    changes.append(("network_opened", "publicNetworkAccess", "enabled"))
                if rules.get("defaultAction", "").lower() == "allow":
                    changes.append(("network_opened", "defaultAction", "allow"))
                elif rules.get("ipRules"):
                    allowed = ",".join(sorted(rule["value"] for rule in rules["ipRules"]))
                    changes.append(("network_opened", "ipRules", allowed))
            detectors = []
            for detector, name, value in changes:
                setting = (record["resourceId"].lower(), name)
                known, call = settings.get(setting, ("", ""))
                if known != value or call == record["correlationId"]:
                    detectors.append(detector)
                settings[setting] = (value, record["correlationId"])
        else:
            continue
        natural = (record["correlationId"].lower(), operation, record["resourceId"].lower())
        hits.update((detector, record["tenantId"], natural) for detector in detectors)
    return len(records)
