"""As whom GrantWatch calls Azure."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential


def credential(
    *, managed_identity: bool, client_id: str | None = None
) -> "ManagedIdentityCredential | DefaultAzureCredential":
    """The app's managed identity where there is one, else whoever is signed in on this machine.

    ``client_id`` names one of several identities that are assigned to the app. In the app nothing else is tried: a
    chain of credentials takes seconds to fail, and hides which of them did.
    """
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    if managed_identity:
        return ManagedIdentityCredential(client_id=client_id)
    return DefaultAzureCredential()
