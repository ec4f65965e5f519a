// Coinbase's Exchange feed: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
#pragma once

#include "sim/coinbase_feed.h"

namespace tape::sim {

/// `ticker`, `matches` and `heartbeat`: one message a trade, a ticker, a second and product.
class ExchangeFeed final : public CoinbaseFeed {
 public:
    explicit ExchangeFeed(const Market& market) : market_(market) {}
    void on_request(const nlohmann::json& request, bool subscribing, Nanos now,
                    Outbox& out) override;
    void advance(Nanos now, Outbox& out) override;

    enum class Channel : u8 { ticker, matches, heartbeat };

 private:
    struct Stream {
        Channel channel;
        const TradeSequence*
            trades;  // Null in an unsubscription that names no product: all of them.
        i64 sent{};  // The last trade that was.
        Nanos next_beat;
    };
    bool read_streams(const nlohmann::json& request, bool subscribing, std::vector<Stream>& streams,
                      Outbox& out) const;
    void begin(Stream stream, Nanos now, Outbox& out);
    void acknowledge(Outbox& out) const;
    static void send_due(Stream& stream, Nanos now, Outbox& out);

    const Market& market_;
    std::vector<Stream> streams_;
};

}  // namespace tape::sim
