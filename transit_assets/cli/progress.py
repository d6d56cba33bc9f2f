"""What is being done right now, on standard error: a spinner on a terminal, one line each elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]


@contextmanager
def progress() -> Iterator[Say]:
    """A function that names the next piece of work; the piece before it is then shown with its seconds."""
    from rich.console import Console
    from rich.status import Status

    console = Console(stderr=True, highlight=False)
    current: str | None = None
    started = time.monotonic()

    def finish() -> None:
        if current is not None:
            console.print(f"[green]✓[/] {current} [dim]{time.monotonic() - started:.1f} s[/]")

    with Status("", console=console) as status:

        def say(message: str) -> None:
            nonlocal current, started
            finish()
            current, started = message, time.monotonic()
            status.update(message)

        yield say
        finish()
