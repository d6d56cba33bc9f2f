"""What can go wrong in the lake, each with a name and one clear sentence."""


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
