#!/usr/bin/env python3
"""Kills a simulated live run with SIGKILL at random moments, again and again in one data folder, and then holds what it
left against what it promised:
 - every record it had reported as durable is in the raw log;
 - lake and warehouse equal an undisturbed replay of that log, and no row is doubled;
 - every file the lake's transaction log names can be read by pyarrow and by DuckDB;
 - windows with a hole in their input say so;
 - one changed byte of a stored result does not go unnoticed.
TAPE_KILLS says how often (20), TAPE_SEED repeats a run."""
import os
import random
import subprocess
import time
import unittest

from harness import VENV, Running, query, tape, temporary_folder, wait_for

KILLS = int(os.environ.get("TAPE_KILLS", "20"))
SEED = int(os.environ.get("TAPE_SEED", str(random.SystemRandom().randrange(10**9))))


def start(data):
    return Running("run", "--simulate", "--rate", "400", data=data)


def positions(running):
    return {partition["name"]: partition["durable"] for partition in running.status()["partitions"]}


class Kill(unittest.TestCase):
    def test_nothing_lost_nothing_doubled(self):
        print(f"TAPE_SEED={SEED} TAPE_KILLS={KILLS}", flush=True)
        dice = random.Random(SEED)
        with temporary_folder() as folder:
            data = folder / "data"
            acknowledged = {}
            for _ in range(KILLS):
                with start(data) as running:
                    # Some die while they start, the others once they capture.
                    if dice.random() < 0.8:
                        wait_for("a durable record", lambda: any(positions(running).values()))
                        moment = time.monotonic() + dice.uniform(0, 2)
                        while True:
                            acknowledged.update(positions(running))
                            if time.monotonic() >= moment:
                                break
                    else:
                        time.sleep(dice.uniform(0, 0.3))
                    running.kill()
            # One undisturbed run closes the windows that are still open.
            with start(data) as running:
                before = running.status()["partitions"]
                wait_for("new windows", lambda: int(query(data, "select count(*) n from windows")[0]["n"]) > 0)
                self.assertTrue(before)
                self.assertEqual(running.stop(), 0, running.output())

            self.check_raw_log(data, acknowledged)
            self.check_tables(data)
            verify = tape("replay", "--verify", "--data", data)
            self.assertEqual(verify.returncode, 0, verify.stdout + verify.stderr)
            self.check_lake(data)
            self.check_verify_sees_changes(data)

    def check_raw_log(self, data, acknowledged):
        captured = {}
        for line in tape("export", "--data", data, check=0).stdout.splitlines():
            slot = line.split('"conn":"', 1)[1].split('"', 1)[0]
            captured[slot] = captured.get(slot, 0) + 1
        for partition, durable in acknowledged.items():
            self.assertGreaterEqual(captured.get(partition, 0), durable, f"{partition}: an acknowledged record is missing")
        self.assertGreater(sum(captured.values()), 100 * KILLS)

    def check_tables(self, data):
        doubled = query(data, "select source_partition, source_offset, source_index, count(*) n from ticks "
                              "group by all having n > 1 limit 5")
        self.assertEqual(doubled, [])
        doubled = query(data, "select venue, symbol, trade_id, count(*) n from ticks where kind = 'trade' "
                              "group by all having n > 1 limit 5")
        self.assertEqual(doubled, [])
        doubled = query(data, "select window_name, venue, symbol, window_start, revision, count(*) n from windows "
                              "group by all having n > 1 limit 5")
        self.assertEqual(doubled, [])
        holes = query(data, "select count(*) n from windows where not complete and gap_ms > 0")
        self.assertGreater(int(holes[0]["n"]), 0, "kills leave holes, and holes have to show")
        contradiction = query(data, "select count(*) n from windows where complete <> (gap_ms = 0)")
        self.assertEqual(int(contradiction[0]["n"]), 0)

    def check_lake(self, data):
        if not VENV.exists():
            print("skipped: reading the lake with pyarrow and DuckDB, because scripts/setup test has not run")
            return
        done = subprocess.run([VENV, "tests/lake_readable.py", str(data / "lake")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def differs(self, data):
        verify = tape("replay", "--verify", "--data", data)
        self.assertEqual(verify.returncode, 1, verify.stdout + verify.stderr)
        self.assertIn("differs: ", verify.stdout)

    def check_verify_sees_changes(self, data):
        """One bit in a file of the lake, one value in the warehouse, one bit in the derived log."""
        file = max((data / "lake/ticks").rglob("*.parquet"), key=lambda path: path.stat().st_size)
        whole = file.read_bytes()
        changed = bytearray(whole)
        changed[len(changed) // 3] ^= 1
        file.write_bytes(changed)
        self.differs(data)
        file.write_bytes(whole)

        if VENV.exists():
            warehouse = data / "warehouse.duckdb"
            whole = warehouse.read_bytes()
            subprocess.run([VENV, "-c", "import duckdb, sys; duckdb.connect(sys.argv[1]).execute("
                            "'update ticks set size = size + 0.00000001 where rowid = 100')", warehouse], check=True)
            self.differs(data)
            warehouse.write_bytes(whole)

        segment = max((data / "log/derived").glob("*/*.seg"), key=lambda path: path.stat().st_size)
        content = bytearray(segment.read_bytes())
        content[content.rindex(b"BTC-USD", 0, len(content.rstrip(b"\0")))] ^= 1
        segment.write_bytes(content)
        self.differs(data)


if __name__ == "__main__":
    unittest.main(verbosity=2)
