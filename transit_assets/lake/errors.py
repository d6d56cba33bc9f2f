"""What can go wrong in the lake, each with a name and one clear sentence."""

from typing import ClassVar


class LakeError(Exception):
    """Base of every error of the lake; its message is written for the user."""


class SchemaDrift(LakeError):
    """Rows do not have the columns of their table; the message names the column."""


class UnpartitionedOverwrite(LakeError):
    """A partitioned table was about to be overwritten without naming its partitions."""


class WriteConflict(LakeError):
    """Another writer replaced the same partition first; the table holds its whole version."""


class LocationRefused(LakeError):
    """A lake cannot be in a place of this name."""


class OriginMismatch(LakeError):
    """Real data for a simulated lake, or the reverse."""


class PayloadCorrupt(LakeError):
    """A payload in landing no longer has the hash it is stored under."""


class PayloadUnreadable(LakeError):
    """A payload that is damaged, or not what it should be."""


class UnknownFormat(PayloadUnreadable):
    """A payload of no known format; the message says what was seen and what is known.

    A domain names itself and its formats in a class of its own.
    """

    domain: ClassVar[str]
    known: ClassVar[tuple[str, ...]]

    def __init__(self, seen: str) -> None:
        super().__init__(f"unknown format: {seen}. Known for {self.domain}: {'; '.join(self.known)}")
        self.seen = seen


class ArchiveTooLarge(LakeError):
    """A file beyond the cap on bytes of an import, as it is or unpacked."""


class TableMissing(LakeError):
    """A table that was asked for has not been created in this lake."""


class TableUnreadable(LakeError):
    """A table whose log or data files are damaged or missing; the message names the relation and the file."""


class VersionMissing(LakeError):
    """A version of a table that is no longer kept, or that never was."""


class QueryRefused(LakeError):
    """A statement that `transit sql` does not run."""


class QueryFailed(LakeError):
    """A statement of `transit sql` that DuckDB cannot parse, bind or run."""
