"""Where a lake is: a folder or `s3://bucket/prefix`, and how each library is told to reach it."""

import stat
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import obstore
from obstore.store import LocalStore, ObjectStore, S3Store

from transit_assets.lake.errors import LocationRefused

_REFUSED = frozenset("*?[]#%")  # patterns to DuckDB, parts of an address to delta-rs


@dataclass(frozen=True)
class Location:
    """The root of a lake. S3 credentials and endpoint come from the usual `AWS_*` variables."""

    root: str

    @classmethod
    def of(cls, root: str | Path) -> "Location":
        """The root that a text names. Raises LocationRefused where delta-rs or DuckDB would take it for another."""
        text = str(root)
        found = text.rstrip("/") if text.startswith("s3://") else str(Path(text).resolve())
        refused = " ".join(sorted(_REFUSED & set(found)))
        if refused:
            raise LocationRefused(f"the lake {found} cannot have {refused} in its name; choose another folder")
        return cls(found)

    @property
    def is_s3(self) -> bool:
        return self.root.startswith("s3://")

    @property
    def folder(self) -> Path | None:
        """The root as a path, or None on S3."""
        return None if self.is_s3 else Path(self.root)

    def uri(self, path: str) -> str:
        """The full address of a path below the root."""
        return f"{self.root}/{path}"

    @cached_property
    def storage_options(self) -> dict[str, str]:
        """What delta-rs needs besides the environment: plain HTTP only where the endpoint says so."""
        return {"allow_http": "true"} if self.is_s3 and _endpoint().startswith("http://") else {}

    def exists(self) -> bool:
        """Whether there is such a folder; a bucket answers for itself when it is asked.

        Raises NotADirectoryError where a file is in the way.
        """
        if self.folder is None:
            return True
        try:
            is_folder = stat.S_ISDIR(self.folder.stat().st_mode)
        except FileNotFoundError:
            return False
        if not is_folder:
            raise NotADirectoryError(f"the lake {self.root} is a file, not a folder")
        return True

    @cached_property
    def store(self) -> ObjectStore:
        """The root as an object store: atomic puts, conditional creates, listings. Creates the folder."""
        if not self.is_s3:
            return LocalStore(self.root, mkdir=True)
        allow_http = _endpoint().startswith("http://")
        return S3Store.from_url(self.root, client_options={"allow_http": allow_http})

    def folders(self, path: str) -> list[str]:
        """Names of the folders directly below a path, sorted; none where the path does not exist."""
        if not self.exists():
            return []
        listing = obstore.list_with_delimiter(self.store, path)
        return sorted(str(prefix).rstrip("/").rsplit("/", 1)[-1] for prefix in listing["common_prefixes"])


def _endpoint() -> str:
    import os

    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or ""
