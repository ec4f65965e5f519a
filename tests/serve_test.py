#!/usr/bin/env python3
"""`tape serve`, the role that stores nothing: the page, the API and SQL over what others store, at rest and while they do."""
import json
import os
import re
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from harness import PATIENCE, TAPE, ROOT, Running, query, tape, temporary_folder, wait_for


class Serving:
    """A `tape serve` on a free port; it says on its output where."""

    def __init__(self, *arguments, data):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([TAPE, "serve", *map(str, arguments), "--data", str(data), "--listen", "127.0.0.1:0"],
                                        stdout=self.log, stderr=self.log, text=True)

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def address(self):
        def announced():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.output()}"
            found = re.search(r"dashboard: (http://\S+/)\n", self.output())
            return found and found[1]
        return wait_for("the address", announced)

    def ask(self, path, body=None):
        """(status, text) of a GET, or of a POST of `body`, an object."""
        data, headers = (None, {}) if body is None else (json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(urllib.request.Request(self.address() + path, data, headers), timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def json(self, path):
        status, text = self.ask(path)
        assert status == 200, text
        return json.loads(text)

    def rows(self, statement):
        status, text = self.ask("api/v1/sql", {"sql": statement})
        assert status == 200, text
        return json.loads(text)["rows"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Serve(unittest.TestCase):
    def test_shows_what_is_stored_and_changes_none_of_it(self):
        with temporary_folder() as folder:
            data = folder / "data"
            with Running("run", "--simulate", "--rate", "200", data=data) as run:
                wait_for("a window", lambda: int(run.sql("select count(*) from windows")[1]["rows"][0][0]) > 0)
                self.assertEqual(run.stop(), 0, run.output())
            counts = "select (select count(*) from ticks), (select count(*) from windows), (select count(*) from latest)"
            stored = [list(row.values()) for row in query(data, counts)]
            files = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}
            with Serving(data=data) as serve:
                wait_for("the newest ticks", lambda: serve.json("api/v1/ticks")["ticks"])
                self.assertEqual([[str(value) for value in row] for row in serve.rows(counts)],
                                 [[str(value) for value in row] for row in stored])
                self.assertIn("<html", serve.ask("")[1])
                self.assertTrue(serve.json("api/v1/symbols")["symbols"])
                self.assertTrue(serve.json("api/v1/windows")["windows"])
                self.assertIsInstance(serve.json("api/v1/gaps")["gaps"], list)
                self.assertTrue(serve.json("api/v1/status")["simulated"])
                self.assertIn("tape_serve_requests_total", serve.ask("metrics")[1])
                for statement in ("delete from ticks", "create table mine (a int)", "select * from read_csv('/etc/passwd')",
                                  "select * from read_text('/etc/hostname')", f"copy ticks to '{folder}/out.csv'"):
                    self.assertEqual(serve.ask("api/v1/sql", {"sql": statement})[0], 400, statement)
                serve.process.send_signal(signal.SIGTERM)
                self.assertEqual(serve.process.wait(timeout=PATIENCE), 0, serve.output())
            after = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.is_file()}
            self.assertEqual(after, files)

    def test_follows_what_other_processes_store_meanwhile(self):
        with temporary_folder() as folder:
            simulator = subprocess.Popen([TAPE, "simulate", "--port", "0", "--rate", "200"], stdout=subprocess.PIPE, text=True)
            try:
                okx = json.loads(simulator.stdout.readline())["venues"]["okx"]
                config = folder / "pipeline.toml"
                config.write_text(f'[[source]]\nvenue = "okx"\nsymbols = ["BTC-USDT"]\nwebsocket = "{okx["ws"]}"\nrest = "{okx["rest"]}"\n'
                                  '[[window]]\nname = "avg_1s"\nsize = "1s"\n[lake]\nroll_after = "1s"\n')
                data = folder / "data"
                with Running("collect", "-c", config, data=data) as collect, Running("process", "-c", config, data=data) as process:
                    wait_for("rows", lambda: int(process.sql("select count(*) from windows")[1]["rows"][0][0]) > 0)
                    with Serving("-c", config, data=data) as serve:
                        def ticks():
                            return int(serve.rows("select count(*) from ticks")[0][0])
                        first = wait_for("ticks of the lake", ticks)
                        wait_for("more of them", lambda: ticks() > first)
                        newest = wait_for("live ticks", lambda: serve.json("api/v1/ticks?limit=1")["ticks"])[0]["ts_event"]
                        wait_for("newer ones", lambda: serve.json("api/v1/ticks?limit=1")["ticks"][0]["ts_event"] > newest)
                        self.assertIsNone(serve.process.poll(), serve.output())
                    self.assertEqual(collect.stop(), 0, collect.output())
                    self.assertEqual(process.stop(), 0, process.output())
            finally:
                simulator.terminate()
                simulator.wait()
                simulator.stdout.close()

    def test_an_address_that_others_reach_is_refused(self):
        with temporary_folder() as folder:
            done = tape("serve", "--data", folder / "data", "--listen", "0.0.0.0:0", check=2)
            self.assertIn("0.0.0.0", done.stderr)


if __name__ == "__main__":
    os.chdir(ROOT)
    unittest.main(verbosity=2)
