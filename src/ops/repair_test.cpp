// Repairs: what was missed and came later gives the rows that would have been, had nothing been
// missed; whatever the order in which it comes, and wherever the process is killed.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "market/codec.h"
#include "ops/log_session.h"

namespace tape::ops {
namespace {

using log::RecordKind;

PipelineOptions windows() {
    PipelineOptions with = options();
    with.windows = {
        {.name = "w10", .size = seconds(10), .slide = seconds(10), .input = TickKind::trade},
        {.name = "h20", .size = seconds(20), .slide = seconds(5), .input = TickKind::trade}};
    return with;
}

struct Trade {
    i64 id, at_ms;
    std::string symbol, price;
    std::string line() const {
        return fmt::format("trade {} {} 1.5 {} {}\n", symbol, price, id, at_ms);
    }
};

// Trades of two symbols, a few a second.
std::vector<Trade> market(u64 seed, i64 from_ms, i64 to_ms, FakeIds ids) {
    std::mt19937_64 random(seed);
    std::vector<Trade> trades;
    std::map<std::string, i64> last;
    for (i64 at = from_ms; at < to_ms; at += static_cast<i64>(random() % 600)) {
        const std::string symbol = random() % 3 == 0 ? "ETH" : "BTC";
        last[symbol] += ids == FakeIds::consecutive ? 1 : 1 + static_cast<i64>(random() % 5);
        trades.push_back({last[symbol], at, symbol,
                          fmt::format("{}.{}", 10 + random() % 9, 10 + random() % 90)});
    }
    return trades;
}

std::vector<RawRecord> live(const std::vector<Trade>& trades) {
    std::vector<RawRecord> records;
    for (const Trade& trade : trades)
        records.push_back({RecordKind::frame, trade.at_ms + 20, trade.line()});
    return records;
}

std::string verdict(std::string_view symbol, i64 from_ms, std::string_view from_id) {
    return fmt::format(R"({{"cause":"fetched","channel":"trades","symbol":"{}","from_ts":{},)"
                       R"("from_id":{}}})",
                       symbol, millis(from_ms).count, from_id);
}

struct Outage {
    i64 from_ms, to_ms;
    bool killed{};              // Else the connection was lost.
    i64 fetched_after = 1'000;  // The back-fill comes so long after the outage.
};

// The same trades, but those of the outage come by REST, in pages of seven, newest page first or
// shuffled.
std::vector<RawRecord> interrupted(const std::vector<Trade>& trades, const Outage& outage,
                                   FakeIds ids, std::mt19937_64* shuffle = nullptr) {
    std::vector<RawRecord> records;
    std::map<std::string, std::vector<Trade>> missed;
    std::map<std::string, i64> last;
    for (const Trade& trade : trades) {
        const bool out = trade.at_ms + 20 >= outage.from_ms && trade.at_ms + 20 < outage.to_ms;
        if (out)
            missed[trade.symbol].push_back(trade);
        else
            records.push_back({RecordKind::frame, trade.at_ms + 20, trade.line()});
        if (trade.at_ms + 20 < outage.from_ms) last[trade.symbol] = trade.id;
    }
    const auto at = std::ranges::find_if(
        records, [&](const RawRecord& record) { return record.at_ms >= outage.from_ms; });
    std::vector<RawRecord> between;
    if (outage.killed)
        between = {{RecordKind::heartbeat, outage.from_ms, ""},
                   {RecordKind::config, outage.to_ms - 50, "{}"}};
    else
        between = {{RecordKind::disconnected, outage.from_ms, R"({"cause":"eof"})"}};
    if (!outage.killed)
        for (i64 beat = outage.from_ms + 500; beat < outage.to_ms - 100; beat += 1'000)
            between.push_back({RecordKind::heartbeat, beat, ""});
    between.push_back({RecordKind::connected, outage.to_ms - 40, "{}"});
    between.push_back({RecordKind::frame, outage.to_ms - 30, "ack trades BTC\nack trades ETH"});
    records.insert(at, between.begin(), between.end());

    std::vector<RawRecord> pages;
    const i64 fetched_ms = outage.to_ms + outage.fetched_after;
    for (auto& [symbol, some] : missed) {
        if (ids == FakeIds::rising) {  // The answers overlap what was known.
            const auto known = std::ranges::find_if(trades, [&](const Trade& trade) {
                return trade.symbol == symbol && trade.id == last[symbol];
            });
            some.insert(some.begin(), *known);
        }
        if (shuffle != nullptr) std::ranges::shuffle(some, *shuffle);
        std::ranges::reverse(some);
        for (std::size_t i = 0; i < some.size(); i += 7) {
            std::string page;
            for (std::size_t j = i; j < std::min(i + 7, some.size()); ++j) page += some[j].line();
            pages.push_back({RecordKind::rest, fetched_ms, page});
        }
    }
    if (shuffle != nullptr) std::ranges::shuffle(pages, *shuffle);
    const i64 from_ms = outage.from_ms;
    for (const auto& [symbol, id] : last)
        pages.push_back(
            {RecordKind::gap, fetched_ms,
             verdict(symbol, from_ms, ids == FakeIds::rising ? "null" : std::to_string(id + 1))});
    const auto then = std::ranges::find_if(
        records, [&](const RawRecord& record) { return record.at_ms > fetched_ms; });
    records.insert(then, pages.begin(), pages.end());
    return records;
}

// What was emitted in the end: of each window the highest revision, without that and what says how
// it was observed.
using Latest = std::map<std::tuple<std::string, std::string, i64>, std::string>;

struct Outcome {
    Latest windows, incomplete;
    std::map<std::string, std::string> gaps;  // The last row of each.
    Strings dead_letters, twice;              // A revision of a window that came twice.
};

Outcome outcome_of(const std::vector<Memory::Kept>& derived) {
    Outcome outcome;
    InstrumentTable table;
    std::map<std::tuple<std::string, std::string, i64>, i64> highest;
    for (const Memory::Kept& record : derived) {
        if (record.kind == RecordKind::dead_letter)
            outcome.dead_letters.push_back(describe(record.kind, record.payload));
        if (record.kind == RecordKind::gap_row) {
            const Gap gap = *decode_gap(record.payload);
            outcome.gaps[fmt::format("{} {} {} {}", gap.symbol, gap.channel, gap.from_ts.count,
                                     gap.from_id.value_or(-1))] = to_string(gap.status);
        }
        if (record.kind != RecordKind::window) continue;
        const WindowRow row = *decode_window(record.payload, table);
        const auto key =
            std::tuple(row.window_name, row.instrument->symbol, row.window_start.millis());
        const auto before = highest.find(key);
        if (before != highest.end() && row.revision <= before->second)
            outcome.twice.push_back(describe(record.kind, record.payload));
        highest[key] = row.revision;
        const auto text = [](const std::optional<Decimal>& value) {
            return value ? value->to_string() : "-";
        };
        outcome.windows[key] =
            fmt::format("n={} o={} h={} l={} c={} mean={} vwap={} sd={} vol={} chg={}",
                        row.tick_count, row.open.to_string(), row.high.to_string(),
                        row.low.to_string(), row.close.to_string(), row.mean.to_string(),
                        text(row.vwap), text(row.stddev), text(row.volume), text(row.change_pct));
        outcome.incomplete.erase(key);
        if (!row.complete) outcome.incomplete[key] = std::to_string(row.gap_ms);
    }
    return outcome;
}

Outcome run(const std::vector<RawRecord>& records, FakeIds ids) {
    Session session(windows(), {}, ids);
    session.frame(99'000, "ack trades BTC\nack trades ETH");
    for (const RawRecord& record : records)
        session.record(record.kind, record.at_ms, record.payload);
    session.pipeline->finish(session.out);
    return outcome_of(session.out.derived);
}

void expect_repaired(const Outcome& whole, const Outcome& repaired, std::string_view what) {
    EXPECT_EQ(repaired.windows.size(), whole.windows.size()) << what;
    for (const auto& [key, row] : whole.windows) {
        const auto found = repaired.windows.find(key);
        ASSERT_NE(found, repaired.windows.end()) << what << " " << std::get<0>(key) << " "
                                                 << std::get<1>(key) << " " << std::get<2>(key);
        EXPECT_EQ(found->second, row) << what << " " << std::get<0>(key) << " " << std::get<1>(key)
                                      << " " << std::get<2>(key);
    }
    EXPECT_EQ(repaired.incomplete, whole.incomplete) << what;
    EXPECT_EQ(repaired.dead_letters, Strings{}) << what;
    EXPECT_EQ(repaired.twice, Strings{}) << what;
    for (const auto& [gap, status] : repaired.gaps)
        EXPECT_EQ(status, "backfilled") << what << " " << gap;
}

TEST(Repair, AfterABackfillTheRowsAreAsIfNothingHadBeenMissed) {
    const Outage outages[] = {
        {.from_ms = 150'000, .to_ms = 156'000},                          // From the panes.
        {.from_ms = 150'000, .to_ms = 250'000},                          // From the log.
        {.from_ms = 150'000, .to_ms = 250'000, .killed = true},          // No heartbeats meanwhile.
        {.from_ms = 150'000, .to_ms = 170'000, .fetched_after = 90'000}  // Late.
    };
    for (const FakeIds ids : {FakeIds::consecutive, FakeIds::rising})
        for (u64 seed = 1; seed <= 5; ++seed) {
            const auto trades = market(seed, 100'000, 400'000, ids);
            const Outcome whole = run(live(trades), ids);
            for (const Outage& outage : outages) {
                const std::string what = fmt::format("seed {}, {} to {}, {}", seed, outage.from_ms,
                                                     outage.to_ms, static_cast<int>(ids));
                const Outcome repaired = run(interrupted(trades, outage, ids), ids);
                EXPECT_EQ(repaired.gaps.size(), 2U) << what;
                expect_repaired(whole, repaired, what);
            }
        }
}

TEST(Repair, TheOrderOfTheAnswersDoesNotMatter) {
    std::mt19937_64 random(7);
    for (const Outage& outage : {Outage{.from_ms = 150'000, .to_ms = 156'000},
                                 Outage{.from_ms = 150'000, .to_ms = 250'000}}) {
        const auto trades = market(11, 100'000, 400'000, FakeIds::consecutive);
        const Outcome whole = run(live(trades), FakeIds::consecutive);
        for (int i = 0; i < 10; ++i)
            expect_repaired(whole,
                            run(interrupted(trades, outage, FakeIds::consecutive, &random),
                                FakeIds::consecutive),
                            fmt::format("shuffle {}", i));
    }
}

TEST(Repair, WhatCannotBeHadStaysIncomplete) {
    const auto trades = market(3, 100'000, 300'000, FakeIds::consecutive);
    auto records =
        interrupted(trades, {.from_ms = 150'000, .to_ms = 190'000}, FakeIds::consecutive);
    // The oldest page of BTC is no longer offered.
    const auto is_page = [](const RawRecord& record) {
        return record.kind == RecordKind::rest && record.payload.starts_with("trade BTC");
    };
    const auto last = std::ranges::find_if(records.rbegin(), records.rend(), is_page);
    records.erase(std::prev(last.base()));
    const Outcome outcome = run(records, FakeIds::consecutive);
    i64 unrecoverable = 0;
    for (const auto& [gap, status] : outcome.gaps) unrecoverable += status == "unrecoverable";
    EXPECT_EQ(unrecoverable, 1);
    const auto is_whole = [&](std::string_view symbol, i64 start_ms) {
        return !outcome.incomplete.contains({"w10", std::string(symbol), start_ms});
    };
    EXPECT_FALSE(is_whole("BTC", 150'000));
    EXPECT_TRUE(is_whole("BTC", 180'000));
    EXPECT_TRUE(is_whole("ETH", 150'000));
}

TEST(Repair, WindowsFromBeforeTheFirstAreEmittedToo) {
    Session session(windows());
    session.frame(199'000, "ack trades BTC");
    session.frame(200'000, "trade BTC 10 1 50 200000");
    session.rest(201'000, "trade BTC 8 1 48 121000\ntrade BTC 9 1 49 133000");
    session.heartbeat(204'000);
    Strings rows = session.take("w10");
    EXPECT_EQ(rows, (Strings{"w10 BTC [120000,130000) n=1 c=8 vol=1 chg=- incomplete gap=10000 r0",
                             "w10 BTC [130000,140000) n=1 c=9 vol=1 chg=12.5 incomplete gap=10000 "
                             "r0"}));
}

TEST(Repair, APollThatRepeatsAnObservationCountsOnce) {
    Session session;
    session.rest(100'000, "poll BTC 10 99000");
    session.rest(101'000, "poll BTC 10 99000");
    session.rest(102'000, "poll BTC 10 101500");
    EXPECT_EQ(session.take("tick"),
              (Strings{"tick BTC poll 10 @99000", "tick BTC poll 10 @101500"}));
}

TEST(Repair, ARecordThatIsGoneIsSaid) {
    class Forgetful final : public stream::Output {
     public:
        void emit(RecordKind kind, Nanos, std::string_view payload) override {
            if (kind == RecordKind::dead_letter) letters.push_back(describe(kind, payload));
        }
        void begin_epoch() override {}
        Result<void> read_back(Offset, const std::function<bool(const log::Record&)>&) override {
            return external_error("the raw log begins at 100, after 0");
        }
        Strings letters;
    };
    Session session(windows());
    for (const i64 at : {100'000, 250'000}) session.trade(at, "10");
    Forgetful out;
    session.pipeline->on_record(
        {{10}, RecordKind::frame, millis(250'100), "trade BTC 1 1 3 101000"}, out);
    session.pipeline->on_record({{11}, RecordKind::heartbeat, millis(253'000), ""}, out);
    EXPECT_EQ(out.letters, Strings{"dead repair of 11: windows stay as they were: the raw log "
                                   "begins at 100, after 0"});
}

// ---- Through real logs ----

using RepairLog = LogSession;

PipelineSetup setup(FakeIds ids) {
    return {.partition = "fake-1", .options = windows(), .parse = {}, .venue = &fake_venue(1, ids)};
}

// Outages, holes, back-fills and ticks that are very late, one after the other.
std::vector<RawRecord> troubled(u64 seed, FakeIds ids) {
    std::mt19937_64 random(seed);
    auto trades = market(seed, 100'000, 330'000, ids);
    auto records = interrupted(trades, {.from_ms = 140'000, .to_ms = 150'000}, ids, &random);
    std::vector<RawRecord> troubled{{RecordKind::frame, 99'000, "ack trades BTC\nack trades ETH"}};
    for (RawRecord& record : records) {
        if (record.kind != RecordKind::frame || record.at_ms < 155'000 || random() % 12 != 0) {
            troubled.push_back(std::move(record));
            continue;
        }
        // Missing for a while: it comes by REST or very late, or never.
        const i64 later = static_cast<i64>(random() % 80'000);
        if (random() % 5 == 0) continue;
        record.kind = random() % 2 == 0 ? RecordKind::rest : RecordKind::frame;
        record.at_ms += later;
        troubled.push_back(std::move(record));
    }
    for (i64 beat = 100'700; beat < 330'000; beat += 7'000)
        troubled.push_back({RecordKind::heartbeat, beat, ""});
    troubled.push_back({RecordKind::disconnected, 260'000, "{}"});
    troubled.push_back({RecordKind::connected, 261'000, "{}"});
    std::multimap<i64, RawRecord> by_time;  // Keeps the order of those at one time.
    for (const RawRecord& raw : troubled) by_time.emplace(raw.at_ms, raw);
    troubled.clear();
    for (const auto& [at, raw] : by_time) troubled.push_back(raw);
    return troubled;
}

TEST_F(RepairLog, AKillAtAnyStepLeavesTheSameBytesAtTheSameOffsets) {
    write(troubled(5, FakeIds::consecutive));
    expect_that_kills_change_nothing(setup(FakeIds::consecutive), 500);
}

TEST_F(RepairLog, AKillAtAnyStepLeavesTheSameBytesAlsoWhereIdsOnlyRise) {
    write(troubled(5, FakeIds::rising));
    expect_that_kills_change_nothing(setup(FakeIds::rising), 500);
}

TEST(Repair, ARestartAtAnyRecordChangesNothing) {
    for (const FakeIds ids : {FakeIds::consecutive, FakeIds::rising}) {
        const auto records = troubled(8, ids);
        Session whole(windows(), {}, ids), restarted(windows(), {}, ids);
        for (const RawRecord& record : records) {
            whole.record(record.kind, record.at_ms, record.payload);
            restarted.record(record.kind, record.at_ms, record.payload);
            ASSERT_TRUE(restarted.restart());
        }
        EXPECT_EQ(whole.take(), restarted.take());
        EXPECT_EQ(outcome_of(whole.out.derived).twice, Strings{});
    }
}

}  // namespace
}  // namespace tape::ops
