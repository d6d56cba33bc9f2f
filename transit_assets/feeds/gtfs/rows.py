"""The rows of a small file, and what is noted of them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from transit_assets.feeds.gtfs.files import File, Findings
from transit_assets.feeds.gtfs.reading import LINE

RoutesOf = Callable[[int], Collection[str] | None]
"""The routes that a row belongs to, by its position; None where that is not known."""


def of_any_route(row: int) -> None:
    """Rows that could be any route's."""


@dataclass(frozen=True)
class Rows:
    """A table of a file with `LINE`, where findings about it go, and whose rows they are."""

    file: File
    table: pa.Table
    findings: Findings
    routes_of: RoutesOf = of_any_route

    def note(
        self, bad: pa.Array | pa.ChunkedArray | np.ndarray, rule: str, detail: str, *, is_error: bool = True
    ) -> None:
        """Note the rows of a mask; `detail` names columns: `stop_lat is {stop_lat!r}`."""
        for row in np.flatnonzero(np.asarray(bad)).tolist():
            written = {name: self.table[name][row].as_py() for name in self.table.column_names}
            routes = self.routes_of(row)
            self.findings.add(
                self.file, rule, detail.format(**written), written[LINE], is_error=is_error, routes=routes
            )

    def check_keys(self) -> None:
        """Required values are there, and the key of a row is its own."""
        for name in self.file.required:
            self.note(self.table[name].is_null(), "missing_required_field", f"{name} is empty")
        if self.file.key and self.table.num_rows > 1:
            written = ", ".join(f"{name} {{{name}!r}}" for name in self.file.key)
            self.note(self._repeats(), "duplicate_key", f"{written} is there before")

    def _repeats(self) -> np.ndarray:
        columns = [self.table[name].combine_chunks().dictionary_encode().indices for name in self.file.key]
        codes = np.stack([column.fill_null(-1).to_numpy() for column in columns])
        order = np.lexsort((self.table[LINE].to_numpy(), *codes))
        is_same = np.all(codes[:, order[1:]] == codes[:, order[:-1]], axis=0)
        found = np.zeros(self.table.num_rows, dtype=bool)
        found[order[1:]] = is_same & np.all(codes[:, order[1:]] >= 0, axis=0)
        return found
