// Hopping windows of 60 s every second over 512 symbols, 5 % of the ticks out of order, against
// DuckDB's SQL for the same windows on one thread: each tick joined to its 60 windows, then GROUP
// BY. Both hold the ticks in memory and give the same statistics; ours also compares each window
// with the one before.
#include <duckdb.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "ops/windows.h"
#include "ratio.h"

namespace tape::bench {
namespace {

constexpr i64 symbols = 512;
constexpr i64 ticks_per_second = 50'000;  // What the simulator sends at most.
constexpr i64 tick_count = 3'200'000;
constexpr i64 start_s = 1'700'000'000;
constexpr i64 unit = 100'000'000;                  // Prices and sizes are whole numbers of 10^-8 …
constexpr i128 to_decimal_units = 10'000'000'000;  // … and Decimals of 10^-18.

struct Input {
    i64 symbol, ts_ns, id, price, size;
};

// In order of arrival; ids follow the time of the event.
std::vector<Input> make_input() {
    std::mt19937_64 random(1);
    std::vector<i64> price(symbols);
    for (i64 s = 0; s < symbols; ++s) price[static_cast<std::size_t>(s)] = (50 + 3 * s) * unit;
    std::vector<std::pair<i64, Input>> arrivals;
    for (i64 i = 0; i < tick_count; ++i) {
        const i64 symbol = static_cast<i64>(random() % symbols);
        i64& last = price[static_cast<std::size_t>(symbol)];
        last += (static_cast<i64>(random() % 2001) - 1000) * (last / unit) *
                1000;  // Up to 1 %, in steps.
        last = std::max(last, 10 * unit);
        const i64 ts = start_s * 1'000'000'000 + i * (1'000'000'000 / ticks_per_second);
        const i64 delay = random() % 20 == 0 ? static_cast<i64>(random() % 1'900'000'000) : 0;
        arrivals.emplace_back(ts + delay, Input{symbol, ts, i + 1, last,
                                                static_cast<i64>(random() % 100'000 + 1) * 1000});
    }
    std::ranges::stable_sort(arrivals, {}, &std::pair<i64, Input>::first);
    std::vector<Input> input;
    for (const auto& arrival : arrivals) input.push_back(arrival.second);
    return input;
}

struct Row {
    i64 symbol, end_s, count;
    i64 open, high, low, close, volume;  // Of 10^-8.
    double mean, vwap, stddev;           // NaN: null.
    auto key() const { return std::pair(end_s, symbol); }
    auto exact() const { return std::tuple(end_s, symbol, count, open, high, low, close, volume); }
};

double to_double(const std::optional<Decimal>& value) {
    return value ? static_cast<double>(value->units) * 1e-18 : std::nan("");
}

// ---- Ours ----

class Rows final : public ops::WindowOutput {
 public:
    void on_row(const WindowRow& row) override { rows.push_back(row); }
    void on_overflow(const WindowRow&, std::string_view) override { std::abort(); }
    i64 gap_ms(TickKind, const Instrument&, Nanos, Nanos, Nanos) override { return 0; }
    std::vector<WindowRow> rows;
};

std::vector<Row> plain(const std::vector<WindowRow>& rows) {
    std::vector<Row> made;
    const auto narrow = [](Decimal value) {
        return static_cast<i64>(value.units / to_decimal_units);
    };
    for (const WindowRow& row : rows)
        made.push_back({.symbol = row.instrument->index,
                        .end_s = row.window_end.count / 1'000'000'000,
                        .count = row.tick_count,
                        .open = narrow(row.open),
                        .high = narrow(row.high),
                        .low = narrow(row.low),
                        .close = narrow(row.close),
                        .volume = narrow(*row.volume),
                        .mean = to_double(row.mean),
                        .vwap = to_double(row.vwap),
                        .stddev = to_double(row.stddev)});
    return made;
}

void run_ours(std::span<const ops::WindowTick> ticks, const ops::PipelineOptions& options,
              Rows& out) {
    ops::Windows windows(options);
    stream::Watermark watermark(options.lateness, options.idle);
    for (const ops::WindowTick& tick : ticks) {
        watermark.on_event(tick.order.ts_event, tick.order.ts_event);
        windows.advance(watermark.value(), out);
        windows.add(tick, out);
    }
    windows.finish(out);
}

// ---- DuckDB ----

void must(duckdb_state state, const char* what) {
    if (state == DuckDBSuccess) return;
    fmt::print(stderr, "DuckDB: {} failed\n", what);
    std::exit(3);
}

class Duck final {
 public:
    Duck() {
        must(duckdb_open(nullptr, &database_), "open");
        must(duckdb_connect(database_, &connection_), "connect");
        run("PRAGMA threads=1");
    }
    ~Duck() {
        duckdb_disconnect(&connection_);
        duckdb_close(&database_);
    }

    void run(const char* sql) { must(duckdb_query(connection_, sql, nullptr), sql); }

    void fill(const std::vector<Input>& input) {
        run("CREATE TABLE ticks (symbol INTEGER, ts_ns BIGINT, id BIGINT, price DECIMAL(18,8), "
            "size DECIMAL(18,8))");
        duckdb_appender appender{};
        must(duckdb_appender_create(connection_, nullptr, "ticks", &appender), "appender");
        for (const Input& tick : input) {
            must(duckdb_append_int32(appender, static_cast<i32>(tick.symbol)), "append");
            must(duckdb_append_int64(appender, tick.ts_ns), "append");
            must(duckdb_append_int64(appender, tick.id), "append");
            for (const i64 value : {tick.price, tick.size}) {
                duckdb_value decimal = duckdb_create_decimal({18, 8, {static_cast<u64>(value), 0}});
                must(duckdb_append_value(appender, decimal), "append");
                duckdb_destroy_value(&decimal);
            }
            must(duckdb_appender_end_row(appender), "append");
        }
        must(duckdb_appender_destroy(&appender), "append");
    }

    std::vector<Row> windows() {
        duckdb_result result;
        const char* sql =
            "SELECT symbol, window_end, tick_count, open, high, low, close, volume::DECIMAL(18,8), "
            "mean, "
            "value / volume::DOUBLE, stddev FROM ("  // DECIMAL(18, …) is a 64-bit integer in its
                                                     // chunks.
            "  SELECT symbol, ts_ns // 1000000000 + hop AS window_end, count(*) AS tick_count, "
            "arg_min(price, id) AS open, "
            "  max(price) AS high, min(price) AS low, arg_max(price, id) AS close, avg(price) AS "
            "mean, "
            "  sum(price::DOUBLE * size::DOUBLE) AS value, stddev_samp(price) AS stddev, sum(size) "
            "AS volume "
            "  FROM ticks, generate_series(1, 60) AS hops(hop) GROUP BY ALL)";
        if (duckdb_query(connection_, sql, &result) != DuckDBSuccess) {
            fmt::print(stderr, "DuckDB: {}\n", duckdb_result_error(&result));
            std::exit(3);
        }
        std::vector<Row> rows;
        while (duckdb_data_chunk chunk = duckdb_fetch_chunk(result)) {
            const auto column = [&]<class T>(idx_t index, T*) {
                return static_cast<const T*>(
                    duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, index)));
            };
            u64* const valid = duckdb_vector_get_validity(duckdb_data_chunk_get_vector(chunk, 10));
            const i64* whole[7];
            for (idx_t i = 0; i < 7; ++i) whole[i] = column(i + 1, static_cast<i64*>(nullptr));
            const i32* symbol = column(0, static_cast<i32*>(nullptr));
            const double* mean = column(8, static_cast<double*>(nullptr));
            const double* vwap = column(9, static_cast<double*>(nullptr));
            const double* stddev = column(10, static_cast<double*>(nullptr));
            for (idx_t i = 0; i < duckdb_data_chunk_get_size(chunk); ++i)
                rows.push_back({symbol[i], whole[0][i], whole[1][i], whole[2][i], whole[3][i],
                                whole[4][i], whole[5][i], whole[6][i], mean[i], vwap[i],
                                valid == nullptr || duckdb_validity_row_is_valid(valid, i)
                                    ? stddev[i]
                                    : std::nan("")});
            duckdb_destroy_data_chunk(&chunk);
        }
        duckdb_destroy_result(&result);
        return rows;
    }

 private:
    duckdb_database database_{};
    duckdb_connection connection_{};
};

bool close_to(double a, double b) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    return std::abs(a - b) <= 1e-12 * std::max(std::abs(a), std::abs(b));
}

bool equal(std::vector<Row> ours, std::vector<Row> theirs) {
    std::ranges::sort(ours, {}, &Row::key);
    std::ranges::sort(theirs, {}, &Row::key);
    if (ours.size() != theirs.size()) {
        fmt::print(stderr, "{} rows, DuckDB gives {}\n", ours.size(), theirs.size());
        return false;
    }
    for (std::size_t i = 0; i < ours.size(); ++i) {
        const Row &a = ours[i], &b = theirs[i];
        if (a.exact() == b.exact() && close_to(a.mean, b.mean) && close_to(a.vwap, b.vwap) &&
            close_to(a.stddev, b.stddev))
            continue;
        fmt::print(stderr,
                   "symbol {} window to {}: {} ticks, mean {} vwap {} stddev {}; DuckDB: {} ticks, "
                   "{} {} {}\n",
                   a.symbol, a.end_s, a.count, a.mean, a.vwap, a.stddev, b.count, b.mean, b.vwap,
                   b.stddev);
        return false;
    }
    return true;
}

int run() {
    const std::vector<Input> input = make_input();
    InstrumentTable table;
    for (i64 s = 0; s < symbols; ++s) table.intern("bench", std::to_string(s));
    std::vector<ops::WindowTick> ticks;
    for (const Input& tick : input)
        ticks.push_back({.instrument = &table.all()[static_cast<std::size_t>(tick.symbol)],
                         .kind = TickKind::trade,
                         .price = tick.price * to_decimal_units,
                         .size = tick.size * to_decimal_units,
                         .order = {.ts_event = {tick.ts_ns},
                                   .identity = static_cast<u64>(tick.id),
                                   .source_offset = {tick.id},
                                   .source_index = 0}});
    const ops::PipelineOptions options{.windows = {{.name = "rolling_1m",
                                                    .size = seconds(60),
                                                    .slide = seconds(1),
                                                    .input = TickKind::trade}}};
    Duck duck;
    duck.fill(input);
    Rows ours;
    std::vector<Row> theirs;
    const auto [our_seconds, their_seconds] = in_turns(
        1, cpu_seconds,
        [&] {
            ours.rows.clear();
            run_ours(ticks, options, ours);
        },
        [&] { theirs = duck.windows(); });
    return report({.what = "windows 60 s / 1 s, 512 symbols, 5 % out of order",
                   .baseline = "DuckDB SQL, one thread",
                   .ours_seconds = our_seconds,
                   .baseline_seconds = their_seconds,
                   .units = static_cast<double>(tick_count),
                   .unit = "ticks",
                   .target = "at least 100 x its speed",
                   .equal = equal(plain(ours.rows), std::move(theirs))});
}

}  // namespace
}  // namespace tape::bench

int main() {
    return tape::bench::run();
}
