"""What the black-box tests share: running the program, waiting for it, asking it."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
TAPE = pathlib.Path(os.environ.get("TAPE", ROOT / "build/release/tape")).resolve()
VENV = ROOT / "build/deps/venv/bin/python"
PATIENCE = 60  # Seconds after which something awaited counts as never coming; nothing is expected to take long.


def tape(*arguments, check=None, text=True, **options):
    """Runs a verb to its end. `check`: the exit code it must have."""
    done = subprocess.run([TAPE, *map(str, arguments)], capture_output=True, text=text, timeout=600, **options)
    if check is not None:
        assert done.returncode == check, f"tape {arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def wait_for(what, condition, patience=PATIENCE):
    """Polls `condition` until it gives something true, which comes back."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {patience} s in vain for {what}")


class Running:
    """A `tape run` (or another verb that goes on) in the background, on a free port."""

    def __init__(self, *arguments, data, **environment):
        self.data = pathlib.Path(data)
        self.lock = self.data / ("capture.lock" if "collect" in arguments else "process.lock")
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([TAPE, *map(str, arguments), "--data", str(data), "--listen", "127.0.0.1:0"],
                                        stdout=self.log, stderr=self.log, text=True, env={**os.environ, **environment})

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def address(self):
        """Where it serves; it says so in its lock file."""
        def announced():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.output()}"
            with contextlib.suppress(FileNotFoundError):
                lines = self.lock.read_text().splitlines()
                if len(lines) == 2 and lines[1] and int(lines[0]) == self.process.pid:
                    return lines[1]
        return wait_for("the address", announced)

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.address()}{path}", timeout=30) as answer:
            return answer.read().decode()

    def json(self, path):
        return json.loads(self.get(path))

    def sql(self, statement):
        """(status, answer) of a statement over HTTP."""
        request = urllib.request.Request(f"http://{self.address()}/api/v1/sql", json.dumps({"sql": statement}).encode(),
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def status(self):
        return self.json("/api/v1/status")

    def cpu_and_rss(self):
        """Seconds of CPU so far, and resident memory in MB."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return ((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
                int(fields[21]) * os.sysconf("SC_PAGE_SIZE") / 1e6)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        self.log.close()


@contextlib.contextmanager
def temporary_folder():
    folder = tempfile.mkdtemp(prefix="tape-test-")
    try:
        yield pathlib.Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def query(data, statement):
    """Rows of `tape sql`, as a list of objects."""
    return json.loads(tape("sql", "--data", data, "--format", "json", statement, check=0).stdout)
