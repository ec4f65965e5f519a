// What becomes of a stream that the slot no longer carries, through a pipeline.
#include "ops/carried.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "ops/session.h"

namespace tape::ops {
namespace {

using log::RecordKind;

constexpr std::string_view both =
    R"({"streams":[["trades","BTC"],["tickers","BTC"],["trades","ETH"]]})";

struct Following : Session {
    Following() {
        record(RecordKind::config, 99'000, both);
        frame(99'500, "ack trades BTC\nack tickers BTC\nack trades ETH");
        frame(100'000, "trade BTC 10 1 1 100000\ntrade ETH 10 1 1 100000");
        take();
    }
    void reload(i64 at_ms, std::string_view streams) {
        record(RecordKind::config, at_ms, fmt::format(R"({{"reload":true,{}}})", streams));
    }
};

TEST(Carried, WhatIsLeftByAReloadIsNotMissedLater) {
    Following run;
    run.reload(101'000, R"("streams":[["trades","BTC"],["tickers","BTC"]])");
    // The socket from before is still heard for a while.
    run.frame(101'500, "trade ETH 10 1 2 101400");
    ASSERT_TRUE(run.restart());
    run.frame(101'600, "trade ETH 10 1 3 101500");
    run.record(RecordKind::connected, 102'000, R"({"session":2,"overlaps":true})");
    run.record(RecordKind::disconnected, 104'000, "{}");
    EXPECT_EQ(run.take("gap"),
              (Strings{"gap BTC trades disconnect 104000-104000 ids 2..- missing - open",
                       "gap BTC tickers disconnect 104000-104000 open"}));
}

TEST(Carried, WhatIsLeftWhileItWasMissedIsMissedNoLonger) {
    Following run;
    run.record(RecordKind::disconnected, 104'000, "{}");
    run.take();
    run.asked();
    run.record(RecordKind::config, 150'000, R"({"streams":[["trades","BTC"]]})");
    EXPECT_EQ(run.take("gap"),
              (Strings{"gap BTC tickers disconnect 104000-150000 unrecoverable",
                       "gap ETH trades disconnect 104000-150000 ids 2..- missing - open"}));
    EXPECT_EQ(run.asked().size(), 1u) << "for the trades of ETH";
}

TEST(Carried, WhatComesBackBeginsAnew) {
    Following run;
    run.reload(101'000, R"("streams":[["trades","BTC"]])");
    run.reload(300'000, R"("streams":[["trades","BTC"],["trades","ETH"]])");
    run.frame(301'000, "ack trades ETH");
    run.frame(302'000, "trade ETH 10 1 900 302000\ntrade BTC 10 1 2 302000");
    run.heartbeat(310'000);
    EXPECT_EQ(run.take("gap"), Strings{});
    run.record(RecordKind::disconnected, 311'000, "{}");
    EXPECT_EQ(run.take("gap"),
              (Strings{"gap BTC trades disconnect 311000-311000 ids 3..- missing - open",
                       "gap ETH trades disconnect 311000-311000 ids 901..- missing - open"}));
}

TEST(Carried, WindowsThatItLeftAreNotComplete) {
    Following run;
    run.reload(105'000, R"("streams":[["trades","BTC"]])");
    run.frame(115'000, "trade BTC 10 1 2 115000");
    run.heartbeat(130'000);
    const Strings rows = run.take("w10 ETH");
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_NE(rows[0].find("gap=5000"), std::string::npos) << rows[0];
}

TEST(Carried, AConfigThatNamesNoStreamsChangesNothing) {
    Following run;
    run.reload(101'000, R"("text":"")");
    run.record(RecordKind::disconnected, 104'000, "{}");
    EXPECT_EQ(run.take("gap").size(), 3u);
}

}  // namespace
}  // namespace tape::ops
