"""The kinds of estimators there are, and how each becomes plain JSON and comes back: nothing else is ever loaded."""

from typing import Any

from transit_assets.learning.ensembles import Classes, Levels, Mean, PerHorizon, Within
from transit_assets.learning.errors import ModelUnreadable
from transit_assets.learning.estimators import (
    Boosted,
    Climatology,
    CountTable,
    Estimator,
    LogisticRegression,
    Persistence,
)
from transit_assets.learning.groups import GroupMean, GroupMedian, LineOver
from transit_assets.learning.profiles import HourOfWeekMedian, LastWeek, ProfileChange, Ridge, UsualWeek
from transit_assets.learning.typical import Told
from transit_assets.learning.untrained import Consensus, Proven

KINDS: dict[str, type] = {
    one.kind: one
    for one in (
        Persistence,
        LastWeek,
        CountTable,
        Climatology,
        HourOfWeekMedian,
        ProfileChange,
        LogisticRegression,
        Ridge,
        Boosted,
        Mean,
        PerHorizon,
        UsualWeek,
        Levels,
        GroupMedian,
        GroupMean,
        LineOver,
        Within,
        Classes,
        Told,
        Consensus,
        Proven,
    )
}


_LEARNT = ("text", "intercept")


def stored(estimator: Estimator) -> dict[str, Any]:
    """What JSON keeps of an estimator, and of its members."""
    state = dict(estimator.state())
    if "members" in state:
        state["members"] = {name: stored(member) for name, member in state["members"].items()}
    return {"kind": estimator.kind, "state": state}


def parameters(estimator: Estimator) -> dict[str, int | float | str]:
    """What was chosen of an estimator, and not learnt: its numbers and texts, those of a member as `member.name`."""
    found: dict[str, int | float | str] = {}
    for name, value in estimator.state().items():
        if name == "members":
            for member, one in value.items():
                found |= {f"{member}.{key}": chosen for key, chosen in parameters(one).items()}
        elif name == "parameters":
            found |= value
        elif isinstance(value, int | float | str) and name not in _LEARNT:
            found[name] = value
    return found


def load(document: dict[str, Any]) -> Estimator:
    """The estimator of a stored document. Raises ModelUnreadable where it is of no known kind or shape."""
    try:
        state = dict(document["state"])
        if "members" in state:
            state["members"] = {name: load(member) for name, member in state["members"].items()}
        found: Estimator = KINDS[document["kind"]](**state)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ModelUnreadable(f"a stored estimator is not of a known kind ({', '.join(KINDS)}): {error}") from error
    return found
