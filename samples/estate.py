"""The invented company: its subscriptions, accounts, disks and people, and the strangers in the story."""

from datetime import UTC, datetime, timedelta

from tools.azure_records import (
    AZURE_CLI,
    AZURE_PORTAL,
    BACKUP_MANAGEMENT_SERVICE,
    EVENT_GRID,
    Account,
    Caller,
    CallerKind,
    Role,
    Subscription,
    Tenant,
)

DAY = datetime(2026, 3, 10, tzinfo=UTC)

CONTOSO = Tenant("contoso")
FABRIKAM = Tenant("fabrikam")
TAILSPIN = Tenant("tailspin")

PRODUCTION = Subscription("production", CONTOSO, ("contoso-root", "contoso-workloads"))
ANALYTICS = Subscription("analytics", CONTOSO, ("contoso-root", "contoso-workloads"))
SANDBOX = Subscription("sandbox", CONTOSO, ("contoso-root",))
SUBSCRIPTIONS = (PRODUCTION, ANALYTICS, SANDBOX)

FINANCE = Account("contosofinance", PRODUCTION, "rg-finance")
PAYROLL = Account("contosopayroll", PRODUCTION, "rg-finance")
ARCHIVE = Account("contosoarchive", PRODUCTION, "rg-archive")
VAULT = Account("contosovault", PRODUCTION, "rg-archive")
LAKE = Account("contosolake", ANALYTICS, "rg-lake")
STAGING = Account("contosostaging", ANALYTICS, "rg-lake")
MODELS = Account("contosomodels", ANALYTICS, "rg-models")
WEBSITE = Account("contosowebsite", PRODUCTION, "rg-web")
ORDERS = Account("contosoorders", PRODUCTION, "rg-web")
ACCOUNTS = (
    FINANCE,
    PAYROLL,
    ARCHIVE,
    VAULT,
    LAKE,
    STAGING,
    MODELS,
    WEBSITE,
    ORDERS,
    Account("contosotelemetry", ANALYTICS, "rg-lake"),
    Account("contosodevone", SANDBOX, "rg-dev"),
    Account("contosodevtwo", SANDBOX, "rg-dev"),
)

DISK = "Microsoft.Compute/disks"
SNAPSHOT = "Microsoft.Compute/snapshots"
MACHINE = "Microsoft.Compute/virtualMachines"
DATABASE_DISK = PRODUCTION.resource("rg-sql", DISK, "disk-sql-prod-01-data")
APPLICATION_DISK = PRODUCTION.resource("rg-web", DISK, "disk-app-prod-02-os")
PROTECTED_DISKS = (
    DATABASE_DISK,
    APPLICATION_DISK,
    *(PRODUCTION.resource("rg-sql", DISK, f"disk-sql-prod-{number:02d}-data") for number in range(2, 12)),
)

OPERATOR = Caller(CallerKind.USER, "Robin Kessler", CONTOSO, "198.51.100.20", Role.CONTRIBUTOR, AZURE_CLI)
ENGINEER = Caller(CallerKind.USER, "Imani Duarte", CONTOSO, "198.51.100.21", Role.CONTRIBUTOR, AZURE_PORTAL)
ANALYST = Caller(CallerKind.USER, "Noor Lindqvist", CONTOSO, "198.51.100.34", Role.ACCOUNT_CONTRIBUTOR, AZURE_PORTAL)
TERRAFORM = Caller(CallerKind.SERVICE_PRINCIPAL, "contoso-terraform", CONTOSO, "198.51.100.80", Role.CONTRIBUTOR)
BACKUP_PRODUCT = Caller(
    CallerKind.SERVICE_PRINCIPAL, "contoso-disk-backup", CONTOSO, "198.51.100.90", Role.SNAPSHOT_CONTRIBUTOR
)
EVENT_DELIVERY = Caller(CallerKind.PLATFORM_SERVICE, "event delivery", CONTOSO, "", Role.KEY_OPERATOR, EVENT_GRID)
BACKUP_SERVICE = Caller(
    CallerKind.PLATFORM_SERVICE,
    "backup management",
    CONTOSO,
    "",
    Role.BACKUP_CONTRIBUTOR,
    BACKUP_MANAGEMENT_SERVICE,
)
WORKLOADS = tuple(
    Caller(
        CallerKind.MANAGED_IDENTITY,
        name,
        CONTOSO,
        f"10.20.{number}.4",
        Role.BLOB_CONTRIBUTOR,
        resource_id=PRODUCTION.resource("rg-web", "Microsoft.Web/sites", name),
    )
    for number, name in enumerate(("orders-api", "invoice-worker", "report-builder", "lake-ingest"))
)

THIEF = Caller(CallerKind.GUEST, "Mara Voss", FABRIKAM, "203.0.113.66", Role.CONTRIBUTOR, AZURE_CLI, methods="pwd")
"""A contractor's account, stolen: a guest in contoso whose home is fabrikam."""
THIEF_IPV6 = "2001:db8:66::17"
FOREIGN_SUBSCRIPTION = Subscription("loot", TAILSPIN)
FOREIGN_ACCOUNT = Account("tailspinloot", FOREIGN_SUBSCRIPTION, "rg-loot")


def at(clock: str, *, day: int = 0) -> datetime:
    """Return this time of the day, written "HH:MM" or "HH:MM:SS"; `day` counts from the day of the theft."""
    hours, minutes, *seconds = map(int, clock.split(":"))
    return DAY + timedelta(days=day, hours=hours, minutes=minutes, seconds=sum(seconds))
