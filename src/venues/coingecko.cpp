// CoinGecko: https://docs.coingecko.com/reference/simple-price
// No socket: prices are asked for, all coins of a quote currency in one call, and the calls spread
// over the month that a key is limited to. Symbols of coins are not unique, so the config names
// their ids. The native symbol is the id with its quote, "bitcoin/usd"; /coins/markets says what it
// is called. Prices are averages over exchanges, made of floats: there are no trades.
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "venues/decoder.h"
#include "venues/plan.h"

namespace tape::venues {
namespace {

constexpr std::string_view venue_name = "coingecko";
constexpr std::size_t ids_per_request = 250;  // https://docs.coingecko.com/reference/coins-markets
constexpr Nanos month = seconds(30 * 86'400);

constexpr std::array<ChannelName, 1> channel_names = {{{"prices", "prices"}}};

class CoingeckoDecoder final : public JsonDecoder {
 public:
    CoingeckoDecoder() : JsonDecoder(venue_name) {}

 private:
    void on_frame(json::Document frame, EventSink& out) override {
        static_cast<void>(frame.object());
        out.on_unknown("a frame");
    }

    void on_answer(RestAnswer answer, EventSink& out) override {
        if (answer.path.ends_with("/simple/price")) return on_prices(answer.body.object());
        if (answer.path.ends_with("/coins/markets")) return on_markets(answer);
        out.on_unknown(answer.path);
    }

    // {"bitcoin":{"usd":70187.3,"last_updated_at":1712508571},…}. A coin's other fields have an
    // underscore; a coin without a price is {}.
    void on_prices(json::Object coins) {
        while (const auto id = coins.next_name()) {
            json::Object coin = coins.object(*id);
            std::optional<Nanos> time;
            if (const auto updated = coin.find("last_updated_at")) time = json::epoch_s(updated);
            coin.rewind();
            while (const auto quote = coin.next_name()) {
                const auto price = coin.find(*quote);
                if (!price || quote->find('_') != std::string_view::npos) continue;
                on_price(named(*id, *quote), price, time);
            }
        }
    }

    // https://docs.coingecko.com/reference/coins-markets, in the quote that the query names:
    // [{"id":"bitcoin","symbol":"btc","current_price":70187,"last_updated":"2024-04-07T16:49:31.736Z"}]
    // It lists what is polled. Its prices are rounded, and no observation, unless all their digits
    // were asked for.
    void on_markets(RestAnswer& answer) {
        const std::string_view quote = answer.parameter("vs_currency").text;
        const bool exact = answer.find_parameter("precision").text == "full";
        for (json::Object item : answer.body.objects()) {
            const std::string native = fmt::format("{}/{}", item["id"].text, quote);
            list_instrument({"id", native, true},
                            to_capitals(fmt::format("{}-{}", item["symbol"].text, quote)), true);
            const auto price = item.find("current_price"), updated = item.find("last_updated");
            if (exact && price && updated)
                on_price(instrument({"id", native, true}), price, times_.read(updated));
        }
    }

    const Instrument& named(std::string_view id, std::string_view quote) {
        const std::string native = fmt::format("{}/{}", id, quote);
        return instrument({"id", native, true});
    }

    // The same price again bears the same time: who counts observations tells by it.
    void on_price(const Instrument& coin, const json::Field& price, std::optional<Nanos> time) {
        Tick& poll = tick(TickKind::poll, coin);
        poll.price = json::cut_price(price);
        poll.ts_estimated = !time;
        poll.ts_event = time.value_or(ts_recv());
    }

    json::Rfc3339 times_;
};

// "BTC-USD" → "usd".
std::string quote_of(std::string_view symbol) {
    return to_small_letters(symbol.substr(symbol.rfind('-') + 1));
}

// It goes into a query and a list of them.
bool is_id(std::string_view text) {
    constexpr std::string_view marks = "&=,/?#%+\"\\";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return c > ' ' && c < 127 && marks.find(c) == std::string_view::npos;
    });
}

class Coingecko final : public Venue {
 public:
    std::string_view name() const override { return venue_name; }
    i32 decoder_version() const override { return 2; }
    std::string_view default_websocket(std::string_view) const override { return ""; }
    std::string_view default_rest(std::string_view) const override {
        return "https://api.coingecko.com";
    }
    std::vector<std::string_view> channels(std::string_view) const override { return {"prices"}; }
    IdentityRule identity() const override { return {.consecutive = false}; }
    TickKind kind_of(std::string_view) const override { return TickKind::poll; }
    std::unique_ptr<Decoder> make_decoder() const override {
        return std::make_unique<CoingeckoDecoder>();
    }

    std::vector<RestRequest> instruments(const SourceSpec& spec) const override {
        return requests(spec, [](std::string_view quote, const std::string& ids) {
            return fmt::format("/api/v3/coins/markets?vs_currency={}&ids={}&per_page={}", quote,
                               ids, ids_per_request);
        });
    }

    // One slot. The interval is the config's, or longer where the month's calls would not last.
    Result<std::vector<Connection>> plan(const SourceSpec& spec) const override {
        const auto channels = channels_of_spec(venue_name, channel_names, spec);
        if (!channels) return channels.error();
        Connection made;
        for (const std::string& symbol : present(spec.symbols)) {
            const auto id = spec.ids.find(symbol);
            if (id == spec.ids.end())
                return user_error(fmt::format(
                    "coingecko: no id of '{}'; symbols are not unique there, so say which coin it "
                    "is: ids = {{ \"{}\" = \"bitcoin\" }}",
                    symbol, symbol));
            if (!is_id(id->second))
                return user_error(
                    fmt::format("coingecko: '{}' is no id such as bitcoin", id->second));
            made.streams.push_back({"prices", fmt::format("{}/{}", id->second, quote_of(symbol))});
        }
        made.polls = requests(spec, [](std::string_view quote, const std::string& ids) {
            return fmt::format(
                "/api/v3/simple/price?ids={}&vs_currencies={}"
                "&include_last_updated_at=true&precision=full",
                ids, quote);
        });
        made.poll_interval = spec.interval;
        if (spec.monthly_calls > 0)
            made.poll_interval = std::max(
                spec.interval, Nanos{month.count / spec.monthly_calls * std::ssize(made.polls)});
        return std::vector{std::move(made)};
    }

    // https://docs.coingecko.com/docs/common-errors-rate-limit: 30 calls a minute with a key.
    RestBudget rest_budget() const override { return {.weight = 30, .per = seconds(60)}; }

 private:
    // One request for all coins of a quote, made by `target` of the quote and the ids.
    template <class Target>
    static std::vector<RestRequest> requests(const SourceSpec& spec, Target target) {
        std::map<std::string, std::vector<std::string>> ids_by_quote;
        for (const std::string& symbol : spec.symbols)
            if (const auto id = spec.ids.find(symbol); id != spec.ids.end())
                ids_by_quote[quote_of(symbol)].push_back(id->second);
        std::vector<RestRequest> made;
        for (const auto& [quote, ids] : ids_by_quote)
            for (const auto batch : batches(ids, ids_per_request)) {
                RestRequest& request = made.emplace_back();
                request.target = target(quote, joined(batch));
                if (!spec.api_key.empty())
                    request.headers.emplace_back("x-cg-demo-api-key", spec.api_key);
            }
        return made;
    }
};

const Registration coingecko{std::make_unique<Coingecko>()};

}  // namespace
}  // namespace tape::venues
