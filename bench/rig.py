"""What the benchmarks of the running program share: a simulator, a config for it, and looks at a process."""
import contextlib
import json
import os
import pathlib
import subprocess
import time
import urllib.request

SYMBOLS = {"okx": ["BTC-USDT", "ETH-USDT", "SOL-USDT"], "coinbase": ["BTC-USD", "ETH-USD", "SOL-USD"]}


@contextlib.contextmanager
def simulator(tape, rate):
    """The line that a simulator of both venues over TLS prints when it is ready."""
    process = subprocess.Popen([tape, "--log-level", "warn", "simulate", "--port", "0", "--tls", "--rate", str(rate),
                                "--venues", ",".join(SYMBOLS)], stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def subscriptions(venues):
    """What the bare reader subscribes to: the same streams."""
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


class Program:
    """`tape VERB` on a simulator, serving."""

    def __init__(self, tape, verb, folder, ready):
        folder.mkdir()
        (folder / "bench.toml").write_text(config(ready))
        self.data = folder / "data"
        self.process = subprocess.Popen([tape, "--log-level", "warn", verb, "-c", folder / "bench.toml", "--data", self.data,
                                         "--listen", "127.0.0.1:0"], stdout=subprocess.DEVNULL)
        lock = self.data / ("capture.lock" if verb == "collect" else "process.lock")
        while not (lock.exists() and len(lock.read_text().splitlines()) == 2 and lock.read_text().splitlines()[1]):
            assert self.process.poll() is None, "tape ended"
            time.sleep(0.05)
        self.address = lock.read_text().splitlines()[1]

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=30) as answer:
            return answer.read().decode()

    def frames(self):
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.get("/metrics").splitlines()
                   if line.startswith("tape_feed_frames_total{"))

    def wait_for_frames(self, count):
        while self.frames() < count:
            time.sleep(0.05)

    def lag(self):
        return sum(p.get("lag_records", 0) for p in json.loads(self.get("/api/v1/status"))["partitions"])

    def cpu_and_rss(self):
        """Seconds and MiB so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        ticks = os.sysconf("SC_CLK_TCK")
        return (int(fields[11]) + int(fields[12])) / ticks, int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
