// Coinbase's two public feeds, both at "/": Exchange,
// https://docs.cdp.coinbase.com/exchange/websocket-feed/overview, whose requests have `channels`,
// and Advanced Trade, https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis/websocket,
// whose requests have one `channel`. The first valid request decides which feed a connection is.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sim/coinbase_advanced.h"
#include "sim/coinbase_exchange.h"
#include "sim/coinbase_rest.h"

namespace tape::sim {
namespace {

// Prices in ticks of 10^-price_decimals: BTC trades around 68000.00. Assets trade as they do on
// other venues.
constexpr auto spot = Listing::Type::spot;
constexpr std::array<Listing, 16> coinbase_listings = {{
    {"BTC-USD", "BTC", "USD", spot, 6'800'000, 2, 1'500'000, 8, 20},
    {"ETH-USD", "ETH", "USD", spot, 250'000, 2, 40'000'000, 8, 16},
    {"SOL-USD", "SOL", "USD", spot, 17'000, 2, 600'000'000, 8, 12},
    {"XRP-USD", "XRP", "USD", spot, 22'000, 4, 400'000'000, 6, 1},
    {"DOGE-USD", "DOGE", "USD", spot, 16'000, 5, 30'000, 1, 1},
    {"ADA-USD", "ADA", "USD", spot, 6'500, 4, 80'000'000'000, 8, 1},
    {"LTC-USD", "LTC", "USD", spot, 8'400, 2, 500'000'000, 8, 1},
    {"LINK-USD", "LINK", "USD", spot, 14'200, 3, 3'000, 2, 1},
    {"AVAX-USD", "AVAX", "USD", spot, 2'650, 2, 2'000'000'000, 8, 1},
    {"DOT-USD", "DOT", "USD", spot, 4'300, 3, 10'000'000'000, 8, 1},
    {"BCH-USD", "BCH", "USD", spot, 38'000, 2, 20'000'000, 8, 1},
    {"UNI-USD", "UNI", "USD", spot, 8'100, 3, 40'000'000, 6, 1},
    {"ATOM-USD", "ATOM", "USD", spot, 4'600, 3, 9'000, 2, 1},
    {"BTC-USDT", "BTC", "USDT", spot, 6'800'000, 2, 1'000'000, 8, 1},
    {"ETH-USDT", "ETH", "USDT", spot, 250'000, 2, 30'000'000, 8, 1},
    {"SOL-USDT", "SOL", "USDT", spot, 17'000, 2, 400'000'000, 8, 1},
}};

// Who has not subscribed by then is disconnected.
constexpr Nanos subscribe_limit = seconds(5);

class CoinbaseSession final : public Session {
 public:
    CoinbaseSession(const Market& market, Nanos now) : market_(market), connected_(now) {}

    void on_text(std::string_view text, Nanos now, Outbox& out) override {
        const nlohmann::json request = nlohmann::json::parse(text, nullptr, false);
        if (!request.is_object()) {
            out.frames.push_back(coinbase_error("Malformed JSON", ""));
            return;
        }
        const auto type = request.find("type");
        if (type == request.end() || (*type != "subscribe" && *type != "unsubscribe")) {
            out.frames.push_back(
                coinbase_error("Type has to be either subscribe or unsubscribe", ""));
            return;
        }
        if (!feed_ && request.contains("channel")) feed_ = std::make_unique<AdvancedFeed>(market_);
        if (!feed_ && request.contains("channels")) feed_ = std::make_unique<ExchangeFeed>(market_);
        if (!feed_) {
            out.frames.push_back(coinbase_error("Failed to subscribe", "No channels provided"));
            return;
        }
        feed_->on_request(request, *type == "subscribe", now, out);
    }

    void advance(Nanos now, Outbox& out) override {
        if (feed_)
            feed_->advance(now, out);
        else if (now - connected_ > subscribe_limit)
            out.close = {1008, "no subscribe message within 5 seconds"};
    }

 private:
    const Market& market_;
    const Nanos connected_;
    std::unique_ptr<CoinbaseFeed> feed_;
};

class Coinbase final : public SimVenue {
 public:
    std::string_view name() const override { return "coinbase"; }
    std::span<const Listing> listings() const override { return coinbase_listings; }
    std::unique_ptr<Session> connect(const net::Request& request, const Market& market,
                                     Nanos now) const override {
        if (request.path != "/") return nullptr;
        return std::make_unique<CoinbaseSession>(market, now);
    }
    net::Response answer(const net::Request& request, const Market& market,
                         Nanos now) const override {
        return coinbase_answer(request, market, now);
    }
    std::string too_many_requests(const Throttled&) const override {
        return R"({"message":"Public rate limit exceeded"})";
    }
};

const Registration coinbase{std::make_unique<Coinbase>()};

}  // namespace
}  // namespace tape::sim
