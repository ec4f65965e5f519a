#!/usr/bin/env python3
"""A disk that fills up under the whole program: capture pauses, serving goes on, /ready says why, and when there is space
again capture resumes by itself and the gap is named. Needs a small file system of its own, so it is skipped where none can
be mounted."""
import subprocess
import unittest
import urllib.error

from harness import Running, query, tape, temporary_folder, wait_for

CONFIG = """
[[source]]
venue = "okx"
symbols = ["BTC-USDT", "ETH-USDT"]
[log]
segment = "1MiB"
reserve = "24MiB"
[[window]]
name = "w"
size = "1s"
"""


class DiskTest(unittest.TestCase):
    def setUp(self):
        context = temporary_folder()
        self.folder = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", self.folder], capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"no file system can be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.folder], check=True)

    def ready(self, running):
        try:
            return running.get("/ready")
        except urllib.error.HTTPError as error:
            return f"{error.code} {error.read().decode()}"

    def test_capture_pauses_on_a_full_disk_and_goes_on_when_there_is_space(self):
        (self.folder / "c.toml").write_text(CONFIG)
        with Running("run", "-c", self.folder / "c.toml", "--simulate", "--rate", "200", data=self.folder / "data") as running:
            wait_for("frames", lambda: any(s["frames"] > 50 for s in running.status()["sources"]))
            ballast = self.folder / "ballast"
            with ballast.open("wb") as file:
                try:
                    while file.write(b"\0" * (1 << 20)):
                        pass
                except OSError:
                    pass
            wait_for("the pause", lambda: all(s["paused"] for s in running.status()["sources"]))
            self.assertRegex(self.ready(running), "503.*disk is full")
            self.assertIn("<html", running.get("/").lower())
            frames = {s["slot"]: s["frames"] for s in running.status()["sources"]}
            ballast.unlink()
            wait_for("capture again", lambda: all(not s["paused"] and s["frames"] > frames[s["slot"]] + 50
                                                  for s in running.status()["sources"]))
            wait_for("readiness", lambda: not self.ready(running).startswith("503"))
            self.assertEqual(running.stop(), 0)
        gaps = query(self.folder / "data", "SELECT cause FROM gaps")
        self.assertIn("disk", " ".join(gap["cause"] for gap in gaps))
        tape("replay", "--verify", "--data", self.folder / "data", check=0)


if __name__ == "__main__":
    unittest.main()
