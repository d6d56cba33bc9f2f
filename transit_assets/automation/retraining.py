"""When a model is trained again, as a Dagster automation condition: enough new data, or features that drifted."""

import dagster as dg
from dagster import AutomationCondition, AutomationContext, AutomationResult

from transit_assets.automation.resources import LakeResource, RegistryResource
from transit_assets.learning.roles import CHALLENGER
from transit_assets.settings import settings


class NeedsTraining(AutomationCondition):
    """True for `models/<domain>/<model>_challenger` while the lake gives a reason to train that model."""

    @property
    def description(self) -> str:
        return "a week of new data, or a day of it and drift, since the model was last judged; or other features"

    def evaluate(self, context: AutomationContext) -> AutomationResult:
        is_due = _is_due(context.key)
        return AutomationResult(context, true_subset=context.candidate_subset if is_due else context.get_empty_subset())


def _is_due(key: dg.AssetKey) -> bool:
    from transit_assets.automation.models import domain_of
    from transit_assets.learning.errors import TooLittleData
    from transit_assets.learning.training import enough, is_due

    lake, domain = LakeResource.of(settings()).lake, domain_of(key.path[1])
    model = domain.model(f"{key.path[1]}_{key.path[2].removesuffix(f'_{CHALLENGER}')}")
    try:
        stretches = enough(lake, domain, days=domain.training_days)
    except TooLittleData:
        return False
    return is_due(lake, RegistryResource().registry, domain, model, stretches) is not None


# Once for each time a reason arises: a training that failed waits for the next reason, or for someone. Written out
# because `since_last_handled` also forgets what was true at the first tick, and a sensor that was switched on with
# data there would wait for ever.
NEEDS_TRAINING = (
    NeedsTraining().newly_true().since(AutomationCondition.newly_requested() | AutomationCondition.newly_updated())
    & ~AutomationCondition.in_progress()
).with_label("needs_training")
