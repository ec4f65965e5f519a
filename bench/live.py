#!/usr/bin/env python3
"""The live benchmark: capture alone and then everything on, over loopback TLS, against a bare Beast read loop of the same
stream. One simulator sends both venues' trades and tickers; the bare reader, `tape collect` and `tape run` take turns on
it. CPU seconds a message are compared; lag and resident memory are sampled while it runs. LIVE_SECONDS (20), LIVE_RATE (20000)."""
import json
import os
import pathlib
import subprocess
import tempfile
import time

from rig import TAPE, Program, simulator, subscriptions

READER = TAPE.parent / "bench/bare_reader"
SECONDS = int(os.environ.get("LIVE_SECONDS", "20"))
RATE = int(os.environ.get("LIVE_RATE", "20000"))


def run_tape(verb, folder, ready):
    """CPU seconds a message, messages, lags and memory."""
    with Program(verb, folder, ready) as program:
        program.wait_for_frames(RATE)
        before, first = program.cpu_and_rss()[0], program.frames()
        lags, memory = [], []
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(1)
            lags.append(program.lag())
            memory.append(program.cpu_and_rss()[1])
        cpu, last = program.cpu_and_rss()[0], program.frames()
        return (cpu - before) / (last - first), last - first, lags, memory


def main():
    with tempfile.TemporaryDirectory(prefix="tape-bench-") as name, simulator(RATE) as ready:
        bare = json.loads(subprocess.run([READER, ready["ca"], str(SECONDS), *subscriptions(ready["venues"])],
                                         capture_output=True, text=True, check=True).stdout)
        baseline = bare["cpu_seconds"] / bare["messages"]
        for verb, what, target in (("collect", "capture alone", "1.5"), ("run", "everything on", "4")):
            ours, messages, lags, memory = run_tape(verb, pathlib.Path(name) / verb, ready)
            print(f"| live over TLS, {what}, {messages / SECONDS:.0f} messages/s for {SECONDS} s, CPU | bare Beast read loop "
                  f"({bare['messages'] / SECONDS:.0f} messages/s) | {ours * 1e6:.1f} µs/message | {baseline * 1e6:.1f} µs/message | "
                  f"{ours / baseline:.2f} x its CPU | at most {target} x | lag {max(lags[:len(lags) // 2])} then "
                  f"{max(lags[len(lags) // 2:])} records at most, RSS {max(memory):.0f} MB |")


if __name__ == "__main__":
    main()
