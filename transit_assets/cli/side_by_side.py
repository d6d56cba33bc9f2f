"""Commands of `transit` at once, each in a process of its own, on as many cores as there are."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from transit_assets.cli.mistakes import say


@dataclass(frozen=True)
class Command:
    """What follows `transit`, and variables of the environment that differ from this process's."""

    arguments: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)


def side_by_side(commands: Sequence[Command], *, tell: Callable[[str], None] = say) -> bool:
    """Run commands and pass on what they say, line by line, as they say it. Whether all of them ended well.

    Where one fails the others go on. Ctrl-C ends them all as by a kill: the lake holds what was committed.
    """
    processes: list[subprocess.Popen[str]] = []
    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    futures = [pool.submit(_run, command, processes, tell) for command in commands]
    try:
        while wait(futures, timeout=0.2).not_done:  # an unbounded wait would not hear Ctrl-C
            pass
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        while not all(future.done() for future in futures):  # `wait` waits for ever for one cancelled before it began
            for process in processes:
                process.kill()
            time.sleep(0.1)
    return all(future.result() == 0 for future in futures)


def _run(command: Command, processes: list[subprocess.Popen[str]], tell: Callable[[str], None]) -> int:
    with subprocess.Popen(  # noqa: S603  this program, with arguments of its own
        [sys.executable, "-m", "transit_assets.cli", *command.arguments],
        env=os.environ | command.environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        processes.append(process)
        for line in process.stderr or ():
            tell(line.rstrip("\n"))
    if process.returncode < 0:
        _free_what_it_held()
        tell(f"failed: transit {' '.join(command.arguments)} was killed (signal {-process.returncode})")
    return process.returncode


def _free_what_it_held() -> None:
    """Close the run of a killed process: it may hold a place that another command waits for."""
    from transit_assets.automation import instance
    from transit_assets.settings import settings

    with instance.opened(settings()):
        pass
