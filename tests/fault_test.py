#!/usr/bin/env python3
"""Disturbs the simulated exchanges by fault scripts while `tape run` listens to them, and then holds what it stored against
the simulator's ledger (fault_check.py says how).

FAULT_SEEDS="1-5"     random scripts by these seeds (1)
FAULT_KINDS="mute,…"  these kinds one by one; "all"; without: a mixture in one run
FAULT_VENUES="okx,…"  only on these

A failure prints the seed and the script, and the folder stays."""
import itertools
import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import time
import tomllib
import unittest

from fault_check import Checker
from harness import PATIENCE, TAPE, Running, wait_for

SETTLE = 90  # Seconds after the last fault within which every gap must have found its fate.

# What each venue follows: symbols as the config has them, channels, native symbols of the trades.
SOURCES = {
    "okx": (["BTC-USDT", "ETH-USDT"], ["trades-all", "tickers"], ["BTC-USDT", "ETH-USDT"]),
    "coinbase": (["BTC-USD", "ETH-USD"], ["trades", "tickers"], ["BTC-USD", "ETH-USD"]),
    "kucoin": (["BTC-USDT", "ETH-USDT"], ["trades", "tickers"], ["BTC-USDT", "ETH-USDT"]),
    "binance": (["BTC-USDT", "ETH-USDT"], ["trades", "tickers"], ["BTCUSDT", "ETHUSDT"]),
    "kraken": (["BTC-USD", "ETH-USD"], ["trades", "tickers"], ["BTC/USD", "ETH/USD"]),
    "coingecko": (["BTC-USD"], ["prices"], []),
}
# KuCoin's ids do not tell that one is missing, so what is lost while the connection lives cannot be known.
SILENT_LOSS = {"drop_ids", "drop_ids_everywhere", "truncate"}
WITHOUT_IDS = {"kucoin"}

WINDOWS = """
[stream]
lateness = "1s"
idle = "2s"
[[window]]
name = "two_seconds"
size = "2s"
[[window]]
name = "hopping"
size = "6s"
slide = "2s"
"""

# One of each kind, in the words of docs/reference/faults.md; {symbol} is the venue's own.
EXAMPLES = {
    "drop_ids": 'symbol = "{symbol}"\nat = "5s"\ncount = 7',
    "drop_ids_everywhere": 'symbol = "{symbol}"\nat = "5s"\ncount = 7',
    "duplicate": 'at = "3s"\nfor = "5s"\nprobability = 0.3',
    "reorder": 'at = "3s"\nfor = "5s"\nprobability = 0.2\ndistance = 3',
    "delay": 'at = "4s"\nfor = "2s"\nby = "800ms"',
    "mute": 'symbol = "{symbol}"\nat = "6s"',
    "close": 'at = "5s"',
    "reset": 'at = "5s"',
    "half_open": 'at = "5s"',
    "day_end": 'at = "5s"\nfor = "1s"',
    "token_expiry": 'at = "5s"',
    "rate_limit": 'at = "5s"\nfor = "3s"',
    "ban": 'at = "5s"\nfor = "3s"',
    "server_error": 'at = "4s"\nfor = "5s"\nprobability = 0.5',
    "slow": 'at = "5s"\nfor = "2s"\nbytes_per_second = 3000',
    "truncate": 'at = "4s"\nfor = "2s"\nprobability = 0.2',
    "unknown_field": 'at = "2s"\nfor = "4s"',
    "clock_step": 'at = "5s"\nfor = "2s"\nms = -700',
    "delist": 'symbol = "{symbol}"\nat = "8s"',
    "rename": 'symbol = "{symbol}"\nat = "8s"\nto = "{symbol}S"',
    "checksum_zero": 'at = "3s"',
}
# REST is of consequence where something is missing.
WITH_A_LOSS = {"rate_limit", "ban", "server_error", "slow"}


def fault(kind, venue, settings):
    return f'[[fault]]\nkind = "{kind}"\nvenue = "{venue}"\n{settings}\n'


def example(kind, venue):
    text = fault(kind, venue, EXAMPLES[kind].format(symbol=SOURCES[venue][2][0] if SOURCES[venue][2] else "bitcoin"))
    return text + (fault("close", venue, 'at = "5s"') if kind in WITH_A_LOSS else "")


def random_fault(dice, venue, length):
    kinds = [kind for kind in EXAMPLES if not (venue in WITHOUT_IDS and kind in SILENT_LOSS)]
    kinds = [kind for kind in kinds if kind not in ("delist", "rename")]
    kind = dice.choice(["close", "drop_ids", *kinds] if venue not in WITHOUT_IDS else kinds)
    symbol = dice.choice(SOURCES[venue][2])
    at = f'at = "{dice.randint(2500, length * 1000)}ms"'
    if dice.random() < 0.2 and kind not in ("clock_step", "token_expiry"):
        at = f"after_messages = {dice.randint(20, 400)}"
    lasts = f'for = "{dice.randint(300, 3000)}ms"'
    chance = f"probability = {dice.choice([1, 0.5, 0.2, 0.05])}"
    settings = {
        "drop_ids": [f'symbol = "{symbol}"', at, f"count = {dice.randint(1, 40)}", chance],
        "drop_ids_everywhere": [f'symbol = "{symbol}"', at, f"count = {dice.randint(1, 40)}", chance],
        "duplicate": [at, lasts, chance], "reorder": [at, lasts, chance, f"distance = {dice.randint(1, 5)}"],
        "delay": [at, lasts, f'by = "{dice.randint(50, 1500)}ms"'], "mute": [f'symbol = "{symbol}"', at],
        "close": [at, f"code = {dice.choice([1006, 1000, 1001, 1011, 1012])}"], "reset": [at], "half_open": [at],
        "day_end": [at, lasts], "token_expiry": [at], "rate_limit": [at, lasts], "ban": [at, lasts],
        "server_error": [at, lasts, chance], "slow": [at, lasts, f"bytes_per_second = {dice.choice([500, 3000, 20000])}"],
        "truncate": [at, lasts, chance], "unknown_field": [at, lasts, chance], "checksum_zero": [at],
        "clock_step": [at, lasts, f"ms = {dice.randint(-1500, 1500)}"],
    }[kind]
    return fault(kind, venue, "\n".join(settings))


def random_script(seed, venues, length):
    dice = random.Random(seed)
    followed = [venue for venue in venues if SOURCES[venue][2]]
    return f"seed = {seed}\n" + "".join(random_fault(dice, dice.choice(followed), length) for _ in range(dice.randint(3, 7)))


class Simulator:
    """`tape simulate` in the background, with a script and a ledger."""

    def __init__(self, folder, script, venues, seed, rate):
        self.ledger = folder / "ledger.jsonl"
        (folder / "faults.toml").write_text(script)
        self.log = (folder / "simulator.log").open("w")
        self.process = subprocess.Popen(
            [TAPE, "simulate", "--port", "0", "--venues", ",".join(venues), "--seed", str(seed), "--rate", str(rate),
             "--faults", folder / "faults.toml", "--ledger", self.ledger, "--limits"],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        assert line, f"the simulator did not start: {(folder / 'simulator.log').read_text()}\n{script}"
        self.addresses = json.loads(line)["venues"]

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=PATIENCE) == 0
        self.process.stdout.close()
        self.log.close()


def write_config(folder, simulator, venues, channels):
    text = ""
    for venue in venues:
        symbols, usual, _ = SOURCES[venue]
        text += f'[[source]]\nvenue = "{venue}"\nsymbols = {json.dumps(symbols)}\n'
        text += f"channels = {json.dumps(channels.get(venue, usual))}\n"
        text += f'rest = "{simulator.addresses[venue]["rest"]}"\n'
        if venue == "coingecko":
            text += 'ids = { "BTC-USD" = "bitcoin" }\ninterval = "2s"\nmonthly_calls = 10000000\n'
        else:
            text += f'websocket = "{simulator.addresses[venue]["ws"]}"\n'
    path = folder / "config.toml"
    path.write_text(text + WINDOWS)
    return path


def simulated_venues():
    """Those that this build simulates and the config knows."""
    with subprocess.Popen([TAPE, "simulate", "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        names = list(json.loads(process.stdout.readline())["venues"])
        process.terminate()
    wanted = os.environ.get("FAULT_VENUES")
    return [name for name in names if name in SOURCES and (not wanted or name in wanted.split(","))]


def open_gaps(running):
    return int(running.sql("select count(*) from gaps_latest where status = 'open'")[1]["rows"][0][0])


def heard(running, streams, tickers):
    """Whether the sockets gave trades and tickers of each within the last seconds. Trades alone come from REST, too."""
    rows = running.sql("select venue, native_symbol, kind, epoch_ms(max(ts_event)) from ticks group by all")[1]["rows"]
    newest = {(venue, native, kind): int(ms) for venue, native, kind, ms in rows}
    kinds = ("trade", "ticker") if tickers else ("trade",)
    return all(newest.get((*stream, kind), 0) > (time.time() - 8) * 1000 for stream in streams for kind in kinds)


def ended_streams(script):
    """Those that a script has end: (venue, native symbol)."""
    faults = tomllib.loads(script).get("fault", [])
    return {(each["venue"], each["symbol"]) for each in faults if each["kind"] in ("delist", "rename")}


def seeds():
    first, _, last = os.environ.get("FAULT_SEEDS", "1").partition("-")
    return range(int(first), int(last or first) + 1)


class Faults(unittest.TestCase):
    def disturb(self, script, venues, length, *, seed=1, rate=120, channels=None):
        """Runs `tape` on venues that this script disturbs for `length` seconds and until all gaps are settled."""
        channels = channels or {}
        folder = pathlib.Path(tempfile.mkdtemp(prefix="tape-fault-"))
        data = folder / "data"
        wrong = []
        simulator = Simulator(folder, script, venues, seed, rate)
        try:
            with Running("run", "-c", write_config(folder, simulator, venues, channels), data=data) as running:
                began = time.monotonic()
                running.address()
                try:
                    time.sleep(max(0, began + length - time.monotonic()))  # Faults are by the clock.
                    self.settle(running, venues, ended_streams(script), not channels)
                except AssertionError as error:
                    wrong.append(str(error))
                code = running.stop()
                (folder / "tape.log").write_text(running.output())
                if code != 0:
                    wrong.append(f"tape run exits {code}")
        finally:
            simulator.stop()
        merged = [venue for venue in venues if "trades" in channels.get(venue, []) and venue == "okx"]
        streams = [(venue, native) for venue in venues for native in SOURCES[venue][2]]
        wrong += Checker(data, simulator.ledger, merged).check(streams)
        if wrong:
            print(f"FAILED in {folder}", flush=True)
            self.fail(f"{len(wrong)} faults in {folder}, seed {seed}, venues {','.join(venues)}:\n{script}\n" +
                      "\n".join(text[:1500] for text in wrong[:10]))
        shutil.rmtree(folder)

    def settle(self, running, venues, ended, tickers):
        """Until every slot is connected, every stream that still trades is heard, and no gap is open, for three seconds on
        end. A connection that died without a word takes its half minute to be noticed."""
        quiet_since = None
        streams = [(venue, native) for venue in venues for native in SOURCES[venue][2] if (venue, native) not in ended]

        def settled():
            nonlocal quiet_since
            slots = running.status()["sources"]
            calm = all(slot["connected"] for slot in slots if slot["slot"].rsplit("-", 1)[0] != "coingecko")
            calm = calm and open_gaps(running) == 0 and heard(running, streams, tickers)
            quiet_since = (quiet_since or time.monotonic()) if calm else None
            time.sleep(0.3)
            return calm and time.monotonic() - quiet_since > 3
        wait_for("connections and gaps to settle", settled, SETTLE)

    def test_kinds(self):
        wanted = os.environ.get("FAULT_KINDS")
        venues = simulated_venues()
        if not wanted:
            mixture = "".join(fault(kind, venue, EXAMPLES[kind].format(symbol=SOURCES[venue][2][0])) for kind, venue in
                              zip(["drop_ids", "close", "truncate", "duplicate", "reset", "server_error", "unknown_field"],
                                  itertools.cycle([venue for venue in venues if venue in ("okx", "coinbase")])))
            self.disturb(mixture, [venue for venue in venues if venue in ("okx", "coinbase")], 10)
            return
        for kind in EXAMPLES if wanted == "all" else wanted.split(","):
            script = "".join(example(kind, venue) for venue in venues
                             if SOURCES[venue][2] and not (venue in WITHOUT_IDS and kind in SILENT_LOSS))
            with self.subTest(kind=kind):
                print(f"kind {kind}", flush=True)
                self.disturb(script, venues, 12)

    def test_merged_frames(self):
        if "okx" in simulated_venues():
            script = fault("drop_ids", "okx", 'at = "4s"\nfor = "3s"\nprobability = 0.2') + fault("close", "okx", 'at = "8s"')
            self.disturb(script, ["okx"], 10, channels={"okx": ["trades"]})

    def test_random_scripts(self):
        venues = simulated_venues()
        for seed in seeds():
            with self.subTest(seed=seed):
                print(f"seed {seed}", flush=True)
                self.disturb(random_script(seed, venues, 14), venues, 17, seed=seed)


if __name__ == "__main__":
    unittest.main(verbosity=2)
