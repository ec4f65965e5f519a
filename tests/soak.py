#!/usr/bin/env python3
"""The long run: six simulated exchanges at some 2,000 frames/s, a random fault every five seconds, and then the whole of what
was stored held against the simulator's ledger. Prints the table of docs/soak.md. SOAK_SECONDS (600), SOAK_RATE (4000, of the
simulator: the symbols that are followed make up less), SOAK_SEED (1). Exit 1 where a trade is neither there nor named by a gap, or memory grew past 250 MB."""
import collections
import datetime
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

import fault_test
from fault_check import Checker
from harness import Running, query

SECONDS = int(os.environ.get("SOAK_SECONDS", "600"))
RATE = int(os.environ.get("SOAK_RATE", "4000"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
RSS_MOST = 250  # MB


def script(venues):
    """A random fault in each five seconds, at a random moment of them."""
    dice = random.Random(SEED)
    followed = [venue for venue in venues if fault_test.SOURCES[venue][2]]
    text = f"seed = {SEED}\n"
    for begin in range(5, SECONDS - 5, 5):
        fault = fault_test.random_fault(dice, dice.choice(followed), 5)
        lines = [line for line in fault.splitlines() if not line.startswith(("at =", "after_messages"))]
        text += "\n".join([*lines, f'at = "{begin * 1000 + dice.randint(0, 4999)}ms"', ""])
    return text


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tape-soak-"))
    venues = list(fault_test.SOURCES)
    faults = script(venues)
    simulator = fault_test.Simulator(folder, faults, venues, SEED, RATE)
    config = fault_test.write_config(folder, simulator, venues, {})
    memory, wrong = [], []
    began = time.monotonic()
    with Running("run", "-c", config, data=folder / "data") as running:
        running.address()
        while time.monotonic() - began < SECONDS:
            time.sleep(5)
            memory.append(running.cpu_and_rss()[1])
        cpu = running.cpu_and_rss()[0] / (time.monotonic() - began)
        try:
            fault_test.Faults().settle(running, venues, set(), True)
        except AssertionError as error:
            wrong.append(str(error))
        frames = sum(slot["frames"] for slot in running.status()["sources"])
        code = running.stop()
        (folder / "tape.log").write_text(running.output())
        if code != 0:
            wrong.append(f"tape run exits {code}")
    simulator.stop()
    third = len(memory) // 3
    early, late = max(memory[third:2 * third]), max(memory[2 * third:])
    if max(memory) > RSS_MOST:
        wrong.append(f"RSS {max(memory):.0f} MB is more than {RSS_MOST}")
    checker = Checker(folder / "data", simulator.ledger)
    wrong += checker.check([(venue, native) for venue in venues for native in fault_test.SOURCES[venue][2]])
    fired = collections.Counter(fault["kind"] for fault in checker.ledger.faults)
    trades = sum(len(ticks) for ticks in checker.ticks.values())
    by_status = query(folder / "data", "select cause, status, count(*) n, sum(missing) missing from gaps_latest "
                                       "where cause <> 'stopped' group by all order by all")
    print(f"""| what | seen on {datetime.date.today()} |
|---|---|
| run | {SECONDS} s, six venues, {frames / SECONDS:.0f} frames/s, seed {SEED} |
| faults that struck | {sum(fired.values())}: {", ".join(f"{kind} {count}" for kind, count in sorted(fired.items()))} |
| CPU | {cpu * 100:.0f} % of one core |
| RSS | {max(memory):.0f} MB at most; {early:.0f} MB at most in the middle third, {late:.0f} MB in the last |
| trades | {trades} stored, each once and exact |
| gaps by cause and status (trades that were missing) | {"; ".join(f"{row['cause']} {row['status']} {row['n']} ({row['missing'] or 0})" for row in by_status)} |
| unexplained: trades neither stored nor named, gaps left open, windows that differ | {len(wrong)} |""")
    for text in wrong[:20]:
        print(text[:1500], file=sys.stderr)
    if wrong:
        print(f"the folder stays: {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
