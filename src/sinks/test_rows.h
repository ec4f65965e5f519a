// Derived records made by hand, for the tests of the sinks.
#pragma once

#include <unistd.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include "log/record.h"
#include "market/codec.h"

namespace tape::sinks::test {

// ThreadSanitizer starts no threads in a forked process.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TAPE_THREAD_SANITIZER 1
#endif
#endif
#ifdef TAPE_THREAD_SANITIZER
constexpr bool forks_start_threads = false;
#else
constexpr bool forks_start_threads = true;
#endif

/// A folder that is gone after the test.
class TempFolder final {
 public:
    TempFolder() {
        static std::atomic<int> count{};
        path_ = std::filesystem::temp_directory_path() /
                ("tape-sinks-" + std::to_string(getpid()) + "-" + std::to_string(count++));
        std::filesystem::create_directories(path_);
    }
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
    std::filesystem::path path_;
};

inline Decimal dec(const char* text) {
    return *Decimal::parse(text);
}
inline const Nanos noon = *parse_rfc3339("2026-11-20T12:00:00.123456789Z");

/// A derived log in memory: dense offsets, payloads that stay where they are.
class Records final {
 public:
    explicit Records(std::string venue = "okx") : venue_(std::move(venue)) {}

    /// A trade at noon + `i` ms; every value says which it is.
    void tick(i64 i, Nanos at = noon) {
        Tick row;
        row.instrument = &instruments_.list(venue_, i % 2 ? "ETH-USDT" : "BTC-USDT",
                                            i % 2 ? "ETH-USDT" : "BTC-USDT");
        row.side = i % 3 ? Side::buy : Side::sell;
        row.price = Decimal{dec("68340.123456789012345678").units + i};
        row.size = dec("0.000000000000000001");
        (void)row.trade_id.assign(std::to_string(242720720 + i));
        row.sequence = i % 2 ? std::optional<i64>(i) : std::nullopt;
        row.ts_event = at + millis(i);
        row.ts_recv = at + millis(i + 40);
        row.source_offset = {1000 + i};
        row.source_index = static_cast<i32>(i % 4);
        add(log::RecordKind::tick, row);
    }
    void window(i64 i, i64 revision = 0, const char* name = "avg_30s") {
        WindowRow row;
        row.window_name = name;
        row.instrument = &instruments_.list(venue_, "BTC-USDT", "BTC-USDT");
        row.window_start = floor_to(noon, seconds(30)) + seconds(30 * i);
        row.window_end = row.window_start + seconds(30);
        row.tick_count = 5 + revision;
        row.open = dec("1"), row.high = dec("99999999999999999999.999999999999999999"),
        row.low = dec("-0.5");
        row.close = dec("2.5"), row.mean = dec("1.333333333333333333");
        row.volume = dec("10"), row.change_pct = dec("-0.000000000000000001");
        row.complete = revision == 0;
        row.gap_ms = 12;
        row.revision = revision;
        add(log::RecordKind::window, row);
    }
    void gap() {
        add(log::RecordKind::gap_row, Gap{.venue = venue_,
                                          .symbol = "",
                                          .channel = "",
                                          .cause = "connection lost",
                                          .from_ts = noon,
                                          .to_ts = noon + seconds(3),
                                          .from_id = 7,
                                          .to_id = std::nullopt,
                                          .missing = std::nullopt,
                                          .status = Gap::Status::open,
                                          .repaired_ts = std::nullopt});
    }
    void dead_letter(const std::string& detail = "price: \"NaN\"") {
        add(log::RecordKind::dead_letter, DeadLetter{.venue = venue_,
                                                     .source_offset = {77},
                                                     .ts_recv = noon,
                                                     .reason = "malformed",
                                                     .detail = detail,
                                                     .schema_version = 1});
    }
    void candle(i64 i, bool closed = true) {
        add(log::RecordKind::candle,
            Candle{.instrument = &instruments_.list(venue_, "BTCUSDT", "BTC-USDT"),
                   .size = seconds(60),
                   .open_time = floor_to(noon, seconds(60)) + seconds(60 * i),
                   .open = dec("1"),
                   .high = dec("99999999999999999999.999999999999999999"),
                   .low = dec("0.5"),
                   .close = dec("2"),
                   .volume = dec("10.5"),
                   .trade_count = closed ? std::optional<i64>(7) : std::nullopt,
                   .closed = closed,
                   .ts_recv = noon + seconds(60 * i),
                   .source_offset = {500 + i},
                   .source_index = 1});
    }
    void quality(const std::string& rule, bool quarantined = false) {
        add(log::RecordKind::quality, QualityFlag{.venue = venue_,
                                                  .symbol = "BTC-USDT",
                                                  .rule = rule,
                                                  .quarantined = quarantined,
                                                  .ts_event = noon,
                                                  .ts_recv = noon + millis(40),
                                                  .detail = "bid 2, ask 1",
                                                  .source_offset = {90},
                                                  .source_index = 2});
    }
    void gap(const Gap& row) { add(log::RecordKind::gap_row, row); }
    void window(const WindowRow& row) { add(log::RecordKind::window, row); }
    InstrumentTable& instruments() { return instruments_; }
    std::span<const log::Record> all() const { return records_; }
    std::span<const log::Record> from(Offset offset) const {
        return all().subspan(static_cast<std::size_t>(offset.value));
    }
    i64 size() const { return std::ssize(records_); }

 private:
    template <class Row>
    void add(log::RecordKind kind, const Row& row) {
        std::string& payload = payloads_.emplace_back();
        encode(row, payload);
        records_.push_back({{std::ssize(records_)}, kind, noon, payload});
    }

    std::string venue_;
    InstrumentTable instruments_;
    std::deque<std::string> payloads_;
    std::vector<log::Record> records_;
};

}  // namespace tape::sinks::test
