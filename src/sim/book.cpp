#include "sim/book.h"

#include <algorithm>
#include <boost/crc.hpp>

#include "sim/quotes.h"

namespace tape::sim {
namespace {

constexpr i64 steps_a_price = 50'000;  // Grid steps between nothing and an instrument's price.
constexpr i64 trades_a_change = 32;    // After so many trades a level has another size.

enum Use : u64 { phase_use = 34, size_use, orders_use };

Level level_at(const TradeSequence& trades, i64 id, i64 price, Side side) {
    const i64 place = 2 * price + (side == Side::buy ? 1 : 0);
    const i64 phase = static_cast<i64>(trades.noise(place, phase_use) % trades_a_change);
    const i64 version = (id + phase) / trades_a_change;
    const auto noise = [&](u64 use) {
        return trades.noise(
            static_cast<i64>((static_cast<u64>(version) << 32) + static_cast<u64>(place)), use);
    };
    const u64 typical = static_cast<u64>(trades.listing().size);
    return {.price = price,
            .size = static_cast<i64>(typical / 2 + noise(size_use) % (3 * typical)),
            .orders = 1 + static_cast<i64>(noise(orders_use) % 12)};
}

// From the best price on, away from the other side: it, and then the grid.
std::vector<Level> side_of(const TradeSequence& trades, i64 id, Side side, Level best, i64 depth) {
    const i64 step = std::max<i64>(1, trades.listing().price / steps_a_price);
    const bool bids = side == Side::buy;
    std::vector<Level> levels{best};
    i64 price = bids ? (best.price - 1) / step * step : (best.price / step + 1) * step;
    for (; static_cast<i64>(levels.size()) < depth && price > 0; price += bids ? -step : step)
        levels.push_back(level_at(trades, id, price, side));
    return levels;
}

// Both from the best on.
std::vector<Level> changes_of(const std::vector<Level>& from, const std::vector<Level>& to,
                              Side side) {
    const auto better = [side](const Level& one, const Level& other) {
        return side == Side::buy ? one.price > other.price : one.price < other.price;
    };
    std::vector<Level> changes;
    auto old = from.begin();
    for (const Level& level : to) {
        for (; old != from.end() && better(*old, level); ++old)
            changes.push_back({.price = old->price});
        const bool known = old != from.end() && old->price == level.price;
        if (!known || *old != level) changes.push_back(level);
        if (known) ++old;
    }
    for (; old != from.end(); ++old) changes.push_back({.price = old->price});
    return changes;
}

}  // namespace

Book book_after(const TradeSequence& trades, i64 id, i64 depth) {
    const Quote quote = quote_after(trades, trades.trade(id));
    const auto orders = [&](i64 size) { return 1 + size % 12; };
    const Level bid{quote.bid, quote.bid_size, orders(quote.bid_size)};
    const Level ask{quote.ask, quote.ask_size, orders(quote.ask_size)};
    return {.bids = side_of(trades, id, Side::buy, bid, depth),
            .asks = side_of(trades, id, Side::sell, ask, depth)};
}

BookFeed::BookFeed(const TradeSequence& trades, i64 depth, Nanos interval, Nanos now)
    : trades_(&trades),
      depth_(depth),
      interval_(interval),
      looked_(floor_to(now, interval) - interval) {}

std::optional<BookFeed::Update> BookFeed::next(Nanos now) {
    while (looked_ + interval_ <= now) {
        looked_ = looked_ + interval_;
        const i64 id = trades_->last_at(looked_);
        if (id == id_) continue;
        Book book = book_after(*trades_, id, depth_);
        Update update{.first = id_ == 0,
                      .moment = looked_,
                      .id = id,
                      .id_before = id_,
                      .changes = {.bids = changes_of(book_.bids, book.bids, Side::buy),
                                  .asks = changes_of(book_.asks, book.asks, Side::sell)}};
        book_ = std::move(book);
        id_ = id;
        return update;
    }
    return std::nullopt;
}

u32 crc32_of(std::string_view text) {
    boost::crc_32_type sum;
    sum.process_bytes(text.data(), text.size());
    return sum.checksum();
}

}  // namespace tape::sim
