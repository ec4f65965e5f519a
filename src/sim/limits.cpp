#include "sim/limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tape::sim {
namespace {

using enum LimitRule::What;

// OKX: https://www.okx.com/docs-v5/en/#overview-rate-limits and at each endpoint
// KuCoin: https://www.kucoin.com/docs-new/rate-limit
// Binance: https://developers.binance.com/docs/binance-spot-api-docs/rest-api/limits
// CoinGecko: https://docs.coingecko.com/reference/common-errors-rate-limit
// Coinbase: https://docs.cdp.coinbase.com/exchange/rest-api/rate-limits
// Kraken: https://docs.kraken.com/api/docs/guides/spot-rest-ratelimits
constexpr std::array<LimitRule, 22> rules = {{
    {"okx", requests, "/api/v5/", 20, seconds(2)},
    {"okx", requests, "/api/v5/public/instruments", 20, seconds(2)},
    {"okx", requests, "/api/v5/market/history-trades", 20, seconds(2)},
    {"okx", requests, "/api/v5/market/trades", 100, seconds(2)},
    {"okx", requests, "/api/v5/market/candles", 40, seconds(2)},
    {"okx", connects, "", 3, seconds(1)},
    {"okx", messages, "", 480, seconds(3'600)},
    {"kucoin", requests, "/", 2'000, seconds(30)},
    {"kucoin", connects, "", 30, seconds(60)},
    {"kucoin", messages, "", 100, seconds(10)},
    {"binance", requests, "/", 6'000, seconds(60)},
    {"binance", connects, "", 300, seconds(300)},
    {"binance", messages, "", 5, seconds(1)},
    {"coingecko", requests, "/", 30, seconds(60)},
    {"coinbase", requests, "/", 15, seconds(1)},
    {"coinbase", connects, "", 8, seconds(1)},
    {"coinbase", messages, "", 100, seconds(1)},
    {"kraken", requests, "/", 15, seconds(15)},
    {"kraken", requests, "/0/public/Trades", 15, seconds(15)},
    {"kraken", requests, "/0/public/OHLC", 15, seconds(15)},
    {"kraken", connects, "", 150, seconds(600)},
    {"kraken", messages, "", 100, seconds(1)},
}};

struct Weight {
    std::string_view venue, path;
    i64 weight;
    i64 weight_of_all = 0;  // Where the request names no symbol; 0: the same.
};
constexpr std::array<Weight, 13> weights = {{
    {"binance", "/api/v3/exchangeInfo", 20},
    {"binance", "/api/v3/ticker/price", 2, 4},
    {"binance", "/api/v3/ticker/24hr", 2, 80},
    {"binance", "/api/v3/klines", 2},
    {"binance", "/api/v3/trades", 25},
    {"binance", "/api/v3/historicalTrades", 25},
    {"binance", "/api/v3/aggTrades", 4},
    {"kucoin", "/api/v1/bullet-public", 10},
    {"kucoin", "/api/v1/market/orderbook/level1", 2},
    {"kucoin", "/api/v1/market/allTickers", 15},
    {"kucoin", "/api/v1/market/histories", 3},
    {"kucoin", "/api/v1/market/candles", 3},
    {"kucoin", "/api/v2/symbols", 4},
}};

i64 weight_of(std::string_view venue, const net::Request& request) {
    const auto found = std::ranges::find_if(
        weights, [&](const Weight& one) { return one.venue == venue && one.path == request.path; });
    if (found == weights.end()) return 1;
    const bool all = request.query.find("symbol") == std::string::npos;
    return all && found->weight_of_all > 0 ? found->weight_of_all : found->weight;
}

Limits::Violation violation_of(const LimitRule& rule, const SpentWeight& spent, Nanos now) {
    const i64 wait = (spent.eases_at(rule) - now).count;
    return {fmt::format("{} in {}", rule.weight_max, format_duration(rule.per)),
            std::max<i64>(1, (wait + seconds(1).count - 1) / seconds(1).count)};
}

}  // namespace

bool SpentWeight::spend(const LimitRule& rule, i64 weight, Nanos now) {
    while (!spent_.empty() && spent_.front().when <= now - rule.per) {
        used_ -= spent_.front().weight;
        spent_.pop_front();
    }
    if (used_ + weight > rule.weight_max) return false;
    spent_.push_back({now, weight});
    used_ += weight;
    return true;
}

Nanos SpentWeight::eases_at(const LimitRule& rule) const {
    return (spent_.empty() ? Nanos{0} : spent_.front().when) + rule.per;
}

Limits::Limits(std::string_view venue) : venue_(venue) {
    for (const LimitRule& rule : rules)
        if (rule.venue == venue) watched_.push_back({&rule, {}});
}

std::optional<Limits::Violation> Limits::on_request(const net::Request& request, Nanos now) {
    Watched* longest = nullptr;
    for (Watched& watched : watched_)
        if (watched.rule->what == requests && request.path.starts_with(watched.rule->path) &&
            (!longest || watched.rule->path.size() > longest->rule->path.size()))
            longest = &watched;
    if (!longest || longest->spent.spend(*longest->rule, weight_of(venue_, request), now))
        return std::nullopt;
    return violation_of(*longest->rule, longest->spent, now);
}

std::optional<Limits::Violation> Limits::on_connect(Nanos now) {
    for (Watched& watched : watched_)
        if (watched.rule->what == connects && !watched.spent.spend(*watched.rule, 1, now))
            return violation_of(*watched.rule, watched.spent, now);
    return std::nullopt;
}

std::optional<Limits::Violation> Limits::on_message(SpentWeight& spent, Nanos now) const {
    for (const Watched& watched : watched_)
        if (watched.rule->what == messages && !spent.spend(*watched.rule, 1, now))
            return violation_of(*watched.rule, spent, now);
    return std::nullopt;
}

void Limits::describe(net::Response& response) const {
    if (venue_ != "binance") return;
    for (const Watched& watched : watched_)
        if (watched.rule->what == requests)
            response.headers.emplace_back("X-MBX-USED-WEIGHT-1M",
                                          std::to_string(watched.spent.used()));
}

}  // namespace tape::sim
