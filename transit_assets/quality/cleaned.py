"""What a domain's clean step hands to the load: the candidate rows of one partition and their accounting."""

from dataclasses import dataclass

import pyarrow as pa

CANDIDATE_COLUMNS = (
    pa.field("row_number", pa.int32()),  # position of the record in its payload, from 0
    pa.field("problem", pa.string()),  # what decoding could not make of it, as `rule: detail`; null where all is well
)


@dataclass(frozen=True)
class Cleaned:
    """One partition of one table, decoded, not yet ruled on.

    `candidates` has the table's columns and `CANDIDATE_COLUMNS`, in payload order. Records that said nothing
    new were dropped while decoding and are counted in `duplicates`; `conflicts` of them had other values.
    `landed` counts the records of the partition's payloads: `len(candidates) + duplicates`.
    `fingerprint` is the landing's fingerprint of the partition at the time of reading.
    """

    partition: str | None
    candidates: pa.Table
    landed: int
    duplicates: int = 0
    conflicts: int = 0
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        if self.landed != self.candidates.num_rows + self.duplicates:
            raise ValueError(
                f"{self.partition}: {self.landed} records landed, but {self.candidates.num_rows} candidates "
                f"and {self.duplicates} duplicates came out"
            )


def candidate_schema(schema: pa.Schema) -> pa.Schema:
    """A table's schema with the candidate columns after its own."""
    return pa.schema([*schema, *CANDIDATE_COLUMNS])
