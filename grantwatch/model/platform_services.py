"""Azure's own services, told from callers that merely resemble them.

A platform service is a built-in service role *and* a service principal *and* a first-party application. Each alone an
attacker can have: a role can be assigned, a name chosen. The application id is attested by the token's issuer.
"""

# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles (ids without dashes, as the log has them)
_SERVICE_ROLES = frozenset(
    role.replace("-", "")
    for role in (
        "eb8e1991-5de0-42a6-a64b-29b059341b7b",  # Azure Event Hubs Service Role, as met in a published record
        "81a9662b-bebf-436f-a333-f67b29880f12",  # Storage Account Key Operator Service Role
        "e5e2a7ff-d759-4cd2-bb51-3152d37e2eb1",  # Storage Account Backup Contributor
        "c12c1c16-33a1-487b-954d-41c89c60f349",  # Reader and Data Access
    )
)

# https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in
_SERVICE_APPLICATIONS = frozenset(
    (
        "262044b1-e2ce-469f-a196-69ab7ada62d3",  # Backup Management Service
        "4962773b-9cdb-44cf-a8bf-237846a00ab7",  # Microsoft.EventGrid
        "80369ed6-5f11-4dd9-bef3-692475845e77",  # Microsoft.EventHubs
        "9469b9f5-6722-4481-a2b2-14ed560b706f",  # Microsoft.StorageSync
        "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",  # Azure Key Vault
    )
)


def is_platform_service(role_id: str | None, principal_type: str | None, app_id: str | None) -> bool:
    """Whether all three marks of a platform service are there."""
    return (
        (role_id or "").replace("-", "").lower() in _SERVICE_ROLES
        and (principal_type or "").lower() == "serviceprincipal"
        and (app_id or "").lower() in _SERVICE_APPLICATIONS
    )
