"""What a user sees when something goes wrong: one line and an exit code, never a stack trace for a mistake."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130

# By qualified name, so that nothing has to be imported to look an error up; the closest base class decides.
# Their messages are written for users. An error that is not here is a bug, and shows its stack trace.
_EXIT_CODES = {
    "transit_assets.lake.errors.LakeError": FAILED,
    "transit_assets.lake.errors.ArchiveTooLarge": WRONG_USE,
    "transit_assets.lake.errors.LocationRefused": WRONG_USE,
    "transit_assets.lake.errors.OriginMismatch": WRONG_USE,
    "transit_assets.lake.errors.PayloadUnreadable": WRONG_USE,  # a file that was given, of an unknown format or damaged
    "transit_assets.lake.errors.QueryRefused": WRONG_USE,
    "transit_assets.lake.errors.QueryFailed": WRONG_USE,
    "transit_assets.lake.errors.TableMissing": WRONG_USE,
    "transit_assets.bikes.clean.errors.ArchiveOverlap": WRONG_USE,
    "transit_assets.bikes.clean.errors.ProviderSilent": FAILED,
    "transit_assets.context.errors.ContextError": WRONG_USE,
    "transit_assets.settings.SettingMissing": WRONG_USE,
    "transit_assets.export.ExportRefused": WRONG_USE,
    "transit_assets.quality.repairs.RepairRefused": WRONG_USE,
    "transit_assets.feeds.errors.FeedError": FAILED,
    "transit_assets.learning.errors.LearningError": FAILED,
    "transit_assets.learning.errors.ModelMissing": WRONG_USE,
    "transit_assets.learning.errors.TooLittleData": WRONG_USE,
    "mlflow.exceptions.MlflowException": FAILED,  # the store cannot be reached, or is of another version
    "transit_assets.automation.instance.InstanceHomeMissing": WRONG_USE,
    "_internal.DeltaError": FAILED,  # delta-rs: the store cannot be reached or read
    "_duckdb.Error": FAILED,  # a file of the lake is missing or damaged
    "dagster_postgres.utils.DagsterPostgresException": FAILED,
    "pydantic_settings.exceptions.SettingsError": WRONG_USE,
    "botocore.exceptions.BotoCoreError": FAILED,
    "botocore.exceptions.ClientError": FAILED,
    "obstore.exceptions.BaseError": FAILED,
    "builtins.OSError": FAILED,  # a full disk, a place that may not be written
    "builtins.NotADirectoryError": WRONG_USE,
    "builtins.FileNotFoundError": WRONG_USE,
}


class Mistake(Exception):
    """Wrong use that only a command can see; the message says what to do instead."""


_EXIT_CODES[f"{Mistake.__module__}.{Mistake.__qualname__}"] = WRONG_USE


def say(message: str) -> None:
    """One line for the user, beside the data."""
    typer.echo(message, err=True)


def explain(error: BaseException) -> tuple[int, str] | None:
    """The exit code and the sentence of a known error, else None."""
    if isinstance(error, BrokenPipeError):  # `transit sql … | head`: Typer ends quietly
        return None
    names = [f"{base.__module__}.{base.__qualname__}" for base in type(error).__mro__]
    if "pydantic_core._pydantic_core.ValidationError" in names and getattr(error, "title", None) == "Settings":
        return WRONG_USE, _of_settings(error)
    code = next((_EXIT_CODES[name] for name in names if name in _EXIT_CODES), None)
    return None if code is None else (code, " ".join(str(error).split()) or type(error).__name__)


def _of_settings(error: Any) -> str:
    """Which variable is wrong and why; never its value, which may be a secret."""
    return "; ".join(f"TRANSIT_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())


class Commands(TyperGroup):
    """The commands, with their known errors turned into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("interrupted: the lake holds what was committed before, and the next run takes up the rest")
            sys.stdout.flush()
            os._exit(INTERRUPTED)  # threads that are still at work would make an orderly end wait for them, or abort
        except Exception as error:
            explained = explain(error)
            if explained is None:
                raise
            code, message = explained
            say(f"error: {message}")
            raise typer.Exit(code) from None
