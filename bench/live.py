#!/usr/bin/env python3
"""The live benchmark: everything on, over loopback TLS, against a bare Beast read loop of the same stream.
One simulator sends both venues' trades and tickers; the bare reader and `tape run` take turns on it. CPU seconds a
message are compared; lag and resident memory are sampled while it runs. LIVE_SECONDS (20) and LIVE_RATE (20000)."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

TAPE = pathlib.Path(sys.argv[1]).resolve()
READER = TAPE.parent / "bench/bare_reader"
SECONDS = int(os.environ.get("LIVE_SECONDS", "20"))
RATE = int(os.environ.get("LIVE_RATE", "20000"))
SYMBOLS = {"okx": ["BTC-USDT", "ETH-USDT", "SOL-USDT"], "coinbase": ["BTC-USD", "ETH-USD", "SOL-USD"]}


def subscriptions(venues):
    okx = {"op": "subscribe", "args": [{"channel": c, "instId": s} for c in ("trades", "tickers") for s in SYMBOLS["okx"]]}
    coinbase = {"type": "subscribe", "product_ids": SYMBOLS["coinbase"], "channels": ["matches", "ticker", "heartbeat"]}
    return [venues["okx"]["ws"].removeprefix("wss://") + "/ws/v5/public", json.dumps(okx),
            venues["coinbase"]["ws"].removeprefix("wss://") + "/", json.dumps(coinbase)]


def config(ready):
    text = ""
    for venue, symbols in SYMBOLS.items():
        text += (f'[[source]]\nvenue = "{venue}"\nsymbols = {json.dumps(symbols)}\nwebsocket = "{ready["venues"][venue]["ws"]}"\n'
                 f'rest = "{ready["venues"][venue]["rest"]}"\nca_file = "{ready["ca"]}"\n')
    for name, size, slide in (("avg_30s", "30s", "30s"), ("rolling_1m", "1m", "1s"), ("volatility_5m", "5m", "10s")):
        text += f'[[window]]\nname = "{name}"\nsize = "{size}"\nslide = "{slide}"\n'
    return text


def cpu_and_rss(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(fields[11]) + int(fields[12])) / ticks, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def get(address, path):
    with urllib.request.urlopen(f"http://{address}{path}", timeout=30) as answer:
        return answer.read().decode()


def frames(address):
    return sum(float(line.rsplit(" ", 1)[1]) for line in get(address, "/metrics").splitlines()
               if line.startswith("tape_feed_frames_total{"))


def lag(address):
    return sum(p["lag_records"] for p in json.loads(get(address, "/api/v1/status"))["partitions"])


def run_tape(folder, ready):
    (folder / "live.toml").write_text(config(ready))
    process = subprocess.Popen([TAPE, "--log-level", "warn", "run", "-c", folder / "live.toml", "--data", folder / "data", "--listen", "127.0.0.1:0"])
    try:
        lock = folder / "data/process.lock"
        while not (lock.exists() and len(lock.read_text().splitlines()) == 2 and lock.read_text().splitlines()[1]):
            assert process.poll() is None, "tape ended"
            time.sleep(0.05)
        address = lock.read_text().splitlines()[1]
        while frames(address) < RATE:
            time.sleep(0.05)
        before, first = cpu_and_rss(process.pid)[0], frames(address)
        lags, memory = [], []
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(1)
            lags.append(lag(address))
            memory.append(cpu_and_rss(process.pid)[1])
        cpu, last = cpu_and_rss(process.pid)[0], frames(address)
        return (cpu - before) / (last - first), last - first, lags, memory
    finally:
        process.terminate()
        process.wait()


def main():
    with tempfile.TemporaryDirectory(prefix="tape-bench-") as name:
        folder = pathlib.Path(name)
        simulator = subprocess.Popen([TAPE, "--log-level", "warn", "simulate", "--port", "0", "--tls", "--rate", str(RATE)],
                                     stdout=subprocess.PIPE, text=True)
        try:
            ready = json.loads(simulator.stdout.readline())
            bare = json.loads(subprocess.run([READER, ready["ca"], str(SECONDS), *subscriptions(ready["venues"])],
                                             capture_output=True, text=True, check=True).stdout)
            ours, messages, lags, memory = run_tape(folder, ready)
        finally:
            simulator.terminate()
            simulator.wait()
    baseline = bare["cpu_seconds"] / bare["messages"]
    print(f"| live over TLS, everything on, {messages / SECONDS:.0f} messages/s for {SECONDS} s, CPU | bare Beast read loop "
          f"({bare['messages'] / SECONDS:.0f} messages/s) | {ours * 1e6:.1f} µs/message | {baseline * 1e6:.1f} µs/message | "
          f"{ours / baseline:.2f} x its CPU | at most 4 x | lag {max(lags[:len(lags) // 2])} then {max(lags[len(lags) // 2:])} records at most, "
          f"RSS {max(memory):.0f} MB |")


if __name__ == "__main__":
    main()
