#!/usr/bin/env python3
"""How long a message takes from the socket to being durable, and to being visible on /ws, at an open loop of 10,000
messages/s: the simulator sends by its own clock, whatever the program does. A message is visible when the first frame came
that shows it or a later one of its instrument. LATENCY_SECONDS (15), LATENCY_RATE (10500, of which 10,000 are followed)."""
import base64
import bisect
import datetime
import http.client
import json
import os
import pathlib
import socket
import struct
import subprocess
import tempfile
import threading
import time

from rig import TAPE, Program, simulator

SECONDS = int(os.environ.get("LATENCY_SECONDS", "15"))
RATE = int(os.environ.get("LATENCY_RATE", "10500"))


class LiveFeed(threading.Thread):
    """Reads /ws and notes when which capture time was shown, by instrument."""

    def __init__(self, address):
        super().__init__(daemon=True)
        host, port = address.rsplit(":", 1)
        self.shown = {}
        self.stream = socket.create_connection((host, int(port)))
        key = base64.b64encode(os.urandom(16)).decode()
        self.stream.sendall(f"GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.input = self.stream.makefile("rb")
        while self.input.readline().strip():
            pass
        text = b'{"all":true}'
        mask = os.urandom(4)
        self.stream.sendall(bytes([0x81, 0x80 | len(text)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text)))

    def run(self):
        message = b""
        try:
            while True:
                first, second = self.input.read(2)
                size = second & 0x7F
                if size == 126:
                    size, = struct.unpack(">H", self.input.read(2))
                elif size == 127:
                    size, = struct.unpack(">Q", self.input.read(8))
                payload = self.input.read(size)
                now = time.time_ns()
                if first & 0x0F > 1:  # A ping, or the end.
                    continue
                message += payload
                if not first & 0x80:
                    continue
                whole, message = message, b""
                for tick in json.loads(whole).get("ticks", []):
                    self.shown.setdefault((tick["venue"], tick["symbol"]), []).append((nanos(tick["ts_recv"]), now))
        except (OSError, ValueError):
            pass


def nanos(text):
    """Of an RFC 3339 time in UTC."""
    whole, _, fraction = text.rstrip("Z").replace(" ", "T").partition(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp()) * 10**9 + int(fraction.ljust(9, "0")[:9] or 0)


class DurableWatch(threading.Thread):
    """Notes how far each partition is durable, every 2 ms or so."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(address)
        self.seen = {}
        self.ended = False

    def run(self):
        while not self.ended:
            self.connection.request("GET", "/api/v1/status")
            status = json.loads(self.connection.getresponse().read())
            now = time.time_ns()
            for partition in status["partitions"]:
                looks = self.seen.setdefault(partition["name"], [])
                if not looks or partition["durable"] > looks[-1][0]:
                    looks.append((partition["durable"], now))
            time.sleep(0.002)


def row(what, latencies, target):
    latencies.sort()
    at = [latencies[min(len(latencies) - 1, int(len(latencies) * share))] / 1e6 for share in (0.5, 0.99, 0.999)]
    return (f"| {what}, {len(latencies) / SECONDS:.0f} messages/s for {SECONDS} s | — | p50 {at[0]:.1f} ms, p99 {at[1]:.1f} ms, "
            f"p99.9 {at[2]:.1f} ms | — | — | {target} | every message counted |")


def main():
    with tempfile.TemporaryDirectory(prefix="tape-bench-") as name, simulator(RATE) as ready:
        with Program("run", pathlib.Path(name) / "run", ready) as program:
            program.wait_for_frames(RATE)
            feed, durable = LiveFeed(program.address()), DurableWatch(program.address())
            feed.start()
            durable.start()
            time.sleep(1)
            begin = time.time_ns()
            time.sleep(SECONDS)
            end = time.time_ns()
            time.sleep(2)  # What was received last becomes durable and visible.
            durable.ended = True
            durable.join()
        exported = subprocess.run([TAPE, "export", "--data", program.data], stdout=subprocess.PIPE, check=True).stdout
        to_durable, offsets = [], {}
        for line in exported.splitlines():
            record = json.loads(line)
            offset = offsets.get(record["conn"], 0)
            offsets[record["conn"]] = offset + 1
            if record["kind"] != "frame" or not begin <= record["ts_recv"] < end:
                continue
            looks = durable.seen[record["conn"]]
            look = bisect.bisect_right(looks, offset, key=lambda each: each[0])
            to_durable.append(looks[look][1] - record["ts_recv"])
        query = f"SELECT venue, symbol, epoch_ns(ts_recv) AS ts FROM ticks WHERE ts_recv >= make_timestamp({begin // 1000}) AND ts_recv < make_timestamp({end // 1000})"
        table = subprocess.run([TAPE, "sql", "--data", program.data, "--format", "csv", "--limit", "10000000", query],
                               stdout=subprocess.PIPE, text=True, check=True).stdout
        to_visible = []
        for line in table.splitlines()[1:]:
            venue, symbol, ts = line.split(",")
            shown = feed.shown.get((venue, symbol), [])
            first = bisect.bisect_left(shown, int(ts), key=lambda each: each[0] // 1000 * 1000)
            if first < len(shown):
                to_visible.append(shown[first][1] - int(ts))
    print(row("socket read to durable (group commit of 200 ms)", to_durable, "stated"))
    print(row("socket read to visible on /ws (frames of 100 ms)", to_visible, "stated"))


if __name__ == "__main__":
    main()
