#!/usr/bin/env python3
"""The shape of the source tree, held against what ARCHITECTURE.md promises: which folder may include which, where the
heavy third-party headers and the clocks are, how long a file may be. Run from the project's root."""
import pathlib
import re
import sys

SOURCE = pathlib.Path("src")
# Folder → the folders it may include, beside itself.
MAY_INCLUDE = {
    "base": set(),
    "market": {"base"},
    "log": {"market", "base"},
    "net": {"base"},
    "stream": {"log", "market", "base"},
    "venues": {"log", "market", "base"},
    "ops": {"venues", "stream", "log", "market", "base"},
    "feed": {"net", "venues", "log", "market", "base"},
    "sim": {"net", "market", "base"},
    "sinks": {"log", "market", "base"},
    "serve": {"net", "log", "market", "base"},
    "app": {"serve", "sinks", "feed", "sim", "ops", "venues", "stream", "log", "net", "market", "base"},
}
# Third-party headers → the folders whose files may name them.
CONFINED = {
    r"boost/(asio|beast)|openssl/ssl": {"net", "feed", "sim", "serve"},
    r"arrow/|parquet/": {"sinks"},
    r"duckdb\.h": {"sinks"},
    r"simdjson": {"base"},
    r"toml\+\+": {"app", "sim"},
    r"spdlog|prometheus/": {"base"},
}
PURE = {"market", "venues", "stream", "ops"}  # No clock and no randomness: a replay must be the live run again.
CLOCK = re.compile(r"\b(wall_clock|steady_clock|system_clock|random_device|mt19937|std::rand)\b")
# The one place right of the log that may ask a clock: when to checkpoint does not change what is computed.
CLOCK_ALLOWED = {"src/stream/shard.cpp"}
LONGEST_FILE = 400


def problems():
    for path in sorted(SOURCE.rglob("*")):
        if path.suffix not in (".h", ".cpp"):
            continue
        folder = path.relative_to(SOURCE).parts[0]
        test = path.stem.endswith("_test")
        lines = path.read_text().splitlines()
        if len(lines) > LONGEST_FILE and not test:
            yield f"{path}: {len(lines)} lines; a file past {LONGEST_FILE} wants to be two ideas"
        if path.suffix == ".h" and "#pragma once" not in lines:
            yield f"{path}: no '#pragma once'"
        if not test and lines and not lines[0].startswith("//") and not lines[0].startswith("#include \"" + folder):
            yield f"{path}: does not open with a sentence of what it is (or its own header)"
        for number, line in enumerate(lines, 1):
            where = f"{path}:{number}"
            if found := re.match(r'#include "([a-z]+)/', line):
                target = found[1]
                if target != folder and target not in MAY_INCLUDE[folder] and not test:
                    yield f"{where}: {folder} may not include {target}"
            if re.match(r'#include "[^/"]+"', line):
                yield f"{where}: includes are written \"folder/file.h\""
            for pattern, folders in CONFINED.items():
                if re.match(rf"#include <({pattern})", line) and folder not in folders and not test:
                    yield f"{where}: {line.strip()} belongs to {', '.join(sorted(folders))} alone"
            if folder in PURE and not test and str(path) not in CLOCK_ALLOWED and CLOCK.search(line.split("//")[0]):
                yield f"{where}: a clock or randomness right of the raw log"
        if folder in ("venues", "sim", "sinks", "ops") and not test:
            yield from sibling_includes(path, folder, lines)
    for folder in MAY_INCLUDE:
        if not (SOURCE / folder / "README.md").exists():
            yield f"src/{folder}: no README.md"


def sibling_includes(path, folder, lines):
    """Venue, sink and simulator files never know one another."""
    venues = {"okx", "coinbase", "kucoin", "binance", "coingecko", "kraken"}
    siblings = {"venues": venues, "sim": venues, "sinks": {"delta", "duckdb"}, "ops": set()}[folder]
    for line in lines:
        found = re.match(rf'#include "{folder}/([a-z_]+)\.h"', line)
        if found and found[1] in siblings and path.stem in siblings and found[1] != path.stem:
            yield f"{path}: includes its sibling {found[1]}"


def main():
    found = list(problems())
    print("\n".join(found) or "the layers hold")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
