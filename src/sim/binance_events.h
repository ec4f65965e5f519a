// The payloads of Binance's streams.
#pragma once

#include "sim/binance_messages.h"

namespace tape::sim {

void append_trade_event(std::string& out, const TradeSequence& trades, TimeUnit unit, i64 id);
void append_aggregate_event(std::string& out, const TradeSequence& trades, TimeUnit unit,
                            i64 number);
/// After trade `id`. It has no time, nor a last price.
void append_book_event(std::string& out, const TradeSequence& trades, TimeUnit unit, i64 id);
void append_ticker_event(std::string& out, const TradeSequence& trades, TimeUnit unit, i64 last_id,
                         Nanos now);
void append_mini_ticker_event(std::string& out, const TradeSequence& trades, TimeUnit unit,
                              i64 last_id, Nanos now);

struct KlineEvent {
    const Kline& kline;
    const Interval& interval;
    Nanos now;
    bool closed{};
};
void append_kline_event(std::string& out, const TradeSequence& trades, TimeUnit unit,
                        const KlineEvent& event);

}  // namespace tape::sim
