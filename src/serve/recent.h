// What the page shows at load and while it lives: the newest ticks, prices and window rows of every
// instrument, in memory and bounded. Every change gets the next number of one counter, so a browser
// that remembers the last number it saw asks for "what changed since" and needs no queue of its
// own.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "market/rows.h"

namespace tape::serve {

/// Budgets are for all instruments together; each gets its share, between a floor and what
/// `history` can hold.
struct RecentOptions {
    Nanos history = seconds(15 * 60);
    i64 instruments = 1'000;  // Further ones are not shown and counted in tape_serve_unshown_total.
    i64 ticks = 50'000;       // Trades and polls, each kept …
    i64 tickers = 20'000;     // … and tickers and quotes, the last of each second.
    i64 prices = 500'000;
    i64 window_rows = 100'000;
    i64 gaps = 1'000;
};

/// The last price of a second.
struct PricePoint {
    Nanos ts_event;
    Decimal price;
};

struct WindowEntry {
    WindowRow row;
    i64 change{};
};

struct GapEntry {
    Gap gap;
    i64 change{};
};

/// One instrument's newest rows, each list in the order of time.
struct Series {
    const Instrument* instrument{};
    Tick latest;                    // The newest that has a price, if any of them has.
    i64 latest_change{};            // 0: no price yet.
    std::deque<Tick> ticks;         // Trades and polls, in the order of arrival.
    std::deque<Tick> tickers;       // Tickers and quotes: of each kind the last of a second.
    std::deque<PricePoint> prices;  // At most one a second.
    std::map<std::string, std::deque<WindowEntry>, std::less<>>
        windows;  // By window name, highest revision alone.
};

/// Not thread-safe: it belongs to the server's thread.
class Recent final {
 public:
    explicit Recent(RecentOptions options);

    /// Instruments that rows are decoded into; rows given to add() point into it.
    InstrumentTable& instruments() { return instruments_; }
    void add(const Tick& tick);
    void add(WindowRow row);
    void add(Gap gap);

    /// In the order of first sight.
    const std::deque<Series>& series() const { return series_; }
    /// Null if nothing of it has been seen.
    const Series* find(std::string_view venue, std::string_view symbol) const;
    /// The last state of each, in the order in which they were found. When there are too many, the
    /// oldest that are closed go first.
    const std::deque<GapEntry>& gaps() const { return gaps_; }
    /// The number of the newest change, from 1; 0 before any.
    i64 change() const { return change_; }

 private:
    Series* series_of(const Instrument& instrument);
    void add_ticker(Series& series, const Tick& tick);
    void add_price(Series& series, const Tick& tick);

    RecentOptions options_;
    InstrumentTable instruments_;
    std::deque<Series> series_;
    std::vector<Series*> by_index_;  // By Instrument::index; null: not shown.
    std::deque<GapEntry> gaps_;
    i64 window_series_{};
    i64 change_{};
};

}  // namespace tape::serve
