"""Commands about models: `train`, `evaluate`, `rollback`."""

from datetime import UTC, datetime, tzinfo
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from transit_assets.cli.lakes import open_lake
from transit_assets.cli.mistakes import Mistake, say
from transit_assets.cli.output import Format, write
from transit_assets.cli.progress import progress, stoppable

if TYPE_CHECKING:
    from transit_assets.learning.domain import Domain


def add_to(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command(name="train")(train)
    app.command(name="evaluate")(evaluate)
    app.command(name="rollback")(rollback)


def train(
    models: Annotated[
        list[str] | None, typer.Argument(help="Models such as `bikes_full`; all without any.", metavar="[MODEL]...")
    ] = None,
) -> None:
    """Train a challenger of some models, or of all, and decide whether it is served from now on.

    A challenger that is refused is no failure: the exit code is 0, and the reason is printed.
    """
    from transit_assets.automation.runs import train as train_now
    from transit_assets.cli.work import report

    wanted = _known(models)
    with progress() as doing:
        result = stoppable(lambda: train_now(wanted, progress=doing))
    report(result)


def evaluate(
    domain: Annotated[str, typer.Argument(help="Domain: `bikes`, `road`, `fire` or `rail`.")],
    train_from: Annotated[
        str,
        typer.Option(help="First instant to learn from: a day (the fire: of London), or an ISO instant (UTC)."),
    ],
    train_to: Annotated[str, typer.Option(help="End of what is learnt from, exclusive.")],
    test_from: Annotated[str, typer.Option(help="First instant to judge on.")],
    test_to: Annotated[str, typer.Option(help="End of what is judged on, exclusive.")],
    folds: Annotated[
        int, typer.Option(min=1, help="Cut the test window into so many; each learns from all that came before it.")
    ] = 1,
    form: Annotated[Format, typer.Option("--format", help="How the rows are written.")] = Format.TABLE,
) -> None:
    """Evaluate every model of a domain on any two windows, beside its baselines. Nothing is registered.

    The rows are printed and kept in `models.evaluations`, as version `unregistered`.
    """
    import pyarrow as pa

    from transit_assets.learning.examples import Window
    from transit_assets.learning.schema import EVALUATIONS
    from transit_assets.learning.splits import rolling_origin
    from transit_assets.learning.training import evaluate as evaluate_windows
    from transit_assets.settings import settings

    learner, configured = _domain(domain), settings()
    zone = learner.zone
    learnt = Window(_instant("--train-from", train_from, zone), _instant("--train-to", train_to, zone))
    judged = Window(_instant("--test-from", test_from, zone), _instant("--test-to", test_to, zone))
    for name, window in (("--train", learnt), ("--test", judged)):
        if window.start >= window.end:
            raise Mistake(f"{name}-from {window.start.isoformat()} is not before {name}-to {window.end.isoformat()}")
    if judged.start < learnt.end:
        raise Mistake("the test window starts before the training window ends: a model is judged on what came later")
    gap, length = judged.start - learnt.end, (judged.end - judged.start) / folds
    rows = []
    with progress() as doing:
        for train_on, test_on in rolling_origin(Window(learnt.start, judged.end), folds, test=length, gap=gap):
            doing(f"{domain}: training on {train_on}, judging on {test_on}")
            judge = partial(evaluate_windows, open_lake(), learner, train_on, test_on)
            rows += stoppable(partial(judge, seed=configured.training_seed, at_most=configured.training_examples))
    write(pa.Table.from_pylist(rows, schema=EVALUATIONS.schema), form)


def rollback(model: Annotated[str, typer.Argument(help="Model, `bikes_full`.", metavar="MODEL")]) -> None:
    """Serve the version that the champion of a model replaced."""
    from transit_assets.automation.models import domain_name, domain_of
    from transit_assets.automation.resources import RegistryResource
    from transit_assets.learning.promotion import roll_back

    (name,) = _known([model])
    one = domain_of(domain_name(name)).model(name)
    decision = roll_back(open_lake(), RegistryResource().registry, one.name, one.domain, one.headline)
    say(f"{name}: {decision.reason}")


def _known(models: list[str] | None) -> list[str]:
    from transit_assets.automation.models import domain_of
    from transit_assets.automation.runs import LEARNING

    known = [model.name for domain in LEARNING for model in domain_of(domain).models]
    for name in models or ():
        if name not in known:
            raise Mistake(f"there is no model {name}; there are {', '.join(known)}")
    return list(dict.fromkeys(models or known))


def _domain(name: str) -> "Domain":
    from transit_assets.automation.models import domain_of
    from transit_assets.automation.runs import LEARNING

    if name not in LEARNING:
        raise Mistake(f"there is no domain {name} that learns; there is {', '.join(LEARNING)}")
    return domain_of(name)


def _instant(option: str, text: str, zone: tzinfo) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Mistake(f"{option} {text}: must be a day (2025-09-13) or an instant (2025-09-13T21:58Z)") from None
    if not 1970 <= found.year <= 2100:
        raise Mistake(f"{option} {text}: must lie in the years 1970 to 2100")
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
