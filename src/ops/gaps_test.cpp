// What the ledger says of gaps, through a pipeline: rows, and what is asked for.
#include "ops/gaps.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "ops/session.h"

namespace tape::ops {
namespace {

using log::RecordKind;

// A trade of BTC at 10 that arrives when it happens.
void trades(Session& run, i64 at_ms, std::vector<i64> ids) {
    std::string frame;
    for (const i64 id : ids) frame += fmt::format("trade BTC 10 1 {} {}\n", id, at_ms);
    run.frame(at_ms, frame);
}
void fetched(Session& run, i64 at_ms, i64 from_ms, std::string_view from_id,
             std::string_view channel = "trades") {
    run.record(RecordKind::gap, at_ms,
               fmt::format(R"({{"cause":"fetched","channel":"{}","symbol":"BTC","from_ts":{},)"
                           R"("to_ts":0,"from_id":{},"to_id":null,"detail":""}})",
                           channel, millis(from_ms).count, from_id));
}

void muted(Session& run, i64 at_ms, i64 from_ms) {
    run.record(RecordKind::gap, at_ms,
               fmt::format(R"({{"cause":"muted","channel":"trades","symbol":"BTC","from_ts":{},)"
                           R"("to_ts":{}}})",
                           millis(from_ms).count, millis(at_ms).count));
}

struct Disconnected : Session {
    // The last trade before the outage of 4 s is number 2.
    explicit Disconnected(FakeIds ids = FakeIds::consecutive) : Session(options(), {}, ids) {
        frame(99'000, "ack trades BTC");
        trades(*this, 100'000, {1, 2});
        record(RecordKind::disconnected, 102'000, R"({"cause":"eof"})");
        record(RecordKind::connected, 105'000, "{}");
        take();
    }
    void acknowledge() { frame(106'000, "ack trades BTC"); }
};

TEST(Gaps, AHoleIsAnnouncedWhenItLastedForASecond) {
    Session run;
    trades(run, 100'000, {7});  // The first of all opens nothing.
    trades(run, 100'500, {12, 11, 8});
    run.heartbeat(101'499);
    EXPECT_EQ(run.take("gap"), Strings{});
    EXPECT_EQ(run.asked(), Strings{});
    run.heartbeat(101'500);
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades id_gap 100500-100500 ids 9..10 missing 2 open"});
    EXPECT_EQ(run.asked(), Strings{"BTC trades 9..10 100500-100500"});
    EXPECT_EQ(run.asked(), Strings{});
}

TEST(Gaps, WhatComesLateByASecondWasNeverMissing) {
    Session run;
    trades(run, 100'000, {1, 5});
    run.frame(100'300, "trade BTC 10 3 4 100000 3");  // A merged one: 2 to 4.
    run.heartbeat(105'000);
    EXPECT_EQ(run.take("gap"), Strings{});
}

TEST(Gaps, AHoleThatIsFilledIsBackfilled) {
    Session run;
    trades(run, 100'000, {1});
    trades(run, 100'200, {5});
    run.heartbeat(102'000);
    run.rest(103'000, "trade BTC 10 1 4 100150\ntrade BTC 10 1 3 100100");
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades id_gap 100000-100200 ids 2..4 missing 3 open"});
    run.rest(104'000, "trade BTC 10 1 2 100050");
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades id_gap 100000-100200 ids 2..4 missing 3 backfilled"});
}

TEST(Gaps, WhatDidNotComeIsNamedExactly) {
    Session run;
    trades(run, 100'000, {1});
    trades(run, 100'900, {9});
    run.heartbeat(102'000);
    run.rest(103'000, "trade BTC 10 1 4 100400\ntrade BTC 10 1 5 100500");
    run.take();
    fetched(run, 104'000, 100'000, "2");
    EXPECT_EQ(run.take("gap"),
              (Strings{"gap BTC trades id_gap 100000-100400 ids 2..3 missing 2 unrecoverable",
                       "gap BTC trades id_gap 100500-100900 ids 6..8 missing 3 unrecoverable"}));
    // It comes after all.
    run.rest(110'000, "trade BTC 10 1 2 100200\ntrade BTC 10 1 3 100300");
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades id_gap 100000-100400 ids 2..3 missing 2 backfilled"});
}

TEST(Gaps, NothingCameAtAll) {
    Session run;
    trades(run, 100'000, {1});
    trades(run, 100'900, {4});
    run.heartbeat(102'000);
    run.take();
    fetched(run, 104'000, 100'000, "99");  // Another one.
    EXPECT_EQ(run.take("gap"), Strings{});
    fetched(run, 104'000, 100'000, "2");
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades id_gap 100000-100900 ids 2..3 missing 2 unrecoverable"});
}

TEST(Gaps, TheVenueMayNameTheLastTrade) {
    Session run;
    trades(run, 100'000, {1});
    run.frame(101'000, "last BTC 1 101000");
    run.frame(102'000, "last BTC 3 101900");
    run.frame(102'500, "last BTC 3 101900");
    run.heartbeat(103'000);
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades id_gap 100000-101900 ids 2..3 missing 2 open"});
    trades(run, 104'000, {4});  // No other hole.
    run.heartbeat(106'000);
    EXPECT_EQ(run.take("gap"), Strings{});
}

TEST(Gaps, ANewNumberingIsNoGap) {
    Session run;
    trades(run, 100'000, {5, 20'000'005, 20'000'006, 3, 4});
    run.heartbeat(102'000);
    EXPECT_EQ(run.take("gap"), Strings{});
}

TEST(Gaps, AnOutageWithoutTradesIsClosedByTheNextOne) {
    Disconnected run;
    run.acknowledge();
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades disconnect 102000-106000 ids 3..- missing - open"});
    trades(run, 107'000, {3});
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades disconnect 102000-106000 ids 3..- missing 0 backfilled"});
    EXPECT_EQ(run.asked(), Strings{});  // By the end of the batch there was nothing to ask for.
}

TEST(Gaps, AnOutageBecomesItsIds) {
    Disconnected run;
    run.acknowledge();
    EXPECT_EQ(run.asked(), Strings{"BTC trades 3..- 102000-106000"});
    run.take();
    trades(run, 107'000, {6});
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades disconnect 102000-106000 ids 3..5 missing 3 open"});
    run.rest(108'000, "trade BTC 10 1 5 104000\ntrade BTC 10 1 4 103000\ntrade BTC 10 1 2 100000");
    EXPECT_EQ(run.take("gap"), Strings{});
    fetched(run, 109'000, 102'000, "3");
    EXPECT_EQ(run.take("gap"),
              (Strings{"gap BTC trades disconnect 102000-106000 ids 3..5 missing 3 backfilled",
                       "gap BTC trades disconnect 100000-103000 ids 3..3 missing 1 "
                       "unrecoverable"}));
}

TEST(Gaps, TheNewestPageTellsTheIds) {
    Disconnected run;
    run.acknowledge();
    run.take();
    run.rest(107'000, "trade BTC 10 1 7 105000\ntrade BTC 10 1 6 104000");
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades disconnect 102000-106000 ids 3..7 missing 5 open"});
    run.rest(108'000, "trade BTC 10 1 5 104000\ntrade BTC 10 1 4 103000\ntrade BTC 10 1 3 102500");
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades disconnect 102000-106000 ids 3..7 missing 5 backfilled"});
    trades(run, 108'500, {8});
    run.heartbeat(112'000);
    EXPECT_EQ(run.take("gap"), Strings{});
}

TEST(Gaps, WhereNothingCouldBeFetchedItIsAskedForAgainOnceTheIdsAreKnown) {
    Disconnected run;
    run.acknowledge();
    EXPECT_EQ(run.asked().size(), 1U);
    fetched(run, 107'000, 102'000, "3");  // The venue gave no answer.
    run.take();
    trades(run, 108'000, {5});
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades disconnect 102000-106000 ids 3..4 missing 2 open"});
    EXPECT_EQ(run.asked(), Strings{"BTC trades 3..4 102000-106000"});
    fetched(run, 109'000, 102'000, "3");
    EXPECT_EQ(run.take("gap"),
              Strings{"gap BTC trades disconnect 102000-106000 ids 3..4 missing 2 unrecoverable"});
}

TEST(Gaps, IdsThatOnlyRiseAreRepairedByAnswersThatReachBack) {
    const auto gap_after = [](std::string_view page) {
        Disconnected run(FakeIds::rising);
        run.acknowledge();
        EXPECT_EQ(run.asked(), Strings{"BTC trades -..- 102000-106000"});
        run.take();
        run.rest(107'000, page);
        fetched(run, 108'000, 102'000, "null");
        return run.take("gap");
    };
    EXPECT_EQ(gap_after("trade BTC 10 1 90 105000\ntrade BTC 10 1 2 100000"),
              Strings{"gap BTC trades disconnect 102000-106000 ids -..- missing 1 backfilled"});
    EXPECT_EQ(gap_after("trade BTC 10 1 90 105000\ntrade BTC 10 1 80 104000"),
              Strings{"gap BTC trades disconnect 102000-104000 unrecoverable"});
}

TEST(Gaps, TickersCannotBeHadLater) {
    Session run;
    run.frame(99'000, "ack tickers BTC");
    run.frame(100'000, "ticker BTC 10 100000");
    run.record(RecordKind::disconnected, 102'000, R"({"cause":"401","reason":"token"})");
    run.record(RecordKind::connected, 105'000, "{}");
    run.frame(106'000, "ticker BTC 10 106000");
    EXPECT_EQ(run.take("gap"), (Strings{"gap BTC tickers token 102000-102000 open",
                                        "gap BTC tickers token 102000-106000 unrecoverable"}));
    EXPECT_EQ(run.asked(), Strings{});
}

TEST(Gaps, AConnectionThatDiedUnnoticedWasLostWhenItWasHeardLast) {
    Session run;
    run.frame(99'000, "ack tickers BTC");
    run.frame(100'000, "ticker BTC 10 100000");
    for (const i64 ms : {101'000, 115'000, 129'000}) run.heartbeat(ms);
    run.record(RecordKind::disconnected, 130'000, R"({"cause":"silent for 30s"})");
    EXPECT_EQ(run.take("gap"), Strings{"gap BTC tickers disconnect 100000-100000 open"});
}

TEST(Gaps, EachStreamHasARow) {
    Session run;
    run.frame(99'000, "ack trades BTC\nack trades ETH\nack tickers ETH");
    run.record(RecordKind::disconnected, 104'000, "{}");
    EXPECT_EQ(run.take("gap"), (Strings{"gap BTC trades disconnect 104000-104000 open",
                                        "gap ETH trades disconnect 104000-104000 open",
                                        "gap ETH tickers disconnect 104000-104000 open"}));
}

TEST(Gaps, AKilledProcessIsAnOutageFromItsLastRecord) {
    Session run;
    trades(run, 100'000, {1});
    run.heartbeat(101'000);
    run.record(RecordKind::config, 140'000, "{}");  // Started again.
    run.record(RecordKind::connected, 141'000, "{}");
    trades(run, 142'000, {9});  // No acknowledgement: the first tick tells.
    EXPECT_EQ(run.take("gap"),
              (Strings{"gap BTC trades restart 101000-101000 ids 2..- missing - open",
                       "gap BTC trades restart 101000-142000 ids 2..8 missing 7 open"}));
}

TEST(Gaps, AReloadAndAPlannedReplacementAreNone) {
    Session run;
    trades(run, 100'000, {1});
    run.record(RecordKind::config, 101'000, R"({"text":"","reload":true})");
    run.record(RecordKind::connected, 102'000, R"({"session":2,"overlaps":true})");
    trades(run, 103'000, {2});
    EXPECT_EQ(run.take("gap"), Strings{});
}

TEST(Gaps, LossesOfTheLogOfTheDiskAndOfMessages) {
    Session run;
    trades(run, 100'000, {1});
    run.record(RecordKind::gap, 100'000, R"({"from":1,"to":9,"cause":"corrupt"})");
    trades(run, 130'000, {2});
    run.record(RecordKind::gap, 140'000,
               fmt::format(R"({{"cause":"disk full","from_ts":{},"to_ts":{}}})",
                           millis(135'000).count, millis(140'000).count));
    trades(run, 141'000, {3});
    run.frame(142'000, "lost\ntrade BTC 10 1 5 141900");
    EXPECT_EQ(run.take("gap"),
              (Strings{"gap BTC trades log 100000-100000 ids 2..- missing - open",
                       "gap BTC trades log 100000-130000 ids 2..- missing 0 backfilled",
                       "gap BTC trades disk 135000-140000 ids 3..- missing - open",
                       "gap BTC trades disk 135000-140000 ids 3..- missing 0 backfilled",
                       "gap BTC trades id_gap 141000-142000 ids 4..4 missing 1 open"}));
}

TEST(Gaps, AMuteStreamIsAnOutageOfItAlone) {
    Session run;
    run.frame(99'000, "ack trades BTC\nack trades ETH");
    trades(run, 100'000, {1});
    muted(run, 140'000, 101'000);
    run.frame(141'000, "ack trades BTC");
    trades(run, 142'000, {4});
    EXPECT_EQ(run.take("gap"),
              (Strings{"gap BTC trades muted 101000-101000 ids 2..- missing - open",
                       "gap BTC trades muted 101000-141000 ids 2..- missing - open",
                       "gap BTC trades muted 101000-141000 ids 2..3 missing 2 open"}));
}

TEST(Gaps, WhatAProbeBroughtIsNotWhatWasKnownBefore) {
    Session run(options(), {}, FakeIds::rising);
    run.frame(99'000, "ack trades BTC");
    trades(run, 100'000, {1, 2});
    run.rest(130'000, "trade BTC 10 1 80 129000");
    muted(run, 140'000, 101'000);
    run.frame(141'000, "ack trades BTC");
    run.take();
    run.rest(142'000, "trade BTC 10 1 90 140000\ntrade BTC 10 1 80 129000");
    fetched(run, 143'000, 101'000, "null");
    EXPECT_EQ(run.take("gap"), Strings{"gap BTC trades muted 101000-129000 unrecoverable"});
}

TEST(Gaps, AfterAStallAnOutageBeginsWhereTheVenueHadBeenReadTo) {
    for (const FakeIds ids : {FakeIds::rising, FakeIds::consecutive}) {
        Session run(options(), {}, ids);
        run.frame(99'000, "ack trades BTC");
        // Read sixteen seconds after it was sent.
        run.frame(116'000, "trade BTC 10 1 1 100000");
        run.record(RecordKind::disconnected, 120'000, R"({"cause":"x"})");
        run.frame(121'000, "ack trades BTC");
        // A second sooner: of other instruments the venue may have sent less.
        const std::string from = ids == FakeIds::rising ? "99000" : "120000";
        EXPECT_NE(run.take("gap").back().find(from + "-121000"), std::string::npos);
    }
}

TEST(Gaps, AnOutageOfAQuietOrOfANewConnectionBeginsNotLongBeforeItWasSeen) {
    Session run(options(), {}, FakeIds::rising);
    run.frame(99'000, "ack trades BTC");
    run.frame(100'200, "trade BTC 10 1 1 100000");  // A clock that is 200 ms off.
    for (i64 at = 105'000; at < 300'000; at += 5'000) run.frame(at, "ack trades BTC");
    run.record(RecordKind::disconnected, 300'000, R"({"cause":"x"})");
    EXPECT_EQ(run.take("gap"), Strings{"gap BTC trades disconnect 269800-269800 open"});
    run.record(RecordKind::connected, 301'000, R"({"session":2})");
    run.frame(301'000, "ack trades BTC");
    run.take("gap");
    run.record(RecordKind::disconnected, 302'000, R"({"cause":"x"})");
    EXPECT_EQ(run.take("gap").back(), "gap BTC trades disconnect 302000-302000 open");
}

TEST(Gaps, WhatIsOpenIsAskedForAgainAfterARestart) {
    Disconnected run;
    run.acknowledge();
    trades(run, 107'000, {6});
    EXPECT_EQ(run.asked(), Strings{"BTC trades 3..5 102000-106000"});
    ASSERT_TRUE(run.restart());
    run.heartbeat(108'000);
    EXPECT_EQ(run.asked(), Strings{"BTC trades 3..5 102000-106000"});
    run.rest(109'000, "trade BTC 10 3 5 104000 3");
    ASSERT_TRUE(run.restart());
    EXPECT_EQ(run.asked(), Strings{});
}

TEST(Gaps, TooManyAreNoLongerWaitedFor) {
    Session run;
    const i64 holes = static_cast<i64>(GapLedger::open_max) + 10;
    for (i64 i = 0; i <= holes; ++i) trades(run, 100'000 + 2'000 * i, {2 * i + 1});
    run.heartbeat(200'000 + 2'000 * holes);
    run.heartbeat(200'001 + 2'000 * holes);
    Strings rows = run.take("gap");
    std::erase_if(rows, [](const std::string& row) { return row.ends_with("open"); });
    ASSERT_GE(rows.size(), 9U);
    EXPECT_EQ(rows.front(), "gap BTC trades id_gap 100000-102000 ids 2..2 missing 1 unrecoverable");
    EXPECT_TRUE(run.restart());
}

TEST(MissingList, WhatComesIsCutOut) {
    MissingList list;
    list.add({{10, 20}, seconds(1), seconds(9)});
    list.see({14, 15}, seconds(5));
    list.see({8, 10}, seconds(2));
    list.see({25, 25}, seconds(8));
    list.see({20, 20}, seconds(7));
    ASSERT_EQ(list.ranges().size(), 2U);
    EXPECT_EQ(list.ranges()[0].ids, (IdRange{11, 13}));
    EXPECT_EQ(list.ranges()[0].after, seconds(2));
    EXPECT_EQ(list.ranges()[0].before, seconds(5));
    EXPECT_EQ(list.ranges()[1].ids, (IdRange{16, 19}));
    EXPECT_EQ(list.ranges()[1].after, seconds(5));
    EXPECT_EQ(list.ranges()[1].before, seconds(7));
    list.see({1, 100}, seconds(5));
    EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace tape::ops
