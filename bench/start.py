#!/usr/bin/env python3
"""From the start of the program, its own loading included, until every partition on the built-in simulator has a durable
record, as the status says that is asked again and again."""
import json
import pathlib
import subprocess
import tempfile
import time
import urllib.request

from rig import TAPE

RUNS = 5


def once(folder):
    began = time.monotonic()
    process = subprocess.Popen([TAPE, "--log-level", "off", "run", "--simulate", "--data", folder, "--listen", "127.0.0.1:0"],
                               stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().split()[-1]
        while True:
            status = json.loads(urllib.request.urlopen(f"{address}api/v1/status", timeout=10).read())
            if all(partition.get("durable", 0) > 0 for partition in status["partitions"]) and status["partitions"]:
                return time.monotonic() - began
    finally:
        process.terminate()
        process.wait()


def main():
    times = []
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory(prefix="tape-bench-") as folder:
            times.append(once(pathlib.Path(folder) / "data"))
    times.sort()
    print(f"| start to first durable record | — | {times[RUNS // 2]:.2f} s (median of {RUNS}) | — | — | at most 0.3 s | — |")


if __name__ == "__main__":
    main()
