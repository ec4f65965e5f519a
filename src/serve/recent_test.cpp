#include "serve/recent.h"

#include "base/metrics.h"
#include "serve/test_support.h"

namespace tape::serve {
namespace {

using namespace test;

TEST(Recent, KeepsTheNewestPriceOfEachSecond) {
    Recent recent({});
    const Instrument& bitcoin = recent.instruments().list("okx", "BTC-USDT", "BTC-USDT");
    recent.add(make_tick(bitcoin, start_time(), "1"));
    recent.add(make_tick(bitcoin, start_time() + millis(900), "2"));
    recent.add(make_tick(bitcoin, start_time() + millis(1'100), "3"));
    const Series& series = *recent.find("okx", "BTC-USDT");
    ASSERT_EQ(series.prices.size(), 2u);
    EXPECT_EQ(series.prices[0].price, decimal("2"));
    EXPECT_EQ(series.prices[1].price, decimal("3"));
    EXPECT_EQ(series.ticks.size(), 3u);
}

TEST(Recent, ATickThatCameLateIsNotTheLatest) {
    Recent recent({});
    const Instrument& bitcoin = recent.instruments().list("okx", "BTC-USDT", "BTC-USDT");
    recent.add(make_tick(bitcoin, start_time() + seconds(1), "2"));
    const i64 change = recent.change();
    recent.add(make_tick(bitcoin, start_time(), "1"));
    EXPECT_EQ(recent.find("okx", "BTC-USDT")->latest.price, decimal("2"));
    EXPECT_EQ(recent.change(), change);
}

TEST(Recent, APriceThatWasFetchedLaterFillsItsSecond) {
    Recent recent({});
    const Instrument& bitcoin = recent.instruments().list("okx", "BTC-USDT", "BTC-USDT");
    const auto add = [&](i64 ms, const char* price) {
        recent.add(make_tick(bitcoin, start_time() + millis(ms), price));
    };
    add(1'500, "1");
    add(5'500, "5");
    add(3'100, "3");
    add(3'900, "3.9");  // The last of its second …
    add(3'500, "3.5");  // … whatever comes after it.
    add(5'100, "5.1");
    add(1'900, "1.9");
    add(100, "0");  // Before all that was shown.
    std::string prices;
    for (const PricePoint& point : recent.find("okx", "BTC-USDT")->prices)
        prices += point.price.to_string() + " ";
    EXPECT_EQ(prices, "1.9 3.9 5 ");
}

TEST(Recent, AQuoteHasNoPriceAndIsNotTheLatest) {
    Recent recent({});
    const Instrument& bitcoin = recent.instruments().list("okx", "BTC-USDT", "BTC-USDT");
    Tick quote = make_tick(bitcoin, start_time(), "1");
    quote.kind = TickKind::quote;
    quote.price.reset();
    recent.add(quote);
    EXPECT_EQ(recent.find("okx", "BTC-USDT")->latest_change, 0);
    EXPECT_EQ(recent.find("okx", "BTC-USDT")->tickers.size(), 1u);
}

TEST(Recent, AHigherRevisionReplacesItsRowAndALowerOneDoesNot) {
    Recent recent({});
    const Instrument& bitcoin = recent.instruments().list("okx", "BTC-USDT", "BTC-USDT");
    recent.add(make_window(bitcoin, "avg_30s", start_time(), "1"));
    recent.add(make_window(bitcoin, "avg_30s", start_time() + seconds(30), "2"));
    WindowRow revised = make_window(bitcoin, "avg_30s", start_time(), "1.5");
    revised.revision = 2;
    recent.add(revised);
    revised.revision = 1;
    revised.mean = decimal("9");
    recent.add(revised);
    const auto& rows = recent.find("okx", "BTC-USDT")->windows.at("avg_30s");
    ASSERT_EQ(rows.size(), 2u);
    EXPECT_EQ(rows[0].row.mean, decimal("1.5"));
    EXPECT_EQ(rows[0].change, 3) << "a browser that has seen change 2 gets it";
    EXPECT_EQ(rows[1].row.mean, decimal("2"));
}

TEST(Recent, ForgetsWhatIsOlderThanItsHistory) {
    Recent recent({.history = seconds(60)});
    const Instrument& bitcoin = recent.instruments().list("okx", "BTC-USDT", "BTC-USDT");
    for (i64 second = 0; second < 300; ++second) {
        recent.add(make_tick(bitcoin, start_time() + seconds(second), "1"));
        recent.add(make_window(bitcoin, "roll_1m", start_time() + seconds(second), "1"));
    }
    const Series& series = *recent.find("okx", "BTC-USDT");
    EXPECT_EQ(series.prices.size(), 61u);
    EXPECT_EQ(series.prices.front().ts_event, start_time() + seconds(239));
    EXPECT_EQ(series.windows.at("roll_1m").size(), 61u);
}

TEST(Recent, SharesItsBudgetAmongTheInstruments) {
    Recent recent({.instruments = 50, .ticks = 1'000, .prices = 1'000, .window_rows = 1'000});
    const Counter unshown = counter("tape_serve_unshown_total");
    const i64 before = unshown.value();
    for (i64 round = 0; round < 100; ++round) {
        for (int name = 0; name < 60; ++name) {
            const Instrument& instrument =
                recent.instruments().intern("okx", fmt::format("X{}-USDT", name));
            recent.add(make_tick(instrument, start_time() + seconds(round), "1"));
            recent.add(make_window(instrument, "avg_30s", start_time() + seconds(round), "1"));
        }
    }
    EXPECT_EQ(recent.series().size(), 50u);
    EXPECT_EQ(recent.find("okx", "X55-USDT"), nullptr);
    EXPECT_EQ(unshown.value() - before, 2 * 10 * 100);
    for (const Series& series : recent.series()) {
        EXPECT_EQ(series.ticks.size(), 20u);
        EXPECT_EQ(series.prices.size(), 20u);
        EXPECT_EQ(series.windows.at("avg_30s").size(), 20u);
    }
}

TEST(Recent, TickersAndQuotesAreConflatedAndTradesAreNot) {
    Recent recent({});
    const Instrument& bitcoin = recent.instruments().list("okx", "BTC-USDT", "BTC-USDT");
    for (i64 i = 0; i < 100; ++i) {
        for (const TickKind kind : {TickKind::trade, TickKind::ticker, TickKind::quote}) {
            Tick tick = make_tick(bitcoin, start_time() + millis(20 * i), std::to_string(i + 1));
            tick.kind = kind;
            recent.add(tick);
        }
    }
    const Series& series = *recent.find("okx", "BTC-USDT");
    EXPECT_EQ(series.ticks.size(), 100u);
    ASSERT_EQ(series.tickers.size(), 4u) << "two seconds of two kinds";
    EXPECT_EQ(series.tickers[0].price, decimal("50"));
    EXPECT_EQ(series.tickers[3].price, decimal("100"));
    EXPECT_EQ(series.latest.price, decimal("100"));
}

TEST(Recent, AGapsNewStateReplacesItsOldOne) {
    Recent recent({});
    Gap gap{.venue = "okx", .symbol = "BTC-USDT", .channel = "trades", .from_ts = start_time()};
    recent.add(gap);
    gap.from_id = 5;
    recent.add(gap);
    gap.status = Gap::Status::backfilled;
    recent.add(gap);
    ASSERT_EQ(recent.gaps().size(), 2u);
    EXPECT_EQ(recent.gaps()[0].gap.status, Gap::Status::open);
    EXPECT_EQ(recent.gaps()[1].gap.status, Gap::Status::backfilled);
    EXPECT_EQ(recent.gaps()[1].change, 3) << "a browser that has seen change 2 gets it";
}

TEST(Recent, KeepsABoundedNumberOfGapsAndOpenOnesLongest) {
    Recent recent({.gaps = 16});
    for (i64 i = 0; i < 100; ++i)
        recent.add(Gap{.venue = "okx",
                       .cause = std::to_string(i),
                       .from_ts = seconds(i),
                       .status = i == 3 ? Gap::Status::open : Gap::Status::unrecoverable});
    EXPECT_EQ(recent.gaps().size(), 16u);
    EXPECT_EQ(recent.gaps().front().gap.cause, "3");
    EXPECT_EQ(recent.gaps().back().gap.cause, "99");
    for (i64 i = 0; i < 100; ++i) recent.add(Gap{.venue = "okx", .from_ts = seconds(1'000 + i)});
    EXPECT_EQ(recent.gaps().size(), 16u);
}

}  // namespace
}  // namespace tape::serve
