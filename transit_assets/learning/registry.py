"""The registry: MLflow, with runs, versions and the aliases `champion`, `challenger`, `previous`.

A version is one JSON document (`model.json`) among its run's artifacts; its tags hold the hashes of the run's
documents, the decision about it and, once it was promoted, the version that it replaced. Serving follows the alias
`champion`. Every change of an alias is one transaction of MLflow's store, so there is exactly one champion at any
instant; whatever a promotion that was killed left undone, `settle` does.
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
from transit_assets.learning.roles import CHALLENGER, CHAMPION, PREVIOUS

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_SQLITE = "sqlite:///"
_DOCUMENT = "model/model.json"
_HASH, _REPLACED, _ESTIMATOR = "transit.sha256", "transit.replaced", "transit.estimator"
_FEATURES = "transit.features"  # names, with commas between them
_DECISION, _DECIDED = "transit.decision", "transit.decided"
_LONGEST_DESCRIPTION = 5000  # characters, the column of MLflow's store on PostgreSQL


@dataclass(frozen=True)
class Version:
    """One registered version of a model, with the decision about it (JSON) and, once on record, its outcome."""

    model: str
    number: str
    run_id: str
    estimator: str
    replaced: str | None
    decision: str | None
    decided: str | None
    tags: Mapping[str, str]

    @property
    def features(self) -> tuple[str, ...] | None:
        """Names of the features that it was fitted on; None where nobody wrote them down."""
        named = self.tags.get(_FEATURES)
        return None if named is None else tuple(named.split(","))


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
        if self.uri.startswith(_SQLITE):
            Path(self.uri.removeprefix(_SQLITE)).parent.mkdir(parents=True, exist_ok=True)
        with self.lock("store"):  # two first users at once would both create the store's tables
            return MlflowClient(tracking_uri=self.uri, registry_uri=self.uri)

    def exists(self) -> bool:
        """Whether there is a store to ask: to ask a SQLite file that nobody has made would make it."""
        return not self.uri.startswith(_SQLITE) or Path(self.uri.removeprefix(_SQLITE)).exists()

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

        `files` are further artifacts by name: the card, plots, the report. It becomes the challenger. The version
        comes last: one that exists has everything that a decision about it needs.
        """
        client, documents = self._client, {_DOCUMENT: fitted.to_json(), **files}
        run_id = client.create_run(self._experiment(domain), run_name=fitted.name, tags=dict(tags)).info.run_id
        try:
            self._log_files(run_id, documents)
            self._log(run_id, parameters, metrics)
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id)
        self._ensure(fitted.name)
        hashes = {_hash_tag(name): _hash(content) for name, content in documents.items() if name.endswith(".json")}
        version = client.create_model_version(
            fitted.name,
            source=f"runs:/{run_id}/model",
            run_id=run_id,
            tags={**hashes, _ESTIMATOR: fitted.called, _FEATURES: ",".join(fitted.features)},
            description=description[:_LONGEST_DESCRIPTION],
        )
        with self.lock(fitted.name):
            self._point_to_challenger(fitted.name, self.champion(fitted.name))
        return self.version(fitted.name, version.version)

    def _log_files(self, run_id: str, files: Mapping[str, str | bytes]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(_bytes(content))
            self._client.log_artifacts(run_id, folder)

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
        self._log_files(version.run_id, {name: content})

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
        if not self.exists():
            return None
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

    def undecided(self, model: str) -> list[Version]:
        """Versions whose decision is not on record, oldest first, of those that `register` made."""
        return [one for one in self._registered(model) if one.decided is None]

    def newest(self, model: str) -> Version | None:
        """The last version that `register` made, None where it made none."""
        return next(reversed(self._registered(model)), None)

    def _registered(self, model: str) -> list[Version]:
        """The versions that `register` made, oldest first."""
        if not self.exists():
            return []
        found = map(_version, self._client.search_model_versions(f"name = '{model}'"))
        return sorted((one for one in found if _hash_tag(_DOCUMENT) in one.tags), key=lambda one: int(one.number))

    def load(self, version: Version, name: str = _DOCUMENT) -> Fitted:
        """The fitted model of a version, or another one beside it by its artifact's name.

        Raises ModelUnreadable where the document is missing, is not the one registered, or is not understood.
        """
        try:
            return Fitted.from_json(self.document(version, name))
        except ModelUnreadable as error:
            prefix = f"{version.model} {version.number}: "
            raise ModelUnreadable(prefix + str(error).removeprefix(prefix)) from error

    def document(self, version: Version, name: str) -> str:
        """A JSON artifact. Raises ModelUnreadable where it is missing, or is not the one that was registered."""
        text = self.read(version, name)
        if _hash(text) != version.tags.get(_hash_tag(name)):
            raise ModelUnreadable(f"{version.model} {version.number}: {name} is not the one that was registered")
        return text.decode()

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

    def write_down(self, version: Version, decision: str) -> None:
        """Keep a decision (JSON) with its version before anything is done about it."""
        self._client.set_model_version_tag(version.model, version.number, _DECISION, decision)

    def mark_decided(self, version: Version, outcome: str) -> None:
        """Remember that a decision about a version is on record."""
        self._client.set_model_version_tag(version.model, version.number, _DECIDED, outcome)

    def roll_back(self, model: str) -> tuple[Version, Version]:
        """Make what the champion replaced the champion again. Call it under `lock`.

        Returns the version that is left and the one that is served again. Raises ModelMissing where there is none to
        go back to, ModelUnreadable where it does not load: nothing is changed then.
        """
        champion = self.champion(model)
        if champion is None or not champion.replaced:
            raise ModelMissing(f"{model} has no previous version to go back to")
        self.load(self.version(model, champion.replaced))
        self._client.set_registered_model_alias(model, CHAMPION, champion.replaced)
        self.settle(model)
        return champion, self.version(model, champion.replaced)

    def settle(self, model: str) -> Version | None:
        """Bring `previous` and `challenger` into line with the champion, which is returned. Call it under `lock`."""
        champion = self.champion(model)
        self._point_to_challenger(model, champion)
        if champion is None:
            return None
        previous = self.aliased(model, PREVIOUS)
        if champion.replaced and (previous is None or previous.number != champion.replaced):
            self._client.set_registered_model_alias(model, PREVIOUS, champion.replaced)
        if previous and not champion.replaced:
            self._client.delete_registered_model_alias(model, PREVIOUS)
        return champion

    def _point_to_challenger(self, model: str, champion: Version | None) -> None:
        """`challenger` is the newest version that waits for its decision, else the last one refused."""
        challenger, served = self.aliased(model, CHALLENGER), champion and champion.number
        waiting = [one.number for one in self.undecided(model) if one.number != served]
        if waiting and (challenger is None or challenger.number != waiting[-1]):
            self._client.set_registered_model_alias(model, CHALLENGER, waiting[-1])
        elif challenger and challenger.number == served:
            self._client.delete_registered_model_alias(model, CHALLENGER)

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
        decision=found.tags.get(_DECISION),
        decided=found.tags.get(_DECIDED),
        tags=dict(found.tags),
    )


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode()


def _hash(content: str | bytes) -> str:
    return hashlib.sha256(_bytes(content)).hexdigest()


def _hash_tag(name: str) -> str:
    """`transit.sha256.model` of `model/model.json`."""
    return f"{_HASH}.{Path(name).stem}"
