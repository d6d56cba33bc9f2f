"""Several domains at once, each in a process of its own: they share no table but the logs, which take any writer."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from transit_assets.automation.runs import Materialized, materialize
from transit_assets.settings import settings

_CONTEXT = multiprocessing.get_context("spawn")  # a fork would share DuckDB's and Delta's threads, which are not there


@dataclass(frozen=True)
class Fill:
    """A domain to fill from a day on, its models from so many examples at most."""

    domain: str
    first: date
    training_examples: int


def fill(wanted: Sequence[Fill], *, progress: Callable[[str, str], None]) -> Materialized:
    """Do what `materialize` does with each domain, as many at once as there are cores.

    `progress` is told the domain and what it does now. What a domain raises is raised here; then, and at Ctrl-C, the
    processes of the others are ended as by a kill: the lake holds what was committed.
    """
    waiting, result = list(wanted), Materialized()
    running: dict[Connection, tuple[Fill, BaseProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                ours, process = _started(waiting[0])
                running[ours] = (waiting.pop(0), process)
            said_something = connection.wait(list(running))
            for pipe in [pipe for pipe in running if pipe in said_something]:
                one, process = running[pipe]
                said = _received(pipe, one, process)
                if isinstance(said, str):
                    progress(one.domain, said)
                    continue
                result.add(said)
                process.join()
                del running[pipe]
    finally:
        for _, process in running.values():
            process.kill()  # what else a run hears, it takes for a step to do again
            process.join()
    return result


def _started(one: Fill) -> tuple[Connection, BaseProcess]:
    ours, theirs = _CONTEXT.Pipe(duplex=False)
    process = _CONTEXT.Process(target=_fill, args=(one, theirs), daemon=True)
    process.start()
    theirs.close()
    return ours, process


def _received(pipe: Connection, one: Fill, process: BaseProcess) -> str | Materialized:
    """What a process says next. Raises what it raised."""
    try:
        said = pipe.recv()
    except EOFError:
        process.join()
        return Materialized(errors=[f"{one.domain}: its process ended with exit code {process.exitcode}"])
    if isinstance(said, Exception):
        raise said
    return said


def _fill(one: Fill, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes of a terminal; the first one decides
    settings().training_examples = one.training_examples
    try:
        pipe.send(materialize([one.domain], one.first, progress=pipe.send))
    except Exception as error:  # noqa: BLE001  raised again by the process that waits
        pipe.send(error)
