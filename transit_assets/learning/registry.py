"""The registry: MLflow, with runs, versions and the aliases `champion`, `challenger`, `previous`.

A version is one JSON document (`model.json`) among its run's artifacts; its tags hold the document's hash and,
once it was promoted, the version that it replaced. Serving follows the alias `champion`. Every change of an alias
is one transaction of MLflow's store, so there is exactly one champion at any instant; whatever a promotion that was
killed left undone, `settle` does.
"""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from transit_assets.learning.errors import ModelMissing, ModelUnreadable
from transit_assets.learning.fitting import Fitted

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
_DOCUMENT = "model/model.json"
_HASH, _REPLACED, _ESTIMATOR = "transit.sha256", "transit.replaced", "transit.estimator"
_DECIDED = "transit.decided"


@dataclass(frozen=True)
class Version:
    """One registered version of a model."""

    model: str
    number: str
    run_id: str
    estimator: str
    replaced: str | None
    decided: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Registry:
    """A registry at a store (`sqlite:///…`, `postgresql://…`, or a server's URL).

    `artifacts` is where a store without a server keeps the files of new runs. `lock_path` gives the lock file of a
    name: locks keep two promotions of one model on this host apart.
    """

    uri: str
    artifacts: str
    lock_path: Callable[[str], str]

    @cached_property
    def _client(self) -> "MlflowClient":
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        import logging

        from mlflow import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        logging.getLogger("alembic").setLevel(logging.WARNING)
        if self.uri.startswith("sqlite:///"):
            Path(self.uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
        with self.lock("store"):  # two first users at once would both create the store's tables
            return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    @contextmanager
    def lock(self, model: str) -> Iterator[None]:
        """Held while a champion is chosen, and nothing else may choose one on this host."""
        with FileLock(self.lock_path(f"registry.{model}")):
            yield

    def register(
        self,
        fitted: Fitted,
        *,
        domain: str,
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
        tags: Mapping[str, str],
        files: Mapping[str, str | bytes],
        description: str,
    ) -> Version:
        """Log a run with everything that speaks for a fitted model, and register it as the next version.

        `files` are further artifacts by name: the card, plots, the report. It becomes the challenger.
        """
        client, document = self._client, fitted.to_json()
        run = client.create_run(self._experiment(domain), run_name=fitted.name, tags=dict(tags))
        with tempfile.TemporaryDirectory() as folder:
            for name, content in {_DOCUMENT: document, **files}.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            client.log_artifacts(run.info.run_id, folder)
        self._log(run.info.run_id, parameters, metrics)
        self._ensure(fitted.name)
        version = client.create_model_version(
            fitted.name,
            source=f"runs:/{run.info.run_id}/model",
            run_id=run.info.run_id,
            tags={_HASH: hashlib.sha256(document.encode()).hexdigest(), _ESTIMATOR: fitted.estimator.kind},
            description=description,
        )
        client.set_terminated(run.info.run_id)
        client.set_registered_model_alias(fitted.name, CHALLENGER, version.version)
        return self.version(fitted.name, version.version)

    def _log(self, run_id: str, parameters: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        import time

        from mlflow.entities import Metric, Param

        now = int(time.time() * 1000)
        self._client.log_batch(
            run_id,
            metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in parameters.items()],
        )

    def add_file(self, version: Version, name: str, content: str | bytes) -> None:
        """One more artifact of a version's run."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, Path(name).name)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            self._client.log_artifact(version.run_id, str(path), str(Path(name).parent).removeprefix("."))

    def _experiment(self, domain: str) -> str:
        from mlflow.exceptions import MlflowException

        name = f"transit-{domain}"
        found = self._client.get_experiment_by_name(name)
        if found:
            return found.experiment_id
        where = None if self.uri.startswith("http") else f"{self.artifacts}/{domain}"
        try:
            return self._client.create_experiment(name, artifact_location=where)
        except MlflowException:  # another process was first
            found = self._client.get_experiment_by_name(name)
            if found is None:
                raise
            return found.experiment_id

    def _ensure(self, model: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    # Versions and aliases ----------------------------------------------------------------------

    def version(self, model: str, number: str) -> Version:
        """One version. Raises ModelMissing."""
        return _version(self._found(lambda: self._client.get_model_version(model, str(number)), f"{model} {number}"))

    def aliased(self, model: str, alias: str) -> Version | None:
        """The version that an alias names, None where it names none."""
        from mlflow.exceptions import MlflowException

        try:
            return _version(self._client.get_model_version_by_alias(model, alias))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def run_tags(self, version: Version) -> dict[str, str]:
        """The tags of the run that made a version: windows, data versions, code version."""
        return dict(self._client.get_run(version.run_id).data.tags)

    def champion(self, model: str) -> Version | None:
        return self.aliased(model, CHAMPION)

    def load(self, version: Version) -> Fitted:
        """The fitted model of a version. Raises ModelUnreadable where its document is missing or is not its own."""
        text = self.read(version, _DOCUMENT)
        if hashlib.sha256(text).hexdigest() != version.tags.get(_HASH):
            raise ModelUnreadable(f"{version.model} {version.number}: the stored model is not the one registered")
        return Fitted.from_json(text.decode())

    def read(self, version: Version, name: str) -> bytes:
        """One artifact of a version's run."""
        from mlflow.exceptions import MlflowException

        with tempfile.TemporaryDirectory() as folder:
            try:
                return Path(self._client.download_artifacts(version.run_id, name, folder)).read_bytes()
            except (OSError, MlflowException) as error:
                raise ModelUnreadable(f"{version.model} {version.number}: {name} cannot be read ({error})") from error

    def promote(self, version: Version) -> None:
        """Make a version the champion and what was champion the previous one. Call it under `lock`.

        The tag goes first: whoever finds the new champion finds what it replaced.
        """
        champion = self.champion(version.model)
        if champion and champion.number == version.number:
            return
        replaced = champion.number if champion else ""
        self._client.set_model_version_tag(version.model, version.number, _REPLACED, replaced)
        self._client.set_registered_model_alias(version.model, CHAMPION, version.number)
        self.settle(version.model)

    def mark_decided(self, version: Version, outcome: str) -> None:
        """Remember that a decision about a version is on record."""
        self._client.set_model_version_tag(version.model, version.number, _DECIDED, outcome)

    def roll_back(self, model: str) -> Version:
        """Make what the champion replaced the champion again. Call it under `lock`. Raises ModelMissing."""
        champion = self.champion(model)
        if champion is None or not champion.replaced:
            raise ModelMissing(f"{model} has no previous version to go back to")
        self._client.set_registered_model_alias(model, CHAMPION, champion.replaced)
        self.settle(model)
        return self.version(model, champion.replaced)

    def settle(self, model: str) -> Version | None:
        """Bring the aliases `previous` and `challenger` into line with the champion; returns the champion."""
        champion = self.champion(model)
        if champion is None:
            return None
        previous, challenger = self.aliased(model, PREVIOUS), self.aliased(model, CHALLENGER)
        if champion.replaced and (previous is None or previous.number != champion.replaced):
            self._client.set_registered_model_alias(model, PREVIOUS, champion.replaced)
        if previous and not champion.replaced:
            self._client.delete_registered_model_alias(model, PREVIOUS)
        if challenger and challenger.number == champion.number:
            self._client.delete_registered_model_alias(model, CHALLENGER)
        return champion

    @staticmethod
    def _found(get: Any, what: str) -> "ModelVersion":
        from mlflow.exceptions import MlflowException

        try:
            return get()
        except MlflowException as error:
            raise ModelMissing(f"{what} is not registered") from error


def _version(found: "ModelVersion") -> Version:
    return Version(
        model=found.name,
        number=str(found.version),
        run_id=str(found.run_id),
        estimator=found.tags.get(_ESTIMATOR, "unknown"),
        replaced=found.tags.get(_REPLACED) or None,
        decided=found.tags.get(_DECIDED),
        tags=dict(found.tags),
    )
