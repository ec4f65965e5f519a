"""Holds what `tape` stored against the ledger of the simulator that it listened to: every trade between the first and the
last that was observed is there exactly once and exact, or the gap table names it; what REST still had is not called
unrecoverable; windows are those of the trades."""
import collections
import dataclasses
import decimal
import itertools
import json

from harness import tape

# How finely a venue tells the time of a trade, in nanoseconds.
PRECISION = {"okx": 1_000_000, "coinbase": 1_000, "kucoin": 1, "binance": 1_000, "kraken": 1_000}
# Where ids are not consecutive a gap is a span of time by the clock of the capture, which is not the venue's.
CLOCKS_APART_NS = 1_500_000_000
WATERMARK_LAG_NS = 4_000_000_000


@dataclasses.dataclass(frozen=True)
class Trade:
    id: int
    ts_ns: int
    price: decimal.Decimal
    size: decimal.Decimal
    side: str
    socket: bool
    rest: bool


@dataclasses.dataclass
class Ledger:
    trades: dict  # (venue, native symbol) -> {id: Trade}
    faults: list
    violations: list


def identity(venue, line):
    """What the venue tells a trade apart by."""
    return line["sequence"] if venue == "kucoin" else line["id"]


def read_ledger(path):
    ledger = Ledger(collections.defaultdict(dict), [], [])
    for text in path.read_text().splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue  # Torn by a kill.
        if "violation" in line:
            ledger.violations.append(line)
        elif "fault" in line:
            ledger.faults.append(line)
        elif "id" in line:
            venue = line["venue"]
            trade = Trade(identity(venue, line), line["ts_ns"], decimal.Decimal(line["price"]),
                          decimal.Decimal(line["size"]), line["side"], line["socket"], line["rest"])
            ledger.trades[venue, line["symbol"]][trade.id] = trade
    return ledger


def all_rows(data, statement):
    return json.loads(tape("sql", "--data", data, "--format", "json", "--limit", 10_000_000, statement, check=0).stdout)


def ticks_of(data):
    """(venue, native symbol) -> trades as they are in the table, in the order of their ids; its symbol; when it was first
    heard of."""
    streams = all_rows(data, "select distinct venue, symbol from ticks where kind = 'trade'")
    rows = itertools.chain.from_iterable(all_rows(data, f"""select venue, symbol, native_symbol, trade_id, sequence, price,
        size, side, epoch_us(ts_event) * 1000 + ts_event_nanos as ts_ns, epoch_ns(ts_recv) as recv_ns from ticks
        where kind = 'trade' and venue = '{stream["venue"]}' and symbol = '{stream["symbol"]}'""") for stream in streams)
    found, symbols, begins = collections.defaultdict(list), {}, {}
    for row in rows:
        number = row["sequence"] if row["venue"] == "kucoin" else row["trade_id"]
        found[row["venue"], row["native_symbol"]].append(
            Trade(int(number), int(row["ts_ns"]), decimal.Decimal(row["price"]), decimal.Decimal(row["size"]), row["side"],
                  True, True))
        stream = row["venue"], row["native_symbol"]
        symbols[stream] = row["symbol"]
        begins[stream] = min(begins.get(stream, int(row["recv_ns"])), int(row["recv_ns"]))
    for ticks in found.values():
        ticks.sort(key=lambda trade: trade.id)
    return found, symbols, begins


@dataclasses.dataclass
class Gap:
    venue: str
    symbol: str
    channel: str
    status: str
    cause: str
    from_ns: int
    to_ns: int
    from_id: int | None
    to_id: int | None

    def of_trades(self):
        return not self.channel or any(word in self.channel for word in ("trade", "match", "Trade"))

    def names(self, venue, symbol, trade):
        if self.venue != venue or self.symbol not in ("", symbol) or not self.of_trades():
            return False
        if self.from_id is not None and self.to_id is not None:
            return self.from_id <= trade.id <= self.to_id
        return self.from_ns - CLOCKS_APART_NS <= trade.ts_ns <= self.to_ns + CLOCKS_APART_NS


def gaps_of(data):
    rows = all_rows(data, """select venue, symbol, channel, status, cause, epoch_ns(from_ts) as from_ns,
        epoch_ns(to_ts) as to_ns, from_id, to_id from gaps_latest order by from_ts""")
    number = lambda value: None if value is None else int(value)
    return [Gap(row["venue"], row["symbol"] or "", row["channel"] or "", row["status"], row["cause"], int(row["from_ns"]),
                int(row["to_ns"] or row["from_ns"]), number(row["from_id"]), number(row["to_id"])) for row in rows]


class Checker:
    """Gathers what is wrong instead of stopping at the first. `merged`: venues whose frames stand for several trades."""

    def __init__(self, data, ledger_path, merged=()):
        self.data = data
        self.ledger = read_ledger(ledger_path)
        self.ticks, self.symbols, self.begins = ticks_of(data)
        self.gaps = gaps_of(data)
        self.merged = merged
        self.wrong = []

    def fail(self, text):
        self.wrong.append(text)

    def check(self, expected_streams):
        for stream in expected_streams:
            if len(self.ticks.get(stream, [])) < 10:
                self.fail(f"{stream}: only {len(self.ticks.get(stream, []))} trades were stored")
        for violation in self.ledger.violations:
            self.fail(f"a limit of the venue was exceeded: {violation}")
        for (venue, native), ticks in self.ticks.items():
            trades = self.ledger.trades[venue, native]
            if venue in self.merged:
                self.check_merged(venue, native, ticks, trades)
            else:
                self.check_trades(venue, native, ticks, trades)
        self.check_gaps()
        self.check_windows()
        verify = tape("replay", "--verify", "--data", self.data)
        if verify.returncode != 0:
            self.fail(f"replay --verify exits {verify.returncode}: {verify.stdout[-2000:]} {verify.stderr[-2000:]}")
        return self.wrong

    def check_same(self, where, tick, trade):
        precision = PRECISION[where[0]]
        same = (tick.price == trade.price and tick.side == trade.side and
                tick.ts_ns == trade.ts_ns // precision * precision)
        if not same:
            self.fail(f"{where}: stored {tick}, sent {trade}")

    def check_trades(self, venue, native, ticks, trades):
        where = (venue, native)
        counted = collections.Counter(tick.id for tick in ticks)
        doubled = [number for number, count in counted.items() if count > 1]
        if doubled:
            self.fail(f"{where}: {len(doubled)} trades are there more than once: {doubled[:5]}")
        for tick in ticks:
            trade = trades.get(tick.id)
            if trade is None:
                self.fail(f"{where}: stored {tick}, which was never traded")
                continue
            self.check_same(where, tick, trade)
            if tick.size != trade.size:
                self.fail(f"{where}: stored {tick}, sent {trade}")
        self.check_missing(venue, native, [trade for trade in trades.values() if ticks[0].id < trade.id < ticks[-1].id
                                           and trade.id not in counted])

    def check_merged(self, venue, native, ticks, trades):
        """A merged tick stands for its id and those before it whose sizes make up its size."""
        where = (venue, native)
        previous, missing = None, []
        for tick in ticks:
            trade, size, number = trades.get(tick.id), decimal.Decimal(0), tick.id
            if trade is None:
                self.fail(f"{where}: stored {tick}, which was never traded")
                continue
            self.check_same(where, tick, trade)
            while size < tick.size and number in trades and (previous is None or number > previous):
                size += trades[number].size
                number -= 1
            if size != tick.size:
                self.fail(f"{where}: the size of {tick} is not that of trades {number + 1} to {tick.id} after {previous}")
            if previous is not None:
                missing += [trades[skipped] for skipped in range(previous + 1, number + 1) if skipped in trades]
            previous = tick.id
        self.check_missing(venue, native, missing)

    def check_missing(self, venue, native, missing):
        symbol = self.symbols[venue, native]
        unnamed = [trade for trade in missing
                   if not any(gap.status == "unrecoverable" and gap.names(venue, symbol, trade) for gap in self.gaps)]
        if unnamed:
            self.fail(f"{venue} {native}: {len(unnamed)} trades are missing and no gap says so, first {unnamed[0]}, "
                      f"last {unnamed[-1]}; gaps: {[gap for gap in self.gaps if gap.symbol == symbol][:6]}")

    def check_gaps(self):
        natives = {(venue, symbol): native for (venue, native), symbol in self.symbols.items()}
        end = max((gap.from_ns for gap in self.gaps), default=0)
        for gap in self.gaps:
            # One that began as the program was stopped has no fate yet.
            begun_before = gap.from_ns < end - 3_000_000_000
            if gap.status == "open" and gap.cause not in ("stopped", "restart") and begun_before:
                self.fail(f"still open: {gap}")
            exact = gap.status == "unrecoverable" and gap.of_trades() and None not in (gap.from_id, gap.to_id)
            if not exact or gap.venue == "kucoin":  # Whose REST has the newest hundred alone.
                continue
            trades = self.ledger.trades[gap.venue, natives.get((gap.venue, gap.symbol), "")]
            had = [number for number in range(gap.from_id, gap.to_id + 1) if number in trades and trades[number].rest]
            if had:
                self.fail(f"called unrecoverable although REST had {len(had)} trades of it, such as {had[0]}: {gap}")

    def check_windows(self):
        rows = all_rows(self.data, """select window_name, venue, symbol, epoch_ns(window_start) as from_ns,
            epoch_ns(window_end) as to_ns, tick_count, open, high, low, close, volume, complete from windows_latest""")
        stored = {(row["window_name"], row["venue"], row["symbol"], int(row["from_ns"])): row for row in rows}
        shapes = {row["window_name"]: int(row["to_ns"]) - int(row["from_ns"]) for row in rows}
        starts = collections.defaultdict(set)
        for row in rows:
            starts[row["window_name"]].add(int(row["from_ns"]))
        for (venue, native), ticks in self.ticks.items():
            symbol = self.symbols[venue, native]
            ticks = sorted(ticks, key=lambda tick: (tick.ts_ns, tick.id))
            for name, size in shapes.items():
                self.check_window_rows(stored, (name, venue, symbol), size, sorted(starts[name]), ticks,
                                       self.ledger.trades[venue, native], self.begins[venue, native])

    def check_window_rows(self, stored, key, size, starts, ticks, trades, begin):
        name, venue, symbol = key
        present = {tick.id for tick in ticks}
        last_id = max(present)
        for start in starts:
            inside = [tick for tick in ticks if start <= tick.ts_ns < start + size]
            row = stored.get((*key, start))
            if row is None:
                if inside and start + size < ticks[-1].ts_ns - WATERMARK_LAG_NS:
                    self.fail(f"window {key} at {start} is absent, with {len(inside)} trades")
                continue
            if not inside:
                self.fail(f"window {key} at {start} has no trade: {row}")
                continue
            prices = [tick.price for tick in inside]
            wanted = {"tick_count": len(inside), "open": prices[0], "high": max(prices), "low": min(prices),
                      "close": prices[-1], "volume": sum(tick.size for tick in inside)}
            found = {field: decimal.Decimal(row[field]) for field in wanted}
            if found != wanted:
                self.fail(f"window {key} at {start}: stored {row}, the trades make {wanted}")
            # What was lost behind the last trade of all shows when the next one comes; until then the gap is open.
            whole = venue in self.merged or not [trade for trade in trades.values() if trade.id not in present and
                                                 trade.id < last_id and start <= trade.ts_ns < start + size]
            if row["complete"] and not whole:
                self.fail(f"window {key} at {start} is called complete, and trades are missing: {row}")
            explained = start < begin + 2_000_000_000 or any(
                gap.status == "unrecoverable" and gap.venue == venue and gap.symbol in ("", symbol) and gap.of_trades()
                and gap.from_ns - CLOCKS_APART_NS < start + size and start < gap.to_ns + CLOCKS_APART_NS for gap in self.gaps)
            last = start + size > ticks[-1].ts_ns - WATERMARK_LAG_NS
            if not row["complete"] and not explained and not last:
                self.fail(f"window {key} at {start} is not complete, and nothing of it is unrecoverable: {row}")

