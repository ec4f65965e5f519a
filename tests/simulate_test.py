#!/usr/bin/env python3
"""`tape simulate` from outside: its options, its fault scripts' mistakes, its ledger across a kill."""
import contextlib
import json
import signal
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from harness import PATIENCE, TAPE, tape, temporary_folder, wait_for

DAY = 86_400


@contextlib.contextmanager
def simulator(*options):
    process = subprocess.Popen([TAPE, "simulate", "--port", "0", *map(str, options)], stdout=subprocess.PIPE, text=True)
    try:
        yield process, json.loads(process.stdout.readline())["venues"]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)
        process.stdout.close()


def get(url):
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        return json.loads(answer.read())


def okx_trades(venues, query):
    return get(f"{venues['okx']['rest']}/api/v5/market/history-trades?instId=BTC-USDT&{query}")["data"]


class Simulate(unittest.TestCase):
    def test_without_a_word_it_serves_every_venue(self):
        with simulator() as (_, venues):
            self.assertEqual(list(venues), ["okx", "kucoin", "coingecko", "binance", "coinbase", "kraken"])

    def test_the_epoch_places_days_of_trades(self):
        now = time.time()
        for epoch, first in (("2d", now - 2 * DAY), ("2026-01-01T00:00:00Z", 1_767_225_600), ("2026-01-02", 1_767_312_000)):
            with simulator("--venues", "okx", "--rate", 100, "--epoch", epoch) as (_, venues):
                oldest = okx_trades(venues, "after=2")
                self.assertEqual([trade["tradeId"] for trade in oldest], ["1"])
                self.assertLess(abs(int(oldest[0]["ts"]) / 1000 - first), 60, epoch)
                newest = okx_trades(venues, "limit=1")[0]
                expected = 100 * 0.75 * 20 / 48 * (time.time() - first)
                self.assertLess(abs(int(newest["tradeId"]) / expected - 1), 0.01, epoch)
        self.assertIn("RFC 3339", tape("simulate", "--epoch", "tomorrow", check=2).stderr)

    def test_each_mistake_of_a_fault_script_is_a_line_with_its_place(self):
        with temporary_folder() as folder:
            script = folder / "faults.toml"
            script.write_text('[[fault]]\nkind = "close"\nvenue = "mtgox"\n[[fault]]\nkind = "delay"\nvenue = "okx"\ncode = 1\n')
            errors = tape("simulate", "--faults", script, check=2).stderr
            for mistake in (f"{script}:3:9: unknown venue 'mtgox'", f"{script}:7:1: 'delay' takes no 'code'",
                            f"{script}:4:1: 'delay' lacks 'by'"):
                self.assertIn(mistake, errors)
            self.assertIn("cannot read", tape("simulate", "--faults", folder / "none.toml", check=2).stderr)

    def test_a_killed_simulator_goes_on_in_its_ledger(self):
        with temporary_folder() as folder:
            ledger = folder / "ledger.jsonl"
            options = ("--venues", "okx", "--rate", 400, "--ledger", ledger)
            starts, seen = set(), set()
            for sent in (signal.SIGKILL, signal.SIGTERM):
                with simulator(*options) as (process, venues):
                    seen.update(int(trade["tradeId"]) for trade in okx_trades(venues, "limit=20"))
                    size = ledger.stat().st_size
                    wait_for("the ledger to grow", lambda: ledger.stat().st_size > size + 5_000)
                    seen.update(int(trade["tradeId"]) for trade in okx_trades(venues, "limit=20"))
                    process.send_signal(sent)
                    process.wait(PATIENCE)
            told = {}
            for text in ledger.read_text().splitlines():
                line = json.loads(text)
                if "start_ns" in line:
                    starts.add(line["start_ns"])
                elif line["symbol"] == "BTC-USDT":
                    told[line["id"]] = line
            self.assertEqual(len(starts), 1)
            self.assertEqual(sorted(told), list(range(min(told), max(told) + 1)))
            self.assertLessEqual(seen, set(told))

    def test_limits_refuse_and_say_when_to_come_back(self):
        with simulator("--venues", "okx", "--limits") as (_, venues):
            with self.assertRaises(urllib.error.HTTPError) as caught:
                for _ in range(100):
                    okx_trades(venues, "limit=1")
            self.assertEqual(caught.exception.code, 429)
            self.assertIn(caught.exception.headers["Retry-After"], ("1", "2"))
            caught.exception.close()

    def test_the_doctor_sees_a_checksum_that_is_always_zero(self):
        symbols = {"okx": "BTC-USDT", "kraken": "BTC-USD"}
        with temporary_folder() as folder:
            faults, config = folder / "faults.toml", folder / "pipeline.toml"
            faults.write_text("".join(f'[[fault]]\nkind = "checksum_zero"\nvenue = "{venue}"\n' for venue in symbols))
            for script, told in (((), "no sign of it"),
                                 (("--faults", faults), r"the checksum is 0 in all \d+ messages that have one")):
                with simulator("--venues", ",".join(symbols), *script) as (_, venues):
                    config.write_text("".join(
                        f'[[source]]\nvenue = "{venue}"\nsymbols = ["{symbol}"]\n'
                        f'websocket = "{venues[venue]["ws"]}"\nrest = "{venues[venue]["rest"]}"\n'
                        for venue, symbol in symbols.items()))
                    done = tape("doctor", "-c", config, "--data", folder / "data", check=0)
                drift = [line for line in done.stdout.splitlines() if "drift" in line.split()]
                self.assertEqual(len(drift), len(symbols), done.stdout)
                for line in drift:
                    self.assertRegex(line, rf"^ok .* {told}$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
