"""`python -m benchmarks [NAME...]`: runs benchmarks, prints them, writes docs/benchmarks.md."""

import os
import pkgutil
import platform
import re
import sys
from importlib import import_module

import benchmarks
from benchmarks.harness import PAGE, Report

_INTRO = """# Benchmarks

Written by `make {target}`. Each contestant runs in a process of its own, in turns with the others; time is the median
of the rounds without imports, memory the peak of the whole process.
"""
_SECTION = re.compile(r"<!-- (\w+) -->\n(.*?)\n<!-- /\1 -->", re.DOTALL)


def main(wanted: list[str]) -> int:
    names = sorted(
        module.name
        for module in pkgutil.iter_modules(benchmarks.__path__)
        if not module.ispkg and module.name not in ("harness", "__main__")
    )
    unknown = set(wanted) - set(names)
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(names)}", file=sys.stderr)
        return 2
    sections = dict(_SECTION.findall(PAGE.read_text())) if PAGE.exists() else {}
    is_kept = True
    for name in wanted or names:
        report: Report = import_module(f"benchmarks.{name}").main()
        is_kept &= all(limit.is_kept for limit in report.limits)
        sections[name] = report.markdown()
        print(sections[name], flush=True)
    machine = f"Measured on {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}.\n"
    written = "\n".join(f"<!-- {name} -->\n{sections[name]}\n<!-- /{name} -->\n" for name in names if name in sections)
    intro = _INTRO.format(target="bench" if PAGE.stem == "benchmarks" else "bench-full")
    PAGE.write_text(f"{intro}{machine}\n{written}")
    return 0 if is_kept else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
