// Coinbase's Advanced Trade feed:
// https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket/websocket-channels
#pragma once

#include "sim/coinbase_feed.h"

namespace tape::sim {

/// `ticker`, `market_trades` and `heartbeats`, in an envelope that counts the connection's
/// messages.
class AdvancedFeed final : public CoinbaseFeed {
 public:
    explicit AdvancedFeed(const Market& market) : market_(market) {}
    void on_request(const nlohmann::json& request, bool subscribing, Nanos now,
                    Outbox& out) override;
    void advance(Nanos now, Outbox& out) override;

    enum class Channel : u8 { ticker, market_trades, heartbeats };

 private:
    struct Stream {
        Channel channel;
        const TradeSequence* trades;
        i64 sent{};  // The last trade that was.
    };
    void unsubscribe(Channel channel, const std::vector<const TradeSequence*>& products);
    void subscribe(Channel channel, const TradeSequence& trades, Nanos now, Outbox& out);
    void acknowledge(Nanos now, Outbox& out);
    void send(std::string_view channel, Nanos time, std::string_view event, Outbox& out);
    void send_trades(const Stream& stream, std::string_view type, i64 first, i64 last, Outbox& out);
    void send_ticker(const TradeSequence& trades, std::string_view type, i64 id, Outbox& out);
    void send_heartbeat(Nanos moment, Outbox& out);

    const Market& market_;
    std::vector<Stream> streams_;
    bool heartbeats_{};
    Nanos next_beat_;
    i64 sequence_{};
};

}  // namespace tape::sim
