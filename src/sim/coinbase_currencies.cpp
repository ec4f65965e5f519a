#include "sim/coinbase_currencies.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "base/json_text.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

// The bases are crypto currencies, the quotes are not.
std::set<std::string_view> codes_of(const Market& market, bool crypto) {
    std::set<std::string_view> codes;
    for (const TradeSequence& trades : market.all())
        codes.insert(crypto ? trades.listing().base : trades.listing().quote);
    return codes;
}

template <class Write>
std::string list_of(const std::set<std::string_view>& codes, Write write) {
    std::string list;
    for (const std::string_view code : codes) {
        if (!list.empty()) list += ',';
        list += write(code);
    }
    return list;
}

// https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getcurrencies
net::Response currencies(const Market& market) {
    std::string body;
    for (const bool crypto : {true, false})
        for (const std::string_view code : codes_of(market, crypto)) {
            const std::string_view unit = crypto ? "0.00000001" : "0.01";
            body += fmt::format(
                R"({}{{"id":"{}","name":"{}","min_size":"{}","status":"online","message":"","max_precision":"{}",)"
                R"("convertible_to":[],"details":{{"type":"{}","symbol":"","network_confirmations":0,"sort_order":0,)"
                R"("crypto_address_link":"","crypto_transaction_link":"","push_payment_methods":[],"group_types":[],)"
                R"("display_name":"","processing_time_seconds":0,"min_withdrawal_amount":0,"max_withdrawal_amount":0}},)"
                R"("default_network":"","supported_networks":[],"display_name":""}})",
                body.empty() ? "" : ",", code, code, unit, unit, crypto ? "crypto" : "fiat");
        }
    return {.body = fmt::format("[{}]", body)};
}

// https://docs.cdp.coinbase.com/coinbase-app/track-apis/currencies
net::Response fiat_currencies(const Market& market) {
    return {.body = fmt::format(
                R"({{"data":[{}]}})", list_of(codes_of(market, false), [](std::string_view code) {
                    return fmt::format(R"({{"id":"{0}","name":"{0}","min_size":"0.01"}})", code);
                }))};
}
net::Response crypto_currencies(const Market& market) {
    return {
        .body = fmt::format(
            R"({{"data":[{}]}})", list_of(codes_of(market, true), [](std::string_view code) {
                return fmt::format(
                    R"({{"asset_id":"{0}","code":"{0}","name":"{0}","color":"#000000","sort_index":100,)"
                    R"("exponent":8,"type":"crypto","address_regex":""}})",
                    code);
            }))};
}

// https://docs.cdp.coinbase.com/coinbase-app/track-apis/exchange-rates: how much of each other
// currency one unit buys.
net::Response exchange_rates(const net::Request& request, const Market& market, Nanos now) {
    const std::string currency = request.parameter("currency").value_or("USD");
    std::string rates;
    for (const TradeSequence& trades : market.all()) {
        const Listing& listing = trades.listing();
        if (listing.quote != currency) continue;
        const double price =
            static_cast<double>(trades.price_at(now)) / std::pow(10.0, listing.price_decimals);
        rates +=
            fmt::format(R"({}"{}":"{:.10f}")", rates.empty() ? "" : ",", listing.base, 1 / price);
    }
    if (rates.empty() && !codes_of(market, true).contains(currency))
        return {.status = 400,
                .body = R"({"errors":[{"id":"invalid_request","message":"Invalid currency"}]})"};
    return {.body = fmt::format(R"({{"data":{{"currency":{},"rates":{{{}}}}}}})",
                                json_quoted(currency), rates)};
}

}  // namespace

std::optional<net::Response> coinbase_currencies_answer(const net::Request& request,
                                                        const Market& market, Nanos now) {
    if (request.method != "GET") return std::nullopt;
    const std::string iso = format_rfc3339(now);
    const i64 second = now.count / 1'000'000'000;
    if (request.path == "/currencies") return currencies(market);
    if (request.path == "/v2/currencies") return fiat_currencies(market);
    if (request.path == "/v2/currencies/crypto") return crypto_currencies(market);
    if (request.path == "/v2/exchange-rates") return exchange_rates(request, market, now);
    if (request.path == "/time")
        return net::Response{.body = fmt::format(R"({{"iso":"{}","epoch":{}.{:03}}})", iso, second,
                                                 now.millis() % 1000)};
    if (request.path == "/v2/time")
        return net::Response{
            .body = fmt::format(R"({{"data":{{"iso":"{}","epoch":{}}}}})", iso, second)};
    if (request.path == "/api/v3/brokerage/time")
        return net::Response{
            .body = fmt::format(R"({{"iso":"{}","epochSeconds":"{}","epochMillis":"{}"}})", iso,
                                second, now.millis())};
    return std::nullopt;
}

}  // namespace tape::sim
