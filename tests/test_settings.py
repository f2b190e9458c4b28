"""Settings: what is wrong with them is said of all at once."""

import pytest

from grantwatch.errors import SettingsError
from grantwatch.settings import CloudSettings, FunctionAppSettings, Settings

COMPLETE = {
    "GRANTWATCH_INGESTION_ENDPOINT": "https://example.ingest.monitor.azure.com/",
    "GRANTWATCH_INGESTION_RULE_ID": "dcr-1",
    "GRANTWATCH_STATE": "https://example.table.core.windows.net",
    "GRANTWATCH_PARKING": "UseDevelopmentStorage=true",
    "GRANTWATCH_ACTIVITY_HUB": "activity",
    "GRANTWATCH_STORAGE_HUB": "storage",
    "GRANTWATCH_EVENTHUB__fullyQualifiedNamespace": "example.servicebus.windows.net",
}


def test_a_complete_environment_is_read() -> None:
    settings = FunctionAppSettings.read(COMPLETE)

    assert settings.ingestion_endpoint == "https://example.ingest.monitor.azure.com"
    assert settings.eventhub == "example.servicebus.windows.net"


def test_triggers_may_use_a_connection_string_too() -> None:
    environment = {**COMPLETE, "GRANTWATCH_EVENTHUB": "Endpoint=sb://127.0.0.1"}
    del environment["GRANTWATCH_EVENTHUB__fullyQualifiedNamespace"]

    assert FunctionAppSettings.read(environment).eventhub == "Endpoint=sb://127.0.0.1"


@pytest.mark.parametrize("missing", COMPLETE)
def test_every_missing_setting_is_named_with_its_meaning_and_an_example(missing: str) -> None:
    with pytest.raises(SettingsError) as raised:
        FunctionAppSettings.read({name: value for name, value in COMPLETE.items() if name != missing})

    assert str(raised.value).startswith(f"{missing} is missing. ")
    assert "Example: " in str(raised.value)


def test_all_faults_are_named_together() -> None:
    with pytest.raises(SettingsError) as raised:
        CloudSettings.read({"GRANTWATCH_STATE": "nonsense", "GRANTWATCH_OWN_NETWORKS": "300.0.0.0/8"})

    text = str(raised.value)
    assert "GRANTWATCH_STATE is malformed" in text
    assert "GRANTWATCH_OWN_NETWORKS is malformed" in text
    assert text.count(" is missing. ") == 3
    assert "nonsense" not in text


@pytest.mark.parametrize("address", ["http://example.table.core.windows.net", "ftp://x", "example.com", "https://"])
def test_a_token_is_sent_over_https_alone_but_for_this_machine(address: str) -> None:
    with pytest.raises(SettingsError):
        CloudSettings.read({**COMPLETE, "GRANTWATCH_STATE": address})
    assert CloudSettings.read({**COMPLETE, "GRANTWATCH_STATE": "http://127.0.0.1:10002/a"}).state


def test_an_empty_value_is_no_value() -> None:
    assert Settings.read({"GRANTWATCH_OWN_NETWORKS": ""}) == Settings()
