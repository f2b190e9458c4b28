"""What AzCopy leaves in the log of the account that it downloads from."""

from datetime import datetime, timedelta
from random import Random

from tools.azure_records import Account, Credential, Record, storage_request

AZCOPY_AGENT = "AzCopy/10.28.0 azsdk-go-azblob/v1.4.0 (go1.22.5; linux)"
BLOCK = 8_388_608
_BLOCKS_IN_A_BLOB = 20


def ranged_read(
    rng: Random,
    account: Account,
    moment: datetime,
    credential: Credential,
    address: str,
    index: int,
    *,
    block: int = BLOCK,
) -> Record:
    """Return the read of one block of `block` bytes; `index` counts the blocks of all blobs."""
    blob, part = divmod(index, _BLOCKS_IN_A_BLOB)
    first = part * block
    return storage_request(
        rng,
        account,
        "GetBlob",
        moment + timedelta(milliseconds=rng.randrange(900)),
        credential,
        address,
        path=f"/exports/ledger-2026-{blob:03d}.bak",
        agent=AZCOPY_AGENT,
        status=206,
        size=block,
        download_range=f"bytes={first}-{first + block - 1}",
    )
