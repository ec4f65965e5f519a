#include "ops/windows.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace tape::ops {
namespace {

std::string text(const std::optional<Decimal>& value) {
    return value ? value->to_string() : "-";
}

// Prints rows as lines; times in seconds.
class Lines final : public WindowOutput {
 public:
    void on_row(const WindowRow& row) override {
        lines.push_back(fmt::format(
            "{} {} [{},{}) n={} o={} h={} l={} c={} mean={} chg={} gap={} r{}", row.window_name,
            row.instrument->symbol, row.window_start.count / 1'000'000'000,
            row.window_end.count / 1'000'000'000, row.tick_count, row.open.to_string(),
            row.high.to_string(), row.low.to_string(), row.close.to_string(), row.mean.to_string(),
            text(row.change_pct), row.gap_ms, row.revision));
    }
    void on_overflow(const WindowRow& row, std::string_view column) override {
        lines.push_back(fmt::format("{} overflow {}", row.window_name, column));
    }
    i64 gap_ms(TickKind, const Instrument&, Nanos start, Nanos end, Nanos since) override {
        return since > start ? (std::min(since, end) - start).millis() : 0;
    }
    std::vector<std::string> take() { return std::exchange(lines, {}); }
    std::vector<std::string> lines;
};

struct Bench {  // What a pipeline does around the windows, without the pipeline.
    explicit Bench(PipelineOptions o)
        : options(std::move(o)), windows(options), mark(options.lateness, options.idle) {
        EXPECT_TRUE(check(options)) << check(options).error().what;
    }
    Arrival tick(std::string_view symbol, double at, i64 price, i64 size = 1) {
        const Nanos ts{static_cast<i64>(at * 1e9)};
        mark.on_event(ts, ts);
        windows.advance(mark.value(), out);
        const i128 unit = static_cast<i128>(pow10(18));
        return windows.add(
            {.instrument = &table.intern("okx", symbol),
             .kind = TickKind::trade,
             .price = price * unit,
             .size = size * unit,
             .order = {.ts_event = ts, .identity = ++id, .source_offset = {}, .source_index = 0}},
            out);
    }
    PipelineOptions options;
    InstrumentTable table;
    Windows windows;
    stream::Watermark mark;
    Lines out;
    u64 id = 0;
};

PipelineOptions options(std::vector<WindowSpec> windows, LatePolicy late = LatePolicy::reemit,
                        i64 lateness = 2) {
    return {.lateness = seconds(lateness),
            .idle = seconds(5),
            .late = late,
            .windows = std::move(windows)};
}
const WindowSpec tumbling{"w10", seconds(10), seconds(10), TickKind::trade};
const WindowSpec hopping{"h4", seconds(4), seconds(2), TickKind::trade};
using Strings = std::vector<std::string>;

TEST(Windows, TumblingByHand) {
    Bench bench(options({tumbling}));
    bench.tick("A", 100, 10);
    bench.tick("A", 103, 14);
    bench.tick("A", 101, 8);
    bench.tick("A", 109.999999, 12);
    bench.tick("A", 110, 13);  // The end is not part of the window.
    EXPECT_EQ(bench.out.take(), Strings{});
    bench.tick("A", 112, 20);
    EXPECT_EQ(bench.out.take(),
              Strings{"w10 A [100,110) n=4 o=10 h=14 l=8 c=12 mean=11 chg=- gap=0 r0"});
    bench.windows.finish(bench.out);
    EXPECT_EQ(bench.out.take(), Strings{"w10 A [110,120) n=2 o=13 h=20 l=13 c=20 mean=16.5 "
                                        "chg=66.666666666666666667 gap=0 r0"});
}

TEST(Windows, HoppingByHand) {
    Bench bench(options({hopping}));
    bench.tick("A", 100, 10);
    bench.tick("A", 103, 16);
    bench.tick("A", 107, 4);
    bench.windows.finish(bench.out);
    EXPECT_EQ(bench.out.take(),
              (Strings{"h4 A [98,102) n=1 o=10 h=10 l=10 c=10 mean=10 chg=- gap=0 r0",
                       "h4 A [100,104) n=2 o=10 h=16 l=10 c=16 mean=13 chg=- gap=0 r0",
                       "h4 A [102,106) n=1 o=16 h=16 l=16 c=16 mean=16 chg=60 gap=0 r0",
                       "h4 A [104,108) n=1 o=4 h=4 l=4 c=4 mean=4 chg=-75 gap=0 r0",
                       "h4 A [106,110) n=1 o=4 h=4 l=4 c=4 mean=4 chg=-75 gap=0 r0"}));
}

TEST(Windows, RowsComeByEndThenConfigThenInstrument) {
    Bench bench(options({{"b", seconds(4), seconds(4), TickKind::trade},
                         {"a", seconds(2), seconds(2), TickKind::trade}}));
    for (const char* symbol : {"Y", "X"}) bench.tick(symbol, 101, 1);
    bench.tick("X", 103, 1);
    bench.windows.finish(bench.out);
    Strings starts;
    for (const std::string& line : bench.out.lines)
        starts.push_back(line.substr(0, line.find(" n=")));
    EXPECT_EQ(starts, (Strings{"a Y [100,102)", "a X [100,102)", "b Y [100,104)", "b X [100,104)",
                               "a X [102,104)"}));
}

TEST(Windows, HoursOfSilenceGiveNoRowsAndKeepNoComparison) {
    Bench bench(options({tumbling, hopping}));
    bench.tick("A", 100, 10);
    bench.tick("A", 100 + 3 * 86400, 20);
    bench.windows.finish(bench.out);
    EXPECT_EQ(bench.out.take(),
              (Strings{"h4 A [98,102) n=1 o=10 h=10 l=10 c=10 mean=10 chg=- gap=0 r0",
                       "h4 A [100,104) n=1 o=10 h=10 l=10 c=10 mean=10 chg=- gap=0 r0",
                       "w10 A [100,110) n=1 o=10 h=10 l=10 c=10 mean=10 chg=- gap=0 r0",
                       "h4 A [259298,259302) n=1 o=20 h=20 l=20 c=20 mean=20 chg=- gap=0 r0",
                       "h4 A [259300,259304) n=1 o=20 h=20 l=20 c=20 mean=20 chg=- gap=0 r0",
                       "w10 A [259300,259310) n=1 o=20 h=20 l=20 c=20 mean=20 chg=- gap=0 r0"}));
}

TEST(Windows, LateTickIsLeftOutOfEmittedWindowsButNotOfOpenOnes) {
    for (const LatePolicy policy : {LatePolicy::drop, LatePolicy::side}) {
        Bench bench(options({{"w4", seconds(4), seconds(4), TickKind::trade}, tumbling}, policy));
        bench.tick("A", 100, 10);
        bench.tick("A", 106, 20);
        bench.out.take();
        EXPECT_EQ(bench.tick("A", 103, 90), Arrival::late);
        EXPECT_EQ(bench.tick("A", 105, 30), Arrival::in_time);
        EXPECT_EQ(bench.out.take(), Strings{});
        bench.windows.finish(bench.out);
        EXPECT_EQ(bench.out.take(),
                  (Strings{"w4 A [104,108) n=2 o=30 h=30 l=20 c=20 mean=25 chg=100 gap=0 r0",
                           "w10 A [100,110) n=4 o=10 h=90 l=10 c=20 mean=37.5 chg=- gap=0 r0"}));
    }
}

TEST(Windows, ReemitGivesWholeRowsAndTheSuccessorWhoseChangeDependsOnThem) {
    Bench bench(options({{"w4", seconds(4), seconds(4), TickKind::trade}}));
    bench.tick("A", 100, 10);
    bench.tick("A", 104, 20);
    bench.tick("A", 110, 20);
    EXPECT_EQ(bench.out.take().size(), 2U);
    EXPECT_EQ(bench.tick("A", 105, 60), Arrival::late);  // Its successor is still open.
    EXPECT_EQ(bench.out.take(),
              Strings{"w4 A [104,108) n=2 o=20 h=60 l=20 c=60 mean=40 chg=500 gap=0 r1"});
    bench.tick("A", 114, 30);
    EXPECT_EQ(
        bench.out.take(),
        Strings{
            "w4 A [108,112) n=1 o=20 h=20 l=20 c=20 mean=20 chg=-66.666666666666666667 gap=0 r0"});
    bench.tick("A", 107, 40);  // Both emitted, and the close is new.
    EXPECT_EQ(bench.out.take(),
              (Strings{"w4 A [104,108) n=3 o=20 h=60 l=20 c=40 mean=40 chg=300 gap=0 r2",
                       "w4 A [108,112) n=1 o=20 h=20 l=20 c=20 mean=20 chg=-50 gap=0 r1"}));
    bench.tick("A", 106, 40);  // The close stays: the successor stands.
    EXPECT_EQ(bench.out.take(),
              Strings{"w4 A [104,108) n=4 o=20 h=60 l=20 c=40 mean=40 chg=300 gap=0 r3"});
}

TEST(Windows, ATickOlderThanAllThatIsRetainedIsTooLate) {
    Bench bench(options({tumbling}));
    bench.tick("A", 200, 10);
    // The watermark is 198; a window and the lateness behind it are taken, rounded to whole panes.
    EXPECT_EQ(bench.tick("A", 171, 10), Arrival::late);
    EXPECT_EQ(bench.tick("A", 169, 10), Arrival::too_late);
    EXPECT_EQ(bench.out.take(),
              Strings{"w10 A [170,180) n=1 o=10 h=10 l=10 c=10 mean=10 chg=- gap=0 r0"});
}

TEST(Windows, UnchangedWindowsKeepTheirStateThroughANewConfig) {
    const WindowSpec odd{"w7", seconds(7), seconds(7), TickKind::trade};
    Bench kept(options({tumbling, hopping})), changed(options({tumbling, hopping}));
    for (Bench* bench : {&kept, &changed})
        for (const double at : {100.0, 103.0, 106.5}) bench->tick("A", at, static_cast<i64>(at));
    changed.windows.configure(options({odd, tumbling}), seconds(107));
    for (Bench* bench : {&kept, &changed}) {
        for (const double at : {108.0, 111.0, 119.0}) bench->tick("A", at, static_cast<i64>(at));
        bench->windows.finish(bench->out);
    }
    const auto only = [](Strings lines, std::string_view name) {
        std::erase_if(lines, [&](const std::string& line) { return !line.starts_with(name); });
        return lines;
    };
    EXPECT_EQ(only(kept.out.lines, "w10"), only(changed.out.lines, "w10"));
    EXPECT_EQ(only(changed.out.lines, "w7"),
              (Strings{"w7 A [105,112) n=2 o=108 h=111 l=108 c=111 mean=109.5 chg=- gap=2000 r0",
                       "w7 A [119,126) n=1 o=119 h=119 l=119 c=119 mean=119 chg=- gap=0 r0"}));
    EXPECT_EQ(only(changed.out.lines, "h4").size(), 2U);  // Those emitted before it was taken out.
}

TEST(Windows, ALongerLatenessMidwayFindsRoom) {
    Bench bench(options({tumbling}));
    for (int at = 100; at < 160; ++at) bench.tick("A", at, at);
    PipelineOptions patient = options({tumbling}, LatePolicy::reemit, 50);
    patient.idle = seconds(60);
    bench.windows.configure(patient, seconds(160));
    bench.mark.configure(patient.lateness, patient.idle);
    for (int at = 160; at < 400; ++at) {
        bench.tick("A", at, at);
        EXPECT_EQ(bench.tick("A", at - 45, at), at < 195 ? Arrival::late : Arrival::in_time) << at;
    }
    bench.windows.finish(bench.out);
    EXPECT_EQ(bench.out.lines.back(),
              "w10 A [390,400) n=10 o=390 h=399 l=390 c=399 mean=394.5 chg=2.570694087403598972 "
              "gap=0 r0");
}

TEST(Windows, OptionsThatCannotBeServedAreRefusedByName) {
    const auto refused = [](PipelineOptions wrong) {
        const auto result = check(wrong);
        return result ? "" : result.error().what;
    };
    EXPECT_EQ(refused(options({tumbling, hopping})), "");
    EXPECT_NE(refused(options({{"x", seconds(5), seconds(2)}})).find("'x'"), std::string::npos);
    EXPECT_NE(refused(options({{"x", seconds(0), seconds(0)}})).find("'x'"), std::string::npos);
    EXPECT_NE(refused(options({tumbling, tumbling})).find("two windows"), std::string::npos);
    EXPECT_NE(refused(options({{"x", seconds(86400), millis(1)}})).find("'x'"), std::string::npos);
    EXPECT_NE(refused(options({{"x", seconds(1), seconds(1), TickKind::quote}})).find("'x'"),
              std::string::npos);
    EXPECT_NE(refused(options({tumbling}, LatePolicy::drop, 6)).find("idle (5s)"),
              std::string::npos);
}

// ---- Against a direct computation, over random ticks ----

struct Random {
    double at;
    i64 price;
    int symbol;
};

std::vector<Random> random_ticks(u64 seed, int count) {
    std::mt19937_64 random(seed);
    std::vector<Random> ticks;
    double now = 1000;
    for (int i = 0; i < count; ++i) {
        now += random() % 50 == 0 ? 20.0 : static_cast<double>(random() % 1000) / 2000;
        ticks.push_back(
            {now, static_cast<i64>(100 + random() % 50), static_cast<int>(random() % 3)});
    }
    return ticks;
}

// Moves ticks back by less than `span` seconds, as late frames do.
std::vector<Random> shuffled(std::vector<Random> ticks, u64 seed, double span) {
    std::mt19937_64 random(seed);
    std::vector<std::pair<double, std::size_t>> arrivals;
    for (std::size_t i = 0; i < ticks.size(); ++i)
        arrivals.emplace_back(ticks[i].at + span * static_cast<double>(random() % 1000) / 1001, i);
    std::ranges::sort(arrivals);
    std::vector<Random> moved;
    for (const auto& [at, i] : arrivals) moved.push_back(ticks[i]);
    return moved;
}

const char* const symbols[] = {"A", "B", "C"};

Strings run(const std::vector<Random>& ticks, const PipelineOptions& with) {
    Bench bench(with);
    for (const char* symbol : symbols) bench.table.intern("okx", symbol);
    for (const Random& tick : ticks) {
        bench.id = static_cast<u64>(tick.at * 1e6) -
                   1;  // The identity follows the event, not the arrival.
        EXPECT_EQ(bench.tick(symbols[tick.symbol], tick.at, tick.price), Arrival::in_time);
    }
    bench.windows.finish(bench.out);
    return bench.out.take();
}

TEST(Windows, AnyOrderWithinTheLatenessGivesTheSameRows) {
    const PipelineOptions with =
        options({tumbling, hopping, {"m60", seconds(60), seconds(1), TickKind::trade}});
    const std::vector<Random> ticks = random_ticks(5, 3000);
    const Strings straight = run(ticks, with);
    EXPECT_GT(straight.size(), 2000U);
    for (u64 seed = 1; seed <= 5; ++seed)
        EXPECT_EQ(run(shuffled(ticks, seed, 1.9), with), straight);
}

TEST(Windows, SlidingGivesWhatADirectComputationGives) {
    const WindowSpec spec{"m60", seconds(60), seconds(1), TickKind::trade};
    const std::vector<Random> ticks = random_ticks(9, 3000);
    std::map<std::pair<i64, int>, std::vector<Random>> windows;
    for (const Random& tick : ticks)
        for (i64 end = static_cast<i64>(tick.at) + 1; end <= static_cast<i64>(tick.at) + 60; ++end)
            windows[{end, tick.symbol}].push_back(tick);
    Strings expected;
    std::map<std::pair<i64, int>, i64> closes;
    for (const auto& [key, held] : windows) {
        const auto [low, high] = std::ranges::minmax_element(held, {}, &Random::price);
        i64 sum = 0;
        for (const Random& tick : held) sum += tick.price;
        closes[key] = held.back().price;
        std::string change = "-";
        const auto before = closes.find({key.first - 60, key.second});
        if (before != closes.end()) {
            bool fits;
            const i128 unit = static_cast<i128>(pow10(18));
            change =
                text(change_percent({held.back().price * unit}, {before->second * unit}, fits));
        }
        // The mean in whole 10^-18, half to even.
        const i128 total = i128{sum} * static_cast<i128>(pow10(18)),
                   n = static_cast<i128>(held.size());
        i128 mean = total / n;
        const i128 twice = total % n * 2;
        if (twice > n || (twice == n && mean % 2 == 1)) ++mean;
        expected.push_back(fmt::format(
            "m60 {} [{},{}) n={} o={} h={} l={} c={} mean={} chg={} gap=0 r0", symbols[key.second],
            key.first - 60, key.first, held.size(), held.front().price, high->price, low->price,
            held.back().price, Decimal{mean}.to_string(), change));
    }
    EXPECT_EQ(run(ticks, options({spec})), expected);
}

TEST(Windows, GoOnAlikeAfterARestoreAtAnyTick) {
    const PipelineOptions with =
        options({tumbling, hopping, {"m20", seconds(20), seconds(1), TickKind::trade}});
    const std::vector<Random> ticks =
        shuffled(random_ticks(13, 300), 1, 8.0);  // Many of them late.
    const auto feed = [](Bench& bench, const Random& tick) {
        bench.tick(symbols[tick.symbol], tick.at, tick.price);
    };
    Bench whole(with);
    for (const Random& tick : ticks) feed(whole, tick);
    for (std::size_t cut = 0; cut < ticks.size(); cut += 7) {
        Bench first(with), second(with);
        for (std::size_t i = 0; i < cut; ++i) feed(first, ticks[i]);
        std::string state, again;
        stream::StateWriter out(state), out_again(again);
        first.windows.save(out);
        for (const Instrument& instrument : first.table.all())
            second.table.intern(instrument.venue, instrument.native_symbol);
        stream::StateReader in(state);
        ASSERT_TRUE(second.windows.load(in, second.table));
        EXPECT_TRUE(in.at_end());
        second.windows.save(out_again);
        EXPECT_EQ(state, again);
        second.mark = first.mark;
        second.id = first.id;
        second.out.lines = first.out.lines;
        for (std::size_t i = cut; i < ticks.size(); ++i) feed(second, ticks[i]);
        EXPECT_EQ(second.out.lines, whole.out.lines) << "restored at " << cut;
    }
}

}  // namespace
}  // namespace tape::ops
