// What the tests share: rows made by hand, a derived log of them in a folder that vanishes, a
// server over it, and a client.
#pragma once

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "log/log.h"
#include "market/codec.h"
#include "net/net.h"
#include "serve/server.h"

namespace tape::serve::test {

namespace fs = std::filesystem;

class TempFolder final {
 public:
    TempFolder() {
        std::string name = (fs::temp_directory_path() / "tape-serve-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~TempFolder() { fs::remove_all(path_); }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    const fs::path& path() const { return path_; }

 private:
    fs::path path_;
};

inline Decimal decimal(std::string_view text) {
    return *Decimal::parse(text);
}

/// 2026-11-20T10:00:00Z, where the tests' rows begin.
inline Nanos start_time() {
    return *parse_rfc3339("2026-11-20T10:00:00Z");
}

inline Tick make_tick(const Instrument& instrument, Nanos at, std::string_view price) {
    Tick tick;
    tick.instrument = &instrument;
    tick.kind = TickKind::trade;
    tick.side = Side::buy;
    tick.price = decimal(price);
    tick.size = decimal("0.5");
    tick.ts_event = at;
    tick.ts_recv = at + millis(20);
    tick.trade_id.assign("123");
    return tick;
}

inline WindowRow make_window(const Instrument& instrument, std::string name, Nanos start,
                             std::string_view mean) {
    WindowRow row;
    row.window_name = std::move(name);
    row.instrument = &instrument;
    row.window_start = start;
    row.window_end = start + seconds(30);
    row.tick_count = 7;
    row.open = row.high = row.low = row.close = decimal("68340.12");
    row.mean = decimal(mean);
    row.complete = true;
    return row;
}

/// One partition, "okx-1", below a root folder.
class DerivedLog final {
 public:
    explicit DerivedLog(const fs::path& root) {
        log::WriterOptions options;
        options.sync_interval = {};
        options.reserve_bytes = 0;
        options.segment_bytes = 8 << 20;
        fs::create_directories(root);
        auto writer = log::LogWriter::open(root / "okx-1", options);
        EXPECT_TRUE(writer) << (writer ? "" : writer.error().what);
        writer_ = std::move(*writer);
    }
    const Instrument& instrument(std::string_view symbol, std::string_view venue = "okx") {
        return instruments_.list(venue, symbol, symbol);
    }
    template <class Row>
    void append(log::RecordKind kind, const Row& row, Nanos ts_recv) {
        payload_.clear();
        encode(row, payload_);
        EXPECT_TRUE(writer_->append(kind, ts_recv, payload_));
        EXPECT_TRUE(writer_->flush());
    }
    void append(const Tick& tick) { append(log::RecordKind::tick, tick, tick.ts_recv); }
    void append(const WindowRow& row) { append(log::RecordKind::window, row, row.window_end); }
    void append(const Gap& gap) { append(log::RecordKind::gap_row, gap, gap.to_ts); }

 private:
    std::unique_ptr<log::LogWriter> writer_;
    InstrumentTable instruments_;
    std::string payload_;
};

inline Backend make_backend() {
    Backend backend;
    backend.status_json = [] { return std::string(R"({"version":"test","windows":[]})"); };
    backend.sql = [](std::string sql, i64 limit) -> Result<std::string> {
        if (sql.starts_with("DROP")) return user_error("only SELECT is allowed");
        return fmt::format(R"({{"columns":[],"rows":[],"truncated":false,"limit":{}}})", limit);
    };
    backend.ready = [] { return std::pair(true, std::string()); };
    return backend;
}

/// Waits, with a generous bound, until `condition` holds.
inline bool eventually(const std::function<bool()>& condition) {
    const Nanos deadline = steady_clock() + seconds(20);
    while (!condition()) {
        if (steady_clock() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace tape::serve::test
