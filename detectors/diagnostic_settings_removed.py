import shlex

from grantwatch.detection.detector import Metadata, Said, detector
from grantwatch.detection.match import CounterFact, Match
from grantwatch.model.attack import Analytic, Stage, Technique
from grantwatch.model.operation import Operation
from grantwatch.model.resource import ResourceId
from grantwatch.model.severity import Outcome, Severity


@detector(
    id="GW15",
    on=Operation,
    operations=("Microsoft.Insights/diagnosticSettings/delete", "*/delete"),
    metadata=Metadata(
        title="Diagnostic settings removed",
        severity=Severity.MEDIUM,
        stage=Stage.WEAKENING,
        techniques=(Technique.DISABLE_CLOUD_LOGS,),
        analytics=(Analytic.AN1580,),
        false_positives=(
            "The resource itself is deleted; that is recognised when it happens under the same correlation id.",
            "Settings are deleted and made anew by a deployment.",
        ),
        triage=(
            "Make the setting anew first: everything since is unseen.",
            "Ask the actor why logging was switched off.",
            "Look for what the same actor did before and after, on the same resource first of all.",
        ),
        references=("https://learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings",),
    ),
)
def diagnostic_settings_removed(operation: Operation) -> Said:
    """A resource, or the subscription, stopped sending its logs.

    When what it belonged to was deleted under the same correlation id, that explains it. The caller chooses that id,
    so the explanation lowers the finding and does not silence it.
    """
    if not operation.resource.kind.endswith("/diagnosticsettings"):
        if operation.correlation_id:
            yield CounterFact(
                topic=("deleted", operation.correlation_id, operation.resource.key),
                at=operation.decided,
                holds=operation.outcome is Outcome.SUCCEEDED and operation.deletes_its_resource,
                reason=f"{operation.resource.name} itself was deleted under the same correlation id",
            )
        return
    owners = tuple(operation.resource.ancestors())
    resource = owners[0] if owners else operation.resource
    setting = operation.resource.name
    yield Match(
        summary=f"{operation.actor.label} removed a diagnostic setting of {resource.label}.",
        target=resource,
        at=operation.decided,
        evidence={"Setting": setting},
        countered_by=tuple(("deleted", operation.correlation_id, owner.key) for owner in owners)
        if operation.correlation_id
        else (),
        containment=_containment(resource, setting),
    )


def _containment(resource: ResourceId, setting: str) -> str:
    """The command that makes a setting anew; the authorization rule that it sends with is the reader's to fill in."""
    scope = f"create --resource {resource.quoted} --event-hub-rule"
    if resource.kind == "microsoft.resources/subscriptions":
        scope = (
            f"subscription create --subscription {shlex.quote(resource.name)} --location global --event-hub-auth-rule"
        )
    return (
        f'az monitor diagnostic-settings {scope} "$RULE_ID" --name {shlex.quote(setting)} '
        '--logs \'[{"categoryGroup": "allLogs", "enabled": true}]\''
    )
