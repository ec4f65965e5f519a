// The whole way of a record through a pipeline, with a venue whose frames are plain words.
#include "ops/pipeline.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <span>

#include "base/json_text.h"
#include "ops/log_session.h"

namespace tape::ops {
namespace {

using log::RecordKind;

TEST(Pipeline, TheWindowOfATradeIsClosedByALaterOne) {
    Session run;
    run.frame(99'000, "ack trades BTC");
    run.frame(100'000, "trade BTC 10.5 2 11 100000\ntrade BTC 11 1 12 100001");
    run.frame(112'000, "trade BTC 22 1 13 112000");
    EXPECT_EQ(run.take(),
              (Strings{"tick BTC trade 10.5 @100000", "tick BTC trade 11 @100001",
                       "tick BTC trade 22 @112000",
                       "w10 BTC [100000,110000) n=2 c=11 vol=3 chg=- complete gap=0 r0"}));
    run.frame(122'000, "trade BTC 33 1 14 122000");
    EXPECT_EQ(run.take("w10"),
              Strings{"w10 BTC [110000,120000) n=1 c=22 vol=1 chg=100 complete gap=0 r0"});
}

TEST(Pipeline, AQuietMarketIsClosedByHeartbeats) {
    Session run;
    run.trade(100'000, "10");
    for (i64 at = 101'000; at <= 114'000; at += 1'000) run.record(RecordKind::heartbeat, at);
    EXPECT_EQ(run.take("w10"), Strings{});
    run.record(RecordKind::heartbeat, 115'000);
    EXPECT_EQ(run.take("w10"),
              Strings{"w10 BTC [100000,110000) n=1 c=10 vol=1 chg=- complete gap=0 r0"});
}

TEST(Pipeline, ATradeCountsOnceAndATickerEachTime) {
    Session run;
    run.frame(100'000, "trade BTC 10 1 7 100000");
    run.frame(100'100, "trade BTC 10 1 7 100000");
    run.frame(100'200, "trade BTC 12 3 9 100200 3");
    run.frame(100'300, "ticker BTC 10 100300");
    run.frame(100'300, "ticker BTC 10 100300");
    EXPECT_EQ(run.take(), (Strings{"tick BTC trade 10 @100000", "tick BTC trade 12 @100200",
                                   "tick BTC ticker 10 @100300", "tick BTC ticker 10 @100300"}));
}

TEST(Pipeline, WhatCannotBeIsADeadLetterAndMovesNothing) {
    Session run;
    run.trade(100'000, "10");
    run.frame(100'001, "trade BTC 99 1 50 105002");
    run.frame(100'002, "broken");
    run.frame(100'003, "refused no such symbol");
    run.frame(100'004, "trade BTC -1 1 51 100004");
    run.frame(100'005, "unknown");
    run.frame(100'006,
              "trade BTC 10 1 50 105006");  // Just within the skew, and its id was not used up.
    EXPECT_EQ(
        run.take(),
        (Strings{"tick BTC trade 10 @100000",
                 "dead future of 1: fake BTC trade: ts_event 1970-01-01T00:01:45.002Z is 5001ms "
                 "ahead of ts_recv",
                 "dead malformed of 2: fake: broken", "dead refused of 3: refused no such symbol",
                 "dead negative of 4: fake BTC trade: -1", "tick BTC trade 10 @105006"}));
}

TEST(Pipeline, LateTradesByPolicy) {
    const auto run_late = [](LatePolicy policy) {
        Session run(options(policy));
        run.frame(95'000, "ack trades BTC");
        for (const i64 at : {100'000, 110'000, 122'500}) run.trade(at, "10");
        run.take();
        run.trade(105'000, "20", 122'600);
        run.trade(60'000, "20", 122'700);
        Strings lines = run.take();
        std::erase(lines, "quality");
        return lines;
    };
    const std::string side =
        "dead late of 4: fake BTC trade: ts_event 1970-01-01T00:01:45Z is 15500ms behind the "
        "watermark";
    EXPECT_EQ(run_late(LatePolicy::drop),
              (Strings{"tick BTC trade 20 @105000", "tick BTC trade 20 @60000"}));
    EXPECT_EQ(run_late(LatePolicy::side),
              (Strings{"tick BTC trade 20 @105000", side, "tick BTC trade 20 @60000"}));
    EXPECT_EQ(run_late(LatePolicy::reemit),
              (Strings{"tick BTC trade 20 @105000",
                       "w10 BTC [100000,110000) n=2 c=20 vol=2 chg=- complete gap=0 r1",
                       "w10 BTC [110000,120000) n=1 c=10 vol=1 chg=-50 complete gap=0 r1",
                       "tick BTC trade 20 @60000"}));
}

TEST(Pipeline, AVeryLateTradeIsRepairedWhateverThePolicy) {
    for (const LatePolicy policy : {LatePolicy::drop, LatePolicy::side, LatePolicy::reemit}) {
        Session run(options(policy));
        run.frame(55'000, "ack trades BTC");
        for (const i64 at : {60'000, 72'000, 100'000, 110'000, 122'500}) run.trade(at, "10");
        run.trade(61'000, "20", 122'700);
        run.take();
        run.record(RecordKind::heartbeat, 124'000);
        EXPECT_EQ(run.take(), Strings{});  // Another one may come.
        run.record(RecordKind::heartbeat, 125'000);
        EXPECT_EQ(run.take(),
                  (Strings{"w10 BTC [60000,70000) n=2 c=20 vol=2 chg=- complete gap=0 r1",
                           "w10 BTC [70000,80000) n=1 c=10 vol=1 chg=-50 complete gap=0 r1"}));
    }
}

TEST(Pipeline, AWindowSaysWhatWasNotObserved) {
    Session run;
    run.frame(97'500, "ack trades BTC");
    run.trade(98'000, "10");
    run.trade(101'000, "10");
    run.record(RecordKind::disconnected, 104'000, R"({"cause":"reset by peer"})");
    run.record(RecordKind::disconnected, 105'000, R"({"cause":"refused"})");
    run.record(RecordKind::connected, 106'000, "{}");
    run.frame(106'250, "ack trades BTC");
    ++run.id;  // A trade that nobody saw.
    for (const i64 at : {107'000, 113'000, 124'000}) run.trade(at, "10");
    EXPECT_EQ(run.take("w10"),
              (Strings{"w10 BTC [90000,100000) n=1 c=10 vol=1 chg=- incomplete gap=7500 r0",
                       "w10 BTC [100000,110000) n=2 c=10 vol=2 chg=0 incomplete gap=6001 r0",
                       "w10 BTC [110000,120000) n=1 c=10 vol=1 chg=0 complete gap=0 r0"}));
}

TEST(Pipeline, FinishEmitsOpenWindowsAndSaysTheyWereCut) {
    Session run;
    run.frame(99'000, "ack trades BTC");
    run.trade(100'000, "10");
    run.trade(104'000, "11");
    run.take();
    run.pipeline->finish(run.out);
    EXPECT_EQ(run.take(),
              Strings{"w10 BTC [100000,110000) n=2 c=11 vol=2 chg=- incomplete gap=6000 r0"});
}

TEST(Pipeline, ValuesThatDoNotFitAreNamedAndNeverWrap) {
    Session run;
    const std::string_view most = "99999999999999999999.999999999999999999";
    run.frame(100'000, fmt::format("trade BTC {0} {0} 1 100000\ntrade BTC {0} {0} 2 100001", most));
    run.pipeline->finish(run.out);
    EXPECT_EQ(run.take("w10"),
              Strings{fmt::format(
                  "w10 BTC [100000,110000) n=2 c={} vol=- chg=- incomplete gap=10000 r0", most)});
    run = Session();
    run.frame(100'000, fmt::format("trade BTC {0} {0} 1 100000\ntrade BTC {0} {0} 2 100001", most));
    run.frame(113'000, "trade BTC 1 1 3 113000");
    EXPECT_EQ(run.take("dead"), Strings{"dead overflow of 1: window w10 of fake BTC from "
                                        "1970-01-01T00:01:40Z: volume has more than 38 digits"});
}

// The config's text is the name and size of windows: "w10 10 w7 7".
Result<PipelineOptions> parse_words(std::string_view config) {
    PipelineOptions parsed = options();
    parsed.windows.clear();
    std::size_t at = 0;
    while (at < config.size()) {
        const std::size_t blank = config.find(' ', at),
                          end = std::min(config.find(' ', blank + 1), config.size());
        if (blank == std::string_view::npos) return user_error("the config is no pair of words");
        const Nanos size =
            seconds(std::stoll(std::string(config.substr(blank + 1, end - blank - 1))));
        parsed.windows.push_back(
            {std::string(config.substr(at, blank - at)), size, size, TickKind::trade});
        at = end + 1;
    }
    return parsed;
}
std::string config(std::string_view words) {
    return fmt::format(R"({{"hash":"1","text":{},"build":"2"}})", json_quoted(words));
}

TEST(Pipeline, ANewConfigIsAnEpochOnlyWhereItAsksForSomethingElse) {
    Session run({}, parse_words);
    run.record(RecordKind::config, 99'000,
               config("w10 10"));  // The first one: nothing came before.
    run.frame(99'500, "ack trades BTC");
    run.trade(103'000, "10");
    run.record(RecordKind::config, 104'000, config("w10 10"));
    run.frame(104'000, "ack trades BTC");
    run.record(RecordKind::config, 105'000, config("w10 10 w20 20"));
    run.frame(105'000, "ack trades BTC");
    run.record(RecordKind::config, 106'000, config("nonsense"));
    run.frame(106'000, "ack trades BTC");
    run.trade(107'000, "12");
    run.trade(125'000, "12");
    const Strings lines = run.take();
    const auto with = [&](std::string_view prefix) {
        Strings chosen = lines;
        std::erase_if(chosen, [&](const std::string& line) { return !line.starts_with(prefix); });
        return chosen;
    };
    EXPECT_EQ(with("epoch").size(), 1U);
    EXPECT_EQ(with("dead"), Strings{"dead config of 7: the config is no pair of words"});
    EXPECT_EQ(with("w10"),
              Strings{"w10 BTC [100000,110000) n=2 c=12 vol=2 chg=- complete gap=0 r0"});
    EXPECT_EQ(with("w20"),
              Strings{"w20 BTC [100000,120000) n=1 c=12 vol=1 chg=- incomplete gap=5000 r0"});
}

TEST(Pipeline, AVenueThatThisBuildLacksIsNamed) {
    const auto made = pipeline_factory({.partition = "nowhere-1", .options = {}, .parse = {}})();
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().what.find("'nowhere'"), std::string::npos);
}

// ---- Through real logs ----

// Trades and tickers of three symbols with losses, repeats, late ones and changes of config.
std::vector<RawRecord> random_session(u64 seed, int count) {
    std::mt19937_64 random(seed);
    std::vector<RawRecord> records{{RecordKind::config, 99'000, config("w10 10 w5 5")},
                                   {RecordKind::frame, 99'500, "ack trades"}};
    i64 now = 100'000, id = 0;
    for (int i = 0; i < count; ++i) {
        now += static_cast<i64>(random() % 700);
        const char* symbol = (const char*[]){"BTC", "ETH", "SOL"}[random() % 3];
        const i64 ts =
            now - static_cast<i64>(random() % 20 == 0 ? random() % 15'000 : random() % 1'500);
        switch (random() % 25) {
            case 0:
                records.push_back({RecordKind::disconnected, now, R"({"cause":"eof"})"});
                break;
            case 1:
                records.push_back({RecordKind::frame, now, "ack trades"});
                break;
            case 2:
                records.push_back({RecordKind::heartbeat, now += 6'000, ""});
                break;
            case 3:
                records.push_back({RecordKind::frame, now, "broken"});
                break;
            case 4:
                records.push_back(
                    {RecordKind::frame, now, fmt::format("ticker {} 10 {}", symbol, ts)});
                break;
            case 5:
                records.push_back(
                    {RecordKind::config, now, config(i % 2 == 0 ? "w10 10 w5 5" : "w10 10 w3 3")});
                break;
            case 6:
                records.push_back(
                    {RecordKind::frame, now,
                     fmt::format("trade {} 10 1 {} {}", symbol, std::max<i64>(id - 3, 1), ts)});
                break;
            default:
                records.push_back({RecordKind::frame, now,
                                   fmt::format("trade {} {}.{} 1.5 {} {}", symbol,
                                               10 + random() % 9, random() % 100, ++id, ts)});
        }
    }
    return records;
}

using PipelineLog = LogSession;

PipelineSetup setup(i32 version = 1) {
    return {
        .partition = "fake-1", .options = {}, .parse = parse_words, .venue = &fake_venue(version)};
}

TEST_F(PipelineLog, AKillAtAnyStepLeavesTheSameBytesAtTheSameOffsets) {
    write(random_session(3, 500));
    expect_that_kills_change_nothing(setup(), 600);
}

TEST_F(PipelineLog, AnotherDecoderVersionTakesNothingBack) {
    const std::vector<RawRecord> records = random_session(4, 300);
    write({records.begin(), records.begin() + 200});
    run_to_end(task("a", setup(1)));
    const Strings before = derived("a");
    write({records.begin() + 200, records.end()});
    auto second = *stream::PartitionTask::open(task("a", setup(2)));
    while (*second->step() > 0) {
    }
    const Strings after = derived("a");
    ASSERT_GT(after.size(), before.size());
    EXPECT_TRUE(std::ranges::equal(before, std::span(after).first(before.size())));
    const auto epochs = second->epochs();
    const i64 version = (*task("a", setup(2)).processor())->version();
    const auto started = std::ranges::find(epochs, version, &stream::EpochStart::version);
    ASSERT_NE(started, epochs.end());
    EXPECT_EQ(started->output, Offset{std::ssize(before)});
    run_to_end(task("whole", setup(1)));
    EXPECT_EQ(derived("whole").size(), after.size());  // Nothing twice, nothing left out.
}

}  // namespace
}  // namespace tape::ops
