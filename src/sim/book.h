// Order books around the last trade, as a function of it: the best two prices are those of the
// quote after it, the others lie on a grid that stands still, and each level's size changes after
// some trades. So a book needs no history, and what a client was told is all that has to be kept.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "sim/market.h"

namespace tape::sim {

struct Level {
    i64 price{}, size{}, orders{};  // In ticks and lots; size 0: there is no such level any more.
    bool operator==(const Level&) const = default;
};

/// Both sides begin with the best.
struct Book {
    std::vector<Level> bids, asks;
};

/// What is offered after trade `id`, at most `depth` levels a side.
Book book_after(const TradeSequence& trades, i64 id, i64 depth);

/// What one client is told of an instrument's book: it is looked at each `interval` of the clock.
class BookFeed final {
 public:
    BookFeed(const TradeSequence& trades, i64 depth, Nanos interval, Nanos now);

    struct Update {
        bool first{};  // `changes` is the whole book.
        Nanos moment;
        i64 id{}, id_before{};  // The last trades of this look and of the one that was told before.
        Book changes;           // The levels that are new, changed or gone, each from the best on.
    };
    /// The next look up to `now` that has news; none: there is no more yet.
    std::optional<Update> next(Nanos now);

    /// As of the last update.
    const Book& book() const { return book_; }

 private:
    const TradeSequence* trades_;
    i64 depth_;
    Nanos interval_, looked_;
    i64 id_ = 0;  // 0: nothing was told yet.
    Book book_;
};

/// CRC-32 as in zlib: venues take it of a text that they prescribe.
u32 crc32_of(std::string_view text);

}  // namespace tape::sim
