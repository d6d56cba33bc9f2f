"""Archives decoded once: a large payload cut into one Parquet file per partition, beside the payload.

`raw/<domain>/<feed>/decoded/v<version>/<sha256>/` holds `<partition>-<part>.parquet` and, written
last, `_done`. It is a cache: safe to delete at any time, rebuilt from the payload where it is
missing, and the same whoever builds it, so two processes that build it at once do no harm.
"""

import io
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from transit_assets.lake.landing import Fetch
from transit_assets.lake.snapshot import partition_text

if TYPE_CHECKING:
    from transit_assets.lake.lake import Lake

Decode = Callable[[BinaryIO], Iterator[tuple[str, pa.Table]]]

_DONE = "_done"


def decoded(lake: "Lake", fetch: Fetch, partition: str, decode: Decode, version: int) -> pa.Table:
    """The rows of an archive that belong to a partition, in payload order.

    `decode` gives (partition, rows) pairs, a partition any number of times; change `version` when its
    result changes. An archive without such rows gives no rows (and, if it has none at all, no columns).
    """
    folder = f"raw/{fetch.domain}/{fetch.feed}/decoded/v{version}/{fetch.sha256}"
    try:
        return _rows(lake, folder, partition)
    except FileNotFoundError:  # not decoded yet, or some of it was deleted
        with FileLock(lake.lock_path(f"decoded-{fetch.sha256}-v{version}")):
            try:
                return _rows(lake, folder, partition)
            except FileNotFoundError:
                _build(lake, folder, fetch, decode)
                return _rows(lake, folder, partition)


def _rows(lake: "Lake", folder: str, partition: str) -> pa.Table:
    """The rows of a partition of a decoded archive. Raises FileNotFoundError where a part of it is missing."""
    parts = json.loads(bytes(obstore.get(lake.location.store, f"{folder}/{_DONE}").bytes()))
    wanted = [_read(lake, folder, partition, part) for part in range(parts.get(partition, 0))]
    if wanted:
        return pa.concat_tables(wanted).combine_chunks()
    return _read(lake, folder, next(iter(parts)), 0).slice(0, 0) if parts else pa.table({})


def _build(lake: "Lake", folder: str, fetch: Fetch, decode: Decode) -> None:
    parts: dict[str, int] = {}
    with lake.landing.open(fetch) as payload:
        for partition, rows in decode(payload):
            part = parts.get(partition_text(partition), 0)
            buffer = io.BytesIO()
            # Nothing skips parts by their statistics, and a dictionary of figures is thrown away: a third less time.
            texts = [field.name for field in rows.schema if not pa.types.is_primitive(field.type)]
            pq.write_table(rows, buffer, compression="zstd", use_dictionary=texts, write_statistics=False)
            buffer.seek(0)
            obstore.put(lake.location.store, f"{folder}/{partition}-{part}.parquet", buffer)
            parts[partition] = part + 1
    obstore.put(lake.location.store, f"{folder}/{_DONE}", json.dumps(parts).encode())


def _read(lake: "Lake", folder: str, partition: str, part: int) -> pa.Table:
    found = obstore.get(lake.location.store, f"{folder}/{partition}-{part}.parquet").bytes()
    # `read_table` reads in threads of its own, and one that lets go of a Python buffer while the process ends aborts
    # it (1 of 20 imports). `ParquetFile` without threads stays in this one.
    return pq.ParquetFile(pa.py_buffer(found)).read(use_threads=False)
