// CoinGecko, public REST API v3: https://docs.coingecko.com/v3.0.1/reference
// There is no WebSocket. Answers bear an ETag, and a client that names it again is told 304.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "base/json_text.h"
#include "sim/coingecko_coins.h"
#include "sim/sim_venue.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

constexpr Nanos day = seconds(86'400);

net::Response failure(int status, std::string_view error) {
    return {.status = status, .body = fmt::format(R"({{"error":{}}})", json_quoted(error))};
}

struct Asked {
    const net::Request& request;
    const Market& market;
    Nanos now;

    std::string text(std::string_view name) const { return request.parameter(name).value_or(""); }
    bool flag(std::string_view name) const { return text(name) == "true"; }
};

std::vector<std::string> parted(std::string_view list) {
    std::vector<std::string> parts;
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        std::string part(list.substr(0, comma));
        std::erase(part, ' ');
        if (!part.empty()) parts.push_back(part);
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return parts;
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    return text;
}

// None: full. An error where it is neither "full" nor 0 to 18.
Result<std::optional<int>> precision_of(const Asked& asked, const Listing& listing) {
    const std::string text = asked.text("precision");
    if (text.empty()) return std::optional<int>(usual_precision(listing));
    if (text == "full") return std::optional<int>();
    i64 value = 0;
    if (!parse_number(text, value) || value > 18) return user_error("Invalid precision");
    return std::optional<int>(static_cast<int>(value));
}

// All of a coin that any answer says, in dollars.
struct Snapshot {
    Look look;
    Day day;
    i64 change{};                 // In ticks.
    i128 market_cap{}, volume{};  // In whole dollars.
};
Snapshot snapshot_of(const TradeSequence& coin, Nanos now) {
    const Listing& listing = coin.listing();
    Snapshot made{.look = look_at(coin, now)};
    made.day = coin.day_before({.time = made.look.time, .price = made.look.price});
    made.change = made.look.price - made.day.open;
    i128 unit = 1;
    for (int i = 0; i < listing.price_decimals; ++i) unit *= 10;
    made.market_cap = i128{made.look.price} * find_coin(coin.symbol())->supply / unit;
    for (int i = 0; i < listing.size_decimals; ++i) unit *= 10;
    made.volume = made.day.volume * made.look.price / unit;
    return made;
}
std::string percent(const Snapshot& snapshot) {
    return number(i128{snapshot.change} * 10'000'000 / snapshot.day.open, 5);
}

// https://docs.coingecko.com/v3.0.1/reference/simple-price
net::Response simple_price(const Asked& asked) {
    const auto ids = parted(asked.text("ids"));
    const auto names = parted(lower(asked.text("vs_currencies")));
    if (ids.empty()) return failure(422, "Missing parameter ids");
    if (names.empty()) return failure(422, "Missing parameter vs_currencies");
    std::string body;
    for (const std::string& id : ids) {
        const TradeSequence* coin = asked.market.find(id);
        if (!coin) continue;  // Unknown ones are left out.
        const Listing& listing = coin->listing();
        const auto precision = precision_of(asked, listing);
        if (!precision) return failure(400, precision.error().what);
        const Snapshot snapshot = snapshot_of(*coin, asked.now);
        std::string fields;
        const auto add = [&fields](std::string_view currency, std::string_view suffix,
                                   std::string_view value) {
            fmt::format_to(std::back_inserter(fields), R"({}"{}{}":{})", fields.empty() ? "" : ",",
                           currency, suffix, value);
        };
        for (const std::string& name : names) {
            const Currency* currency = find_currency(name);
            if (!currency) continue;
            add(name, "",
                in_currency(snapshot.look.price, listing.price_decimals, *currency, *precision));
            if (asked.flag("include_market_cap"))
                add(name, "_market_cap", in_currency(snapshot.market_cap, 0, *currency, {}));
            if (asked.flag("include_24hr_vol"))
                add(name, "_24h_vol", in_currency(snapshot.volume, 0, *currency, {}));
            if (asked.flag("include_24hr_change")) add(name, "_24h_change", percent(snapshot));
        }
        if (asked.flag("include_last_updated_at"))
            add("last_updated_at", "",
                std::to_string(coin->stamp(snapshot.look.time).count / seconds(1).count));
        fmt::format_to(std::back_inserter(body), R"({}"{}":{{{}}})", body.empty() ? "" : ",", id,
                       fields);
    }
    return {.body = fmt::format("{{{}}}", body)};
}

// https://docs.coingecko.com/v3.0.1/reference/coins-markets
net::Response coins_markets(const Asked& asked) {
    const Currency* currency = find_currency(lower(asked.text("vs_currency")));
    if (asked.text("vs_currency").empty()) return failure(422, "Missing parameter vs_currency");
    if (!currency) return failure(422, "invalid vs_currency");
    const auto ids = parted(asked.text("ids"));
    i64 page = 1, page_size = 100;
    parse_number(asked.text("page"), page);
    parse_number(asked.text("per_page"), page_size);
    page = std::clamp<i64>(page, 1, 1'000'000);
    page_size = std::clamp<i64>(page_size, 1, 250);
    std::vector<std::pair<Snapshot, const TradeSequence*>> ranked;
    for (const TradeSequence& coin : asked.market.all())
        if (ids.empty() || std::ranges::find(ids, coin.symbol()) != ids.end())
            ranked.emplace_back(snapshot_of(coin, asked.now), asked.market.find(coin.symbol()));
    std::ranges::sort(ranked, std::greater<>(),
                      [](const auto& one) { return one.first.market_cap; });
    std::string body = "[";
    for (i64 rank = (page - 1) * page_size + 1;
         rank <= std::min<i64>(page * page_size, std::ssize(ranked)); ++rank) {
        const auto& [snapshot, sequence] = ranked[static_cast<std::size_t>(rank - 1)];
        const Coin& coin = *find_coin(sequence->symbol());
        const Listing& listing = sequence->listing();
        const auto precision = precision_of(asked, listing);
        if (!precision) return failure(400, precision.error().what);
        const auto price = [&](i64 ticks) {
            return in_currency(ticks, listing.price_decimals, *currency, *precision);
        };
        const auto whole = [&](i128 dollars) { return in_currency(dollars, 0, *currency, 0); };
        fmt::format_to(
            std::back_inserter(body),
            R"({}{{"id":"{}","symbol":"{}","name":"{}","image":"https://coin-images.coingecko.com/{}.png",)"
            R"("current_price":{},"market_cap":{},"market_cap_rank":{},"fully_diluted_valuation":{},)"
            R"("total_volume":{},"high_24h":{},"low_24h":{},"price_change_24h":{},)"
            R"("price_change_percentage_24h":{},"circulating_supply":{},"total_supply":{},"max_supply":null,)"
            R"("ath":{},"atl":{},"roi":null,"last_updated":"{}"}})",
            body.size() > 1 ? "," : "", coin.id, coin.symbol, coin.name, coin.id,
            price(snapshot.look.price), whole(snapshot.market_cap), rank,
            whole(snapshot.market_cap), whole(snapshot.volume), price(snapshot.day.high),
            price(snapshot.day.low),
            in_currency(snapshot.change, listing.price_decimals, *currency, {}), percent(snapshot),
            coin.supply, coin.supply, price(listing.price * 2), price(listing.price / 100),
            time_text(sequence->stamp(snapshot.look.time), 3));
    }
    return {.body = body + "]"};
}

net::Response coins_list(const Asked& asked) {
    std::string body = "[";
    for (const TradeSequence& sequence : asked.market.all()) {
        const Coin& coin = *find_coin(sequence.symbol());
        fmt::format_to(std::back_inserter(body), R"({}{{"id":"{}","symbol":"{}","name":"{}"{}}})",
                       body.size() > 1 ? "," : "", coin.id, coin.symbol, coin.name,
                       asked.flag("include_platform") ? R"(,"platforms":{})" : "");
    }
    return {.body = body + "]"};
}

net::Response supported_currencies(const Asked&) {
    std::string body;
    for (const Currency& currency : coingecko_currencies())
        fmt::format_to(std::back_inserter(body), R"({}"{}")", body.empty() ? "" : ",",
                       currency.name);
    return {.body = fmt::format("[{}]", body)};
}

// ---- Of one coin ----

struct Span {
    Nanos from, to;
};

// Five minutes apart within a day, an hour within 90 days, else a day.
Nanos step_of(Span span) {
    if (span.to - span.from <= day) return seconds(300);
    return span.to - span.from <= seconds(90 * 86'400) ? seconds(3'600) : day;
}

// The last look of each step: what a client saw that asked then.
// https://docs.coingecko.com/v3.0.1/reference/coins-id-market-chart-range
net::Response chart(const Asked& asked, const TradeSequence& coin, const Currency& currency,
                    Span span) {
    const Listing& listing = coin.listing();
    const auto precision = precision_of(asked, listing);
    if (!precision) return failure(400, precision.error().what);
    const bool rounded = !asked.text("precision").empty();  // Else charts have all digits.
    span.from = std::max(span.from, asked.market.epoch());
    const Nanos step = step_of(span);
    std::array<std::string, 3> lists;  // Prices, market caps, volumes.
    Nanos previous{-1};
    for (Nanos at = span.from;; at = std::min(at + step, span.to)) {
        const Snapshot snapshot = snapshot_of(coin, at);
        if (snapshot.look.time > previous && snapshot.look.time >= span.from) {
            previous = snapshot.look.time;
            const std::array<std::string, 3> values = {
                in_currency(snapshot.look.price, listing.price_decimals, currency,
                            rounded ? *precision : std::nullopt),
                in_currency(snapshot.market_cap, 0, currency, {}),
                in_currency(snapshot.volume, 0, currency, {})};
            for (std::size_t i = 0; i < lists.size(); ++i)
                fmt::format_to(std::back_inserter(lists[i]), "{}[{},{}]",
                               lists[i].empty() ? "" : ",", coin.stamp(previous).millis(),
                               values[i]);
        }
        if (at >= span.to) break;
    }
    return {.body = fmt::format(R"({{"prices":[{}],"market_caps":[{}],"total_volumes":[{}]}})",
                                lists[0], lists[1], lists[2])};
}

// `days` may be "max". None: it is no number.
std::optional<Span> days_of(const Asked& asked) {
    const std::string text = asked.text("days");
    if (text == "max") return Span{asked.market.epoch(), asked.now};
    i64 days = 0;
    if (!parse_number(text, days) || days < 1 || days > 100'000) return std::nullopt;
    return Span{std::max(asked.now - Nanos{day.count * std::min<i64>(days, 10'000)}, Nanos{0}),
                asked.now};
}

net::Response market_chart(const Asked& asked, const TradeSequence& coin,
                           const Currency& currency) {
    const auto span = days_of(asked);
    return span ? chart(asked, coin, currency, *span) : failure(422, "Missing parameter days");
}

net::Response market_chart_range(const Asked& asked, const TradeSequence& coin,
                                 const Currency& currency) {
    const auto moment = [&](std::string_view name) {
        const auto time = parse_epoch(asked.text(name), EpochUnit::s);
        return time ? std::optional(std::clamp(*time, Nanos{0}, asked.now)) : std::nullopt;
    };
    const auto from = moment("from"), to = moment("to");
    if (!from) return failure(422, "Missing parameter from");
    if (!to) return failure(422, "Missing parameter to");
    if (*to < *from) return failure(400, "to must not be before from");
    return chart(asked, coin, currency, {*from, *to});
}

// https://docs.coingecko.com/v3.0.1/reference/coins-id-ohlc: half an hour for a day or two, four
// hours for a month, else four days; a candle bears the time of its end.
net::Response ohlc(const Asked& asked, const TradeSequence& coin, const Currency& currency) {
    constexpr i64 samples = 12;
    const auto span = days_of(asked);
    if (!span) return failure(422, "Missing parameter days");
    const Nanos length = span->to - span->from;
    const Nanos size = length <= seconds(2 * 86'400)    ? seconds(1'800)
                       : length <= seconds(30 * 86'400) ? seconds(14'400)
                                                        : seconds(4 * 86'400);
    const Listing& listing = coin.listing();
    const auto precision = precision_of(asked, listing);
    if (!precision) return failure(400, precision.error().what);
    std::string body;
    for (Nanos start = floor_to(std::max(span->from, asked.market.epoch()), size);
         start + size <= span->to; start += size) {
        const i64 open = look_at(coin, start).price;
        i64 high = open, low = open, close = open;
        for (i64 i = 1; i <= samples; ++i) {
            close = look_at(coin, start + Nanos{size.count / samples * i}).price;
            high = std::max(high, close);
            low = std::min(low, close);
        }
        const auto price = [&](i64 ticks) {
            return in_currency(ticks, listing.price_decimals, currency, *precision);
        };
        fmt::format_to(std::back_inserter(body), "{}[{},{},{},{},{}]", body.empty() ? "" : ",",
                       coin.stamp(start + size).millis(), price(open), price(high), price(low),
                       price(close));
    }
    return {.body = fmt::format("[{}]", body)};
}

struct Route {
    std::string_view path;
    net::Response (*answer)(const Asked&);
};
constexpr std::array<Route, 5> routes = {
    {{"/api/v3/ping",
      [](const Asked&) -> net::Response {
          return {.body = R"({"gecko_says":"(V3) To the Moon!"})"};
      }},
     {"/api/v3/simple/price", simple_price},
     {"/api/v3/simple/supported_vs_currencies", supported_currencies},
     {"/api/v3/coins/markets", coins_markets},
     {"/api/v3/coins/list", coins_list}}};

struct CoinRoute {
    std::string_view suffix;
    net::Response (*answer)(const Asked&, const TradeSequence&, const Currency&);
};
constexpr std::array<CoinRoute, 3> coin_routes = {{{"/market_chart", market_chart},
                                                   {"/market_chart/range", market_chart_range},
                                                   {"/ohlc", ohlc}}};

net::Response answer_plainly(const Asked& asked) {
    const auto route = std::ranges::find(routes, asked.request.path, &Route::path);
    if (route != routes.end()) return route->answer(asked);
    constexpr std::string_view root = "/api/v3/coins/";
    std::string_view path = asked.request.path;
    if (!path.starts_with(root))
        return failure(404, "Incorrect path. Please check https://www.coingecko.com/api/");
    path.remove_prefix(root.size());
    const std::size_t slash = std::min(path.find('/'), path.size());
    const auto found = std::ranges::find(coin_routes, path.substr(slash), &CoinRoute::suffix);
    if (found == coin_routes.end())
        return failure(404, "Incorrect path. Please check https://www.coingecko.com/api/");
    const TradeSequence* coin = asked.market.find(path.substr(0, slash));
    if (!coin) return failure(404, "coin not found");
    if (asked.text("vs_currency").empty()) return failure(422, "Missing parameter vs_currency");
    const Currency* currency = find_currency(lower(asked.text("vs_currency")));
    if (!currency) return failure(422, "invalid vs_currency");
    return found->answer(asked, *coin, *currency);
}

class CoinGecko final : public SimVenue {
 public:
    std::string_view name() const override { return "coingecko"; }
    std::span<const Listing> listings() const override { return coingecko_listings(); }
    std::unique_ptr<Session> connect(const net::Request&, const Market&, Nanos) const override {
        return nullptr;
    }
    net::Response answer(const net::Request& request, const Market& market,
                         Nanos now) const override {
        if (request.method != "GET") return failure(404, "Not found");
        net::Response response = answer_plainly({request, market, now});
        if (response.status != 200) return response;
        const std::string tag = fmt::format(R"(W/"{:016x}")", hash_text(response.body));
        response.headers = {{"ETag", tag}, {"Cache-Control", "max-age=30, public"}};
        if (request.header("If-None-Match") == tag) {
            response.status = 304;
            response.body.clear();
        }
        return response;
    }
    // https://docs.coingecko.com/reference/common-errors-rate-limit
    std::string too_many_requests(const Throttled&) const override {
        return R"({"status":{"error_code":429,"error_message":"You've exceeded the Rate Limit. Please visit )"
               R"(https://www.coingecko.com/en/api/pricing to subscribe to our API plans for higher rate limits."}})";
    }
};

const Registration coingecko{std::make_unique<CoinGecko>()};

}  // namespace
}  // namespace tape::sim
