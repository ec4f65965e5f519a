"""What the benchmarks of the running program share: a simulator, a config for it, and the program on it. TAPE says which."""
import contextlib
import json
import pathlib
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from harness import TAPE, Running, wait_for

SYMBOLS = {"okx": ["BTC-USDT", "ETH-USDT", "SOL-USDT"], "coinbase": ["BTC-USD", "ETH-USD", "SOL-USD"]}


@contextlib.contextmanager
def simulator(rate):
    """The line that a simulator of both venues over TLS prints when it is ready."""
    process = subprocess.Popen([TAPE, "--log-level", "warn", "simulate", "--port", "0", "--tls", "--rate", str(rate),
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


class Program(Running):
    """`tape VERB` on a simulator, serving."""

    def __init__(self, verb, folder, ready):
        folder.mkdir()
        (folder / "bench.toml").write_text(config(ready))
        super().__init__("--log-level", "warn", verb, "-c", folder / "bench.toml", data=folder / "data")
        self.address()

    def frames(self):
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.get("/metrics").splitlines()
                   if line.startswith("tape_feed_frames_total{"))

    def wait_for_frames(self, count):
        wait_for(f"{count} frames", lambda: self.frames() >= count)

    def lag(self):
        return sum(partition.get("lag_records", 0) for partition in self.status()["partitions"])

    def __exit__(self, *_):
        self.stop()
        super().__exit__()
