#!/usr/bin/env python3
"""The command line as scripts see it: exit codes, messages that name the thing and the value, nothing lost on bad input."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import unittest

from harness import ROOT, TAPE, Running, query, tape, temporary_folder, wait_for

EXCHANGES = ROOT.parent / "shared/exchanges"


def capture_line(ts, conn, kind, payload):
    return json.dumps({"ts_recv": ts, "conn": conn, "kind": kind, "payload": payload}, separators=(",", ":"), ensure_ascii=False)


def okx_trade(trade_id, ts_ms, price="68340.12", size="0.5", side="buy", count="1"):
    return json.dumps({"arg": {"channel": "trades", "instId": "BTC-USDT"},
                       "data": [{"instId": "BTC-USDT", "tradeId": str(trade_id), "px": price, "sz": size, "side": side,
                                 "ts": str(ts_ms), "count": count}]})


class Config(unittest.TestCase):
    def check(self, text, code):
        with temporary_folder() as folder:
            file = folder / "pipeline.toml"
            file.write_text(text)
            return tape("check", file, check=code).stderr

    def test_the_default_and_every_shipped_pipeline_are_valid(self):
        for file in sorted((ROOT / "pipelines").glob("*.toml")):
            tape("check", file, check=0)
        self.assertIn('venue = "okx"', tape("config", "--print", check=0).stdout)

    def test_the_printed_config_is_a_config_that_says_the_same(self):
        with temporary_folder() as folder:
            printed = tape("config", "--print", check=0).stdout
            (folder / "again.toml").write_text(printed)
            self.assertEqual(tape("config", "--print", "-c", folder / "again.toml", check=0).stdout, printed)

    def test_five_mistakes_are_five_lines_with_their_places(self):
        errors = self.check(
            '[[source]]\nvenue = "okx"\nsymbls = ["BTC-USDT"]\nsymbols = ["btcusdt"]\n\n'
            '[stream]\nlateness = "2 s"\nlate = "forget"\n\n[[window]]\nname = "w"\nsize = "30s"\nslide = "7s"\n', 2)
        lines = [line for line in errors.splitlines() if ".toml:" in line]
        self.assertEqual(len(lines), 5, errors)
        for line, expected in zip(lines, [":3:1: unknown key 'symbls' in [source]; did you mean 'symbols'?", ":4:",
                                          ":7:", ":8:", ":13:"]):
            self.assertIn(expected, line)
        self.assertIn("'forget' must be one of drop|reemit|side", errors)
        self.assertIn("'2 s' is no duration", errors)

    def test_single_faults_name_the_thing_and_the_value(self):
        source = '[[source]]\nvenue = "okx"\nsymbols = ["BTC-USDT"]\n'
        for text, expected in [
            ('[[source]]\nvenue = "okex"\nsymbols = ["BTC-USDT"]\n', "unknown venue 'okex'"),
            ('[[source]]\nvenue = "okx"\n', "[source] lacks 'symbols'"),
            (source.replace("BTC-USDT", 'BTC-USDT", "BTC-USDT'), "'BTC-USDT' of 'okx' is named twice"),
            (source + 'channels = ["bokks"]\n', "bokks"),
            (source + 'quote = "USDT"\n', "'*' is the only symbol of a source that has a quote"),
            (source.replace("BTC-USDT", "*"), "'*' is the only symbol of a source that has a quote"),
            (source.replace("BTC-USDT", "*") + 'quote = "usdt"\n', "'*-usdt' is not of the form"),
            ((source.replace("BTC-USDT", "*") + 'quote = "USDT"\n') * 2, "'*-USDT' of 'okx' is named twice"),
            (source + '[stream]\nlateness = "9s"\n', "stream.idle = 5s is less than stream.lateness = 9s"),
            (source + '[lake]\nuri = "s3://bucket/x"\n', "lake.uri = 's3://bucket/x'"),
            (source + 'ca_file = "${TAPE_NO_SUCH}"\n', "'TAPE_NO_SUCH' is not set"),
            ("data = [\n", ":"),
        ]:
            self.assertIn(expected, self.check(text, 2), text)

    def test_usage_errors_exit_2_and_help_0(self):
        for arguments in (["frobnicate"], ["run", "--no-such-option"], [], ["import"], ["sql"]):
            tape(*arguments, check=2)
        for verb in ("run", "collect", "process", "serve", "simulate", "import", "export", "replay", "sql", "gaps", "backfill", "check",
                     "config", "doctor"):
            self.assertIn("--help", tape(verb, "--help", check=0).stdout)

    def test_the_reference_pages_are_what_the_program_says(self):
        for page in ("config", "metrics"):
            self.assertEqual((ROOT / f"docs/reference/{page}.md").read_text(), tape("config", "--reference", page, check=0).stdout,
                             f"run: build/release/tape config --reference {page} > docs/reference/{page}.md")


class Interchange(unittest.TestCase):
    def test_export_of_an_import_gives_the_same_bytes(self):
        start = 1_700_000_000_000_000_000
        odd = ['{"a":"\u20bf"}', 'quote " backslash \\ slash / tab \t bell \u0007 del \u007f', "", "pong"]
        lines = [capture_line(start + i, f"okx-{1 + i % 2}", "frame", payload) for i, payload in enumerate(odd * 5)]
        lines.insert(0, capture_line(start - 2, "okx-1", "connected", '{"address":"127.0.0.1:1","session":1}'))
        lines.append('{"ts_recv":%d,"conn":"okx-1","kind":"frame","payload_base64":"/w=="}' % (start + 99))
        # Controls are written in lower case, as the product does.
        text = "".join(line.replace("\\u007F", "\x7f").replace("\\u007f", "\x7f") + "\n" for line in lines)
        with temporary_folder() as folder:
            (folder / "in.jsonl").write_text(text)
            tape("import", "--venue", "okx", "--data", folder / "data", folder / "in.jsonl", check=0)
            tape("export", "--data", folder / "data", "-o", folder / "out.jsonl", check=0)
            self.assertEqual((folder / "out.jsonl").read_text(), text)

    def test_bad_lines_are_named_and_the_rest_is_imported(self):
        now = 1_700_000_000_000_000_000
        good = capture_line(now, "okx-1", "frame", okx_trade(1, now // 1_000_000))
        bad = ["{", "[]", '{"ts_recv":"1","conn":"okx-1","kind":"frame","payload":""}',
               capture_line(now, "kucoin-1", "frame", ""), capture_line(now, "okx-1", "frme", ""),
               capture_line(now, "../okx-1", "frame", "")]
        with temporary_folder() as folder:
            (folder / "in.jsonl").write_text("\n".join([good, *bad, good]) + "\n")
            errors = tape("import", "--venue", "okx", "--data", folder / "data", folder / "in.jsonl", check=1).stderr
            for number in range(2, 8):
                self.assertIn(f"line {number}: ", errors)
            self.assertIn("imported 2 of 8 lines", errors)
            self.assertEqual(len(tape("export", "--data", folder / "data", check=0).stdout.splitlines()), 2)

    def test_dead_letters_and_duplicates_of_a_hostile_capture(self):
        now = 1_700_000_000_000
        frames = [okx_trade(10, now), okx_trade(10, now), okx_trade(11, now, price="NaN"), okx_trade(12, now, price="-1"),
                  okx_trade(13, now)[:-7], okx_trade(14, now + 3_600_000), okx_trade(9, now - 1, size="1e-8"), "\x00\x01"]
        with temporary_folder() as folder:
            lines = [capture_line(now * 1_000_000 + i, "okx-1", "frame", frame) for i, frame in enumerate(frames)]
            (folder / "in.jsonl").write_text("\n".join(lines) + "\n")
            tape("import", "--venue", "okx", "--data", folder / "data", folder / "in.jsonl", check=0)
            ticks = query(folder / "data", "select trade_id, price, size from ticks order by source_offset")
            self.assertEqual([row["trade_id"] for row in ticks], ["10", "9"])
            self.assertEqual(ticks[1]["size"].rstrip("0"), "0.00000001")
            letters = query(folder / "data", "select source_offset, reason, detail from dead_letters order by source_offset")
            self.assertEqual([int(row["source_offset"]) for row in letters], [2, 3, 4, 5, 7], letters)
            self.assertIn("NaN", letters[0]["detail"])
            self.assertIn("-1", letters[1]["detail"])
            self.assertEqual(letters[3]["reason"], "future")


@unittest.skipUnless(EXCHANGES.exists(), "the recorded sessions are not here")
class RecordedSessions(unittest.TestCase):
    def ticks_of(self, folder, venue, session):
        capture = folder / f"{venue}.jsonl"
        with open(capture, "w") as out:
            subprocess.run(["python3", ROOT / "tests/session_to_capture.py", "--slot", f"{venue}-1", EXCHANGES / venue / session], stdout=out, check=True)
        tape("import", "--venue", venue, "--data", folder / venue, capture, check=0)
        return query(folder / venue, "select kind, count(*) n, count(distinct (symbol, trade_id)) ids from ticks group by kind order by kind")

    def test_okx_gives_its_74_trades_and_28_tickers(self):
        with temporary_folder() as folder:
            kinds = {row["kind"]: int(row["n"]) for row in self.ticks_of(folder, "okx", "session_2022-05-13.ws.txt")}
            self.assertEqual(kinds, {"trade": 74, "ticker": 28})
            self.assertEqual(query(folder / "okx", "select * from dead_letters"), [])

    def test_coinbase_gives_its_107_trades_and_107_tickers(self):
        with temporary_folder() as folder:
            kinds = {row["kind"]: int(row["n"]) for row in self.ticks_of(folder, "coinbase", "session_2021-04-17.ws.txt")}
            self.assertEqual(kinds, {"trade": 107, "ticker": 107})
            sides = query(folder / "coinbase", "select count(*) n from ticks a join ticks b using (symbol, trade_id) "
                                               "where a.kind = 'trade' and b.kind = 'ticker' and a.side <> b.side")
            self.assertEqual(int(sides[0]["n"]), 0)


class Folders(unittest.TestCase):
    def test_a_folder_is_refused_for_the_other_kind_a_newer_format_or_something_else(self):
        with temporary_folder() as folder:
            data = folder / "data"
            data.mkdir()
            (data / "tape.json").write_text('{"format":1,"kind":"live"}')
            self.assertIn("holds live data", tape("run", "--simulate", "--data", data, check=2).stderr)
            (data / "tape.json").write_text('{"format":99,"kind":"live"}')
            self.assertIn("format 99", tape("sql", "--data", data, "select 1", check=2).stderr)
            (data / "tape.json").unlink()
            (data / "letter.txt").write_text("mine")
            self.assertIn("not empty", tape("run", "--simulate", "--data", data, check=2).stderr)
            self.assertIn("no data folder", tape("sql", "--data", folder / "nowhere", "select 1", check=2).stderr)

    def test_one_process_a_folder_and_one_a_port(self):
        with temporary_folder() as folder:
            with Running("run", "--simulate", data=folder / "data") as running:
                address = running.address()
                second = tape("run", "--simulate", "--data", folder / "data", "--listen", "127.0.0.1:0", check=2)
                self.assertIn(f"in use by process {running.process.pid}", second.stderr)
                busy = tape("run", "--simulate", "--data", folder / "other", "--listen", address)
                self.assertEqual(busy.returncode, 3, busy.stderr)
                self.assertIn(address.rsplit(":", 1)[1], busy.stderr)


class WholeLine(unittest.TestCase):
    def test_a_simulated_run_answers_sql_and_stops_cleanly(self):
        with temporary_folder() as folder:
            with Running("run", "--simulate", "--rate", "200", data=folder / "data") as running:
                rows = wait_for("window rows", lambda: int(running.sql("select count(*) from windows")[1]["rows"][0][0]) > 0)
                self.assertTrue(rows)
                self.assertTrue(running.status()["simulated"])
                for statement in ("delete from ticks", "select 1; select 2", "explain analyze delete from ticks",
                                  "select * from read_csv('/etc/passwd')", "copy ticks to '/tmp/x'", "pragma version",
                                  "attach '/tmp/x.db'", "install httpfs", "set threads=4", "selct 1"):
                    status, answer = running.sql(statement)
                    self.assertEqual(status, 400, (statement, answer))
                    self.assertTrue(answer["error"])
                # The same question through the command line, while the process holds the file.
                self.assertGreater(int(query(folder / "data", "select count(*) n from ticks")[0]["n"]), 0)
                self.assertEqual(running.get("/live").strip() != "", True)
                self.assertIn("tape_feed_frames_total", running.get("/metrics"))
                self.assertEqual(running.stop(), 0, running.output())
            # And from the file, once nobody does.
            ticks = int(query(folder / "data", "select count(*) n from ticks")[0]["n"])
            self.assertGreater(ticks, 0)
            tape("replay", "--verify", "--data", folder / "data", check=0)
            tape("replay", "--data", folder / "data", "--out", folder / "again", "--finish", check=0)
            self.assertEqual(int(query(folder / "again", "select count(*) n from ticks")[0]["n"]), ticks)

    def test_for_ends_by_itself(self):
        with temporary_folder() as folder:
            tape("run", "--simulate", "--for", "1s", "--data", folder / "data", "--listen", "127.0.0.1:0", check=0)

    @contextlib.contextmanager
    def simulated_config(self, folder, more=""):
        """A config that follows two venues of a simulator in a process of its own."""
        simulator = subprocess.Popen([TAPE, "simulate", "--port", "0", "--rate", "200"], stdout=subprocess.PIPE, text=True)
        try:
            venues = json.loads(simulator.stdout.readline())["venues"]
            config = folder / "pipeline.toml"
            config.write_text("".join(
                f'[[source]]\nvenue = "{venue}"\nsymbols = ["{symbol}"]\nwebsocket = "{venues[venue]["ws"]}"\nrest = "{venues[venue]["rest"]}"\n'
                for venue, symbol in (("okx", "BTC-USDT"), ("coinbase", "BTC-USD")))
                + f'[[source]]\nvenue = "coingecko"\nsymbols = ["BTC-USD"]\nids = {{ "BTC-USD" = "bitcoin" }}\nchannels = ["prices"]\n'
                f'rest = "{venues["coingecko"]["rest"]}"\n[[window]]\nname = "avg_1s"\nsize = "1s"\n')
            yield config
        finally:
            simulator.terminate()
            simulator.wait()
            simulator.stdout.close()

    def test_roles_in_processes_of_their_own(self):
        """What the one that processes finds missing the one that captures fetches."""
        with temporary_folder() as folder, self.simulated_config(folder) as config:
            data = folder / "data"
            with Running("process", "-c", config, data=data) as process:
                def count(statement):
                    status, answer = process.sql(statement)
                    return int(answer["rows"][0][0]) if status == 200 else 0
                with Running("collect", "-c", config, data=data) as collect:
                    wait_for("window rows", lambda: count("select count(*) from windows") > 0)
                    collect.kill()
                with Running("collect", "-c", config, data=data) as collect:
                    wait_for("the back-fill of both trade streams", lambda: count(
                        "select count(*) from gaps_latest where cause = 'restart' and channel in ('trades', 'matches') "
                        "and status = 'backfilled'") == 2)
                    self.assertEqual(collect.stop(), 0, collect.output())
                self.assertEqual(process.stop(), 0, process.output())
            tape("replay", "--verify", "--data", data, check=0)

    def test_a_time_is_fetched_by_hand(self):
        """With nobody at work, and by the process that captures; polled sources have nothing to fetch."""
        oldest = "select epoch_ms(min(ts_event)) ms from ticks where venue = '{}' and kind = 'trade'"
        with temporary_folder() as folder, self.simulated_config(folder) as config:
            data = folder / "data"
            tape("run", "-c", config, "--data", data, "--listen", "127.0.0.1:0", "--for", "3s", check=0)
            before = time.time() - 60
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(before))
            tape("backfill", "-c", config, "--data", data, "--venue", "okx", "--from", since, check=0)
            tape("backfill", "-c", config, "--data", data, "--from", since, check=0)
            for venue in ("okx", "coinbase"):
                self.assertLess(int(query(data, oldest.format(venue))[0]["ms"]), (before + 5) * 1000, venue)
            self.assertIn("nowhere", tape("backfill", "-c", config, "--data", data, "--venue", "nowhere", "--from", since, check=2).stderr)
            before -= 60
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(before))
            with Running("run", "-c", config, data=data) as running:
                running.address()
                told = tape("backfill", "-c", config, "--data", data, "--symbol", "BTC-USD", "--from", since, check=0)
                self.assertEqual(told.stdout, "the process that captures began 1 back-fills\n")
                wait_for("the older trades", lambda: int(running.sql(oldest.format("coinbase"))[1]["rows"][0][0]) < (before + 5) * 1000)
                self.assertEqual(running.stop(), 0, running.output())
            tape("replay", "--verify", "--data", data, check=0)

    def test_all_symbols_of_a_quote_are_followed(self):
        """But those that another source names; a restart keeps their order, and needs no list."""
        counts = "select kind, count(distinct symbol) n, count(*) filter (where symbol = 'BTC-USDT') btc, count(*) filter (where symbol not like '%-USDT') other from ticks group by kind order by kind"
        with temporary_folder() as folder:
            data, config, listed = folder / "data", folder / "pipeline.toml", folder / "data" / "symbols.json"
            simulator = subprocess.Popen([TAPE, "simulate", "--port", "0", "--rate", "500"], stdout=subprocess.PIPE, text=True)
            rest = json.loads(simulator.stdout.readline())["venues"]["binance"]["rest"]
            named = '[[source]]\nvenue = "binance"\nsymbols = ["BTC-USDT"]\nchannels = ["price"]\ninterval = "1s"\nrest = "%s"\n' % rest
            config.write_text(named + named.replace('["BTC-USDT"]', '["*"]\nquote = "USDT"').replace("price", "ticker_24hr"))
            try:
                with Running("run", "-c", config, data=data) as running:
                    wait_for("polls of all", lambda: running.sql(counts)[0] == 200 and int(running.sql("select count(distinct symbol) from ticks")[1]["rows"][0][0]) > 10)
                    before = json.loads(listed.read_text())["binance"]["USDT"]
                    # Each keeps its place; what is new takes that of what is listed no more.
                    listed.write_text(json.dumps({"binance": {"USDT": ["GONE-USDT", *before[:0:-1]]}}))
                    running.process.send_signal(signal.SIGHUP)
                    wait_for("the reload", lambda: "reloaded: 2 sources" in running.output())
                    self.assertEqual(json.loads(listed.read_text())["binance"]["USDT"], [before[0], *before[:0:-1]])
                    self.assertEqual(running.stop(), 0, running.output())
                rows = query(data, counts)
                self.assertEqual([row["other"] for row in rows], [0])
                self.assertEqual(rows[0]["n"], len(before))
                self.assertIn("BTC-USDT", before)
            finally:
                simulator.terminate()
                simulator.wait()
                simulator.stdout.close()
            collect = tape("collect", "-c", config, "--data", data, "--for", "1s", check=0)
            self.assertIn(f"going on with the {len(before)} of last time", collect.stderr)
            listed.unlink()
            self.assertIn("binance: no list of instruments", tape("collect", "-c", config, "--data", data, "--for", "1s", check=3).stderr)

    def test_a_killed_run_names_its_gap_and_fills_it(self):
        with temporary_folder() as folder:
            data = folder / "data"
            with Running("run", "--simulate", "--rate", "100", data=data) as running:
                wait_for("trades", lambda: int(running.sql("select count(*) from ticks")[1]["rows"][0][0]) > 100)
                running.kill()
            with Running("run", "--simulate", "--rate", "100", data=data) as running:
                def repaired():
                    gaps = running.json("/api/v1/gaps")["gaps"]
                    trades = [gap for gap in gaps if gap["cause"] == "restart" and gap["channel"] in ("trades", "matches")]
                    return len(trades) == 6 and all(gap["status"] == "backfilled" for gap in trades)
                wait_for("the back-fill of six instruments", repaired)
                self.assertEqual(running.stop(), 0, running.output())
            rows = json.loads(tape("gaps", "--data", data, "--format", "json", "--status", "backfilled", check=0).stdout)
            self.assertGreaterEqual(len(rows), 6)
            self.assertTrue(all(row["repaired_ts"] for row in rows), rows)
            # Where ids count up none is missing.
            missing = query(data, """select venue, symbol, count(*) n from (select venue, symbol, trade_id::bigint -
                lag(trade_id::bigint) over (partition by venue, symbol order by trade_id::bigint) step from ticks
                where kind = 'trade' and venue = 'coinbase') where step <> 1 group by all""")
            self.assertEqual(missing, [])
            tape("replay", "--verify", "--data", data, check=0)

    def test_a_reload_leaves_the_other_sockets_alone(self):
        source = '[[source]]\nvenue = "{}"\nsymbols = {}\n'
        with temporary_folder() as folder:
            config = folder / "pipeline.toml"
            config.write_text(source.format("okx", '["BTC-USDT"]') + source.format("coinbase", '["BTC-USD"]'))
            with Running("run", "-c", config, "--simulate", "--rate", "100", data=folder / "data") as running:
                wait_for("both venues", lambda: all(s["frames"] > 5 for s in running.status()["sources"]))
                config.write_text(source.format("okx", '["BTC-USDT", "ETH-USDT"]') + source.format("coinbase", '["BTC-USD"]'))
                running.process.send_signal(signal.SIGHUP)
                wait_for("the new symbol", lambda: int(running.sql(
                    "select count(*) from ticks where symbol = 'ETH-USDT'")[1]["rows"][0][0]) > 0)
                self.assertEqual({s["slot"]: s["session"] for s in running.status()["sources"]}["coinbase-1"], 1)
                # What is no longer followed is not missed.
                config.write_text(source.format("okx", '["ETH-USDT"]') + source.format("coinbase", '["BTC-USD"]'))
                running.process.send_signal(signal.SIGHUP)
                wait_for("the second reload", lambda: running.output().count("reloaded: 2 sources") == 2)
                # A config with a fault changes nothing.
                config.write_text("[[sorce]]")
                running.process.send_signal(signal.SIGHUP)
                wait_for("the refusal", lambda: "not reloaded" in running.output())
                self.assertEqual(len(running.status()["sources"]), 2)
                self.assertEqual(running.stop(), 0, running.output())
            gaps = query(folder / "data", "select cause from gaps where venue = 'coinbase' and cause <> 'restart'")
            self.assertEqual([gap for gap in gaps if gap["cause"] not in ("stopped", "planned")], [])
            self.assertEqual([row["symbol"] for row in query(folder / "data", "select distinct symbol from gaps_latest where venue = 'okx' and status = 'open'")], ["ETH-USDT"])

    def test_an_unreachable_exchange_is_said_and_the_simulator_named(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        with temporary_folder() as folder:
            config = folder / "pipeline.toml"
            config.write_text(f'[[source]]\nvenue = "okx"\nsymbols = ["BTC-USDT"]\nwebsocket = "wss://127.0.0.1:{port}"\nrest = "https://127.0.0.1:{port}"\n')
            done = tape("run", "-c", config, "--data", folder / "data", "--listen", "127.0.0.1:0", check=3)
            self.assertIn("--simulate", done.stderr)


if __name__ == "__main__":
    os.chdir(ROOT)
    unittest.main(verbosity=2)
