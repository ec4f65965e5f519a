#!/usr/bin/env python3
"""Turns recorded WebSocket sessions into capture interchange: JSON Lines, one record a line.

A session is text, one event a line, T in seconds since the epoch:
    URL <-> T          the client connected
    URL <- T: TEXT     the client sent TEXT
    URL -> T: BODY     the answer to a GET of URL
    T: TEXT            a frame was received
Times are taken digit by digit: a float could not hold their nanoseconds.

    session_to_capture.py --slot okx-1 session.ws.txt > capture.jsonl
"""
import argparse
import json
import re
import sys
from urllib.parse import urlsplit

TIME = r"(\d+)(?:\.(\d{1,9}))?"
LINE = re.compile(rf"(?:(?P<url>\S+://\S+) (?P<arrow><->|<-|->) )?{TIME}(?:: (?P<text>.*))?", re.DOTALL)
KINDS = {"<->": "connected", "<-": "sent", "->": "rest", None: "frame"}


def to_nanos(seconds, fraction):
    return int(seconds) * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def payload_of(kind, url, text, session):
    """What the record holds besides the text itself, as the log writes it."""
    if kind == "connected":
        return compact({"address": url, "session": session})
    if kind == "rest":
        parts = urlsplit(url)
        target = parts.path + ("?" + parts.query if parts.query else "")
        return compact({"method": "GET", "target": target, "status": 200, "body": text})
    return text


def convert(lines, slot):
    session = 0
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        match = LINE.fullmatch(line)
        if not match:
            raise SystemExit(f"line {number} is no event of a session: {line[:80]}")
        kind = KINDS[match["arrow"]]
        session += kind == "connected"
        yield compact({
            "ts_recv": to_nanos(match[3], match[4]),
            "conn": slot,
            "kind": kind,
            "payload": payload_of(kind, match["url"], match["text"], session),
        })


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slot", required=True, help="the records' slot, such as okx-1")
    parser.add_argument("files", nargs="+", metavar="FILE", help="sessions, one after the other")
    options = parser.parse_args()
    for path in options.files:
        with open(path, encoding="utf-8", newline="\n") as file:
            lines = file.read().split("\n")
        for record in convert(lines, options.slot):
            sys.stdout.buffer.write(record.encode() + b"\n")


if __name__ == "__main__":
    main()
