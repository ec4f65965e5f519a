#include <gtest/gtest.h>

#include <map>

#include "sim/drive_test.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

using nlohmann::json;

constexpr std::string_view exchange_request =
    R"({"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channels":["ticker","matches","heartbeat"]})";

std::vector<json> of_type(const std::vector<std::string>& frames, std::string_view type) {
    std::vector<json> found;
    for (const json& frame : parse_all(frames))
        if (frame.at("type") == type) found.push_back(frame);
    return found;
}

std::string advanced_request(std::string_view operation, std::string_view channel,
                             std::string_view product) {
    json request = {{"type", operation}, {"channel", channel}};
    if (!product.empty()) request["product_ids"] = json::array({product});
    return request.dump();
}

TEST(CoinbaseExchange, ListsAllSubscriptions) {
    Drive coinbase("coinbase");
    coinbase.connect("/");
    const json first = json::parse(coinbase.say(exchange_request).at(0));
    EXPECT_EQ(first.at("type"), "subscriptions");
    ASSERT_EQ(first.at("channels").size(), 3U);
    EXPECT_EQ(first.at("channels")[0].at("name"), "ticker");
    EXPECT_EQ(first.at("channels")[0].at("product_ids"), (json{"BTC-USD", "ETH-USD"}));
    const json more = json::parse(
        coinbase
            .say(
                R"({"type":"subscribe","channels":[{"name":"matches","product_ids":["SOL-USD"]}]})")
            .at(0));
    EXPECT_EQ(more.at("channels")[1].at("product_ids"), (json{"BTC-USD", "ETH-USD", "SOL-USD"}));
    const json less = json::parse(
        coinbase.say(R"({"type":"unsubscribe","product_ids":["BTC-USD"],"channels":["ticker"]})")
            .at(0));
    EXPECT_EQ(less.at("channels")[0].at("product_ids"), json{"ETH-USD"});
    const json none = json::parse(
        coinbase.say(R"({"type":"unsubscribe","channels":["ticker","matches","heartbeat"]})")
            .at(0));
    EXPECT_TRUE(none.at("channels").empty());
    EXPECT_TRUE(coinbase.pass(seconds(2)).empty());
}

TEST(CoinbaseExchange, BeginsWithTheLastMatchAndSendsEachTradeOnce) {
    Drive coinbase("coinbase");
    coinbase.connect("/");
    const TradeSequence& trades = coinbase.trades("BTC-USD");
    const i64 before = trades.last_at(coinbase.now());
    const auto answers =
        coinbase.say(R"({"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches"]})");
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(of_type(answers, "last_match")[0].at("trade_id"), before);
    i64 id = before, sequence = 0;
    for (const json& match : of_type(coinbase.pass(seconds(3)), "match")) {
        EXPECT_EQ(match.at("trade_id"), ++id);
        const SimTrade trade = trades.trade(id);
        EXPECT_EQ(match.at("side"), trade.side == Side::buy ? "sell" : "buy");  // The maker's.
        EXPECT_EQ(match.at("price"), number(trade.price, 2, Zeros::keep));
        EXPECT_EQ(match.at("time"), time_text(trade.time, 6));
        EXPECT_GT(match.at("sequence"), sequence + 1);  // Steps.
        sequence = match.at("sequence");
        EXPECT_EQ(match.at("maker_order_id").get<std::string>().size(), 36U);
    }
    EXPECT_EQ(id, trades.last_at(coinbase.now()));
}

TEST(CoinbaseExchange, TickersBearTheTakersSide) {
    Drive coinbase("coinbase");
    coinbase.connect("/");
    coinbase.say(exchange_request);
    const auto frames = coinbase.pass(seconds(2));
    std::map<i64, json> matches;
    for (const json& match : of_type(frames, "match"))
        if (match.at("product_id") == "BTC-USD") matches[match.at("trade_id")] = match;
    int compared = 0;
    for (const json& ticker : of_type(frames, "ticker")) {
        if (ticker.at("product_id") != "BTC-USD") continue;
        const json& match = matches.at(ticker.at("trade_id"));
        EXPECT_NE(ticker.at("side"), match.at("side"));
        EXPECT_EQ(ticker.at("price"), match.at("price"));
        EXPECT_EQ(ticker.at("last_size"), match.at("size"));
        EXPECT_EQ(ticker.at("sequence"), match.at("sequence"));
        ++compared;
    }
    EXPECT_GT(compared, 50);
}

TEST(CoinbaseExchange, HeartbeatsTellOfSentTrades) {
    Drive coinbase("coinbase");
    coinbase.connect("/");
    coinbase.say(exchange_request);
    std::map<std::string, i64> last;
    int heartbeats = 0;
    for (const json& frame : parse_all(coinbase.pass(seconds(4)))) {
        if (frame.at("type") == "match") last[frame.at("product_id")] = frame.at("trade_id");
        if (frame.at("type") != "heartbeat") continue;
        EXPECT_LE(frame.at("last_trade_id"), last.at(frame.at("product_id")));
        EXPECT_GE(frame.at("last_trade_id"), last.at(frame.at("product_id")) - 20);
        ++heartbeats;
    }
    EXPECT_EQ(heartbeats, 8);
}

TEST(Coinbase, RefusesBadRequestsAndGoesOn) {
    Drive coinbase("coinbase");
    coinbase.connect("/");
    const auto error = [&coinbase](std::string_view text) {
        const auto answers = parse_all(coinbase.say(text));
        if (answers.size() != 1 || answers[0].at("type") != "error") return std::string("none");
        return answers[0].contains("reason") ? answers[0].at("reason").get<std::string>()
                                             : answers[0].at("message").get<std::string>();
    };
    EXPECT_EQ(error("{"), "Malformed JSON");
    EXPECT_EQ(error("[]"), "Malformed JSON");
    EXPECT_EQ(error(R"({"type":"hello"})"), "Type has to be either subscribe or unsubscribe");
    EXPECT_EQ(error(R"({"type":"subscribe"})"), "No channels provided");
    EXPECT_EQ(error(R"({"type":"subscribe","channels":["ticker"]})"), "No product IDs provided");
    EXPECT_EQ(error(R"({"type":"subscribe","channels":["magic"],"product_ids":["BTC-USD"]})"),
              "magic is not a valid channel");
    EXPECT_EQ(
        error(R"({"type":"subscribe","channels":["ticker"],"product_ids":["BTC-USD","FOO-BAR"]})"),
        "FOO-BAR is not a valid product");
    EXPECT_TRUE(coinbase.pass(seconds(1)).empty());
    EXPECT_EQ(coinbase.say(exchange_request).size(),
              5U);  // The list, two tickers, two last matches.
}

TEST(Coinbase, DisconnectsWhoDoesNotSubscribe) {
    Drive coinbase("coinbase");
    coinbase.connect("/elsewhere");
    EXPECT_FALSE(coinbase.connected());
    coinbase.connect("/");
    coinbase.pass(seconds(4), millis(100));
    EXPECT_FALSE(coinbase.closed());
    coinbase.pass(seconds(2), millis(100));
    EXPECT_TRUE(coinbase.closed());
}

TEST(CoinbaseAdvanced, CountsTheConnectionsMessages) {
    Drive coinbase("coinbase");
    coinbase.connect("/");
    auto frames = coinbase.say(advanced_request("subscribe", "heartbeats", ""));
    for (const char* channel : {"market_trades", "ticker"})
        for (std::string& frame : coinbase.say(advanced_request("subscribe", channel, "ETH-USD")))
            frames.push_back(std::move(frame));
    for (std::string& frame : coinbase.pass(seconds(3))) frames.push_back(std::move(frame));
    i64 sequence = 0;
    std::map<std::string, int> channels;
    for (const json& frame : parse_all(frames)) {
        EXPECT_EQ(frame.at("sequence_num"), sequence++);
        ++channels[frame.at("channel")];
    }
    EXPECT_EQ(channels["subscriptions"], 3);
    EXPECT_EQ(channels["heartbeats"], 3);
    EXPECT_GE(channels["market_trades"], 12);
    EXPECT_GT(channels["ticker"], 10);
}

TEST(CoinbaseAdvanced, AcknowledgesWithAllSubscriptions) {
    Drive coinbase("coinbase");
    coinbase.connect("/");
    coinbase.say(advanced_request("subscribe", "heartbeats", "BTC-USD"));
    coinbase.say(advanced_request("subscribe", "ticker", "ETH-USD"));
    const json all =
        json::parse(coinbase.say(advanced_request("subscribe", "market_trades", "ETH-USD"))[0]);
    EXPECT_EQ(all.at("events")[0].at("subscriptions"), (json{{"heartbeats", {"heartbeats"}},
                                                             {"ticker", {"ETH-USD"}},
                                                             {"market_trades", {"ETH-USD"}}}));
    coinbase.say(advanced_request("unsubscribe", "ticker", ""));
    coinbase.say(advanced_request("unsubscribe", "market_trades", "ETH-USD"));
    const json rest =
        json::parse(coinbase.say(advanced_request("unsubscribe", "heartbeats", ""))[0]);
    EXPECT_TRUE(rest.at("events")[0].at("subscriptions").empty());
    EXPECT_TRUE(coinbase.pass(seconds(2)).empty());
    EXPECT_EQ(
        json::parse(coinbase.say(advanced_request("subscribe", "ticker", "FOO-BAR"))[0]).at("type"),
        "error");
}

TEST(CoinbaseAdvanced, ListsTradesNewestFirstAndWithoutGaps) {
    Drive coinbase("coinbase");
    coinbase.connect("/");
    const auto answers =
        parse_all(coinbase.say(advanced_request("subscribe", "market_trades", "BTC-USD")));
    ASSERT_EQ(answers.size(), 2U);
    EXPECT_EQ(answers[1].at("events")[0].at("type"), "snapshot");
    const TradeSequence& trades = coinbase.trades("BTC-USD");
    i64 last =
        std::stoll(answers[1].at("events")[0].at("trades")[0].at("trade_id").get<std::string>());
    EXPECT_EQ(last, trades.last_at(coinbase.now()));
    for (const json& frame : parse_all(coinbase.pass(seconds(3)))) {
        const json& event = frame.at("events")[0];
        EXPECT_EQ(event.at("type"), "update");
        const json& list = event.at("trades");
        i64 id = last + static_cast<i64>(list.size());
        last = id;
        for (const json& trade : list) {
            EXPECT_EQ(trade.at("trade_id"), std::to_string(id));
            EXPECT_EQ(trade.at("side"), trades.trade(id).side == Side::buy ? "SELL" : "BUY");
            --id;
        }
    }
    EXPECT_EQ(last, trades.last_at(floor_to(coinbase.now(), millis(250))));
}

TEST(CoinbaseAdvanced, HeartbeatsCountSeconds) {
    Drive coinbase("coinbase");
    coinbase.connect("/");
    coinbase.say(advanced_request("subscribe", "heartbeats", ""));
    const auto frames = parse_all(coinbase.pass(seconds(3)));
    ASSERT_EQ(frames.size(), 3U);
    const i64 first = frames[0].at("events")[0].at("heartbeat_counter");
    EXPECT_EQ(frames[2].at("events")[0].at("heartbeat_counter"), first + 2);
}

TEST(CoinbaseExchange, RestTradesAreWhatTheSocketSent) {
    Drive coinbase("coinbase");
    coinbase.connect("/");
    coinbase.say(R"({"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches"]})");
    const auto matches = of_type(coinbase.pass(seconds(2)), "match");
    std::map<i64, json> listed;
    for (std::string after;
         listed.empty() || listed.begin()->first > matches.front().at("trade_id");) {
        const net::Response page = coinbase.get("/products/BTC-USD/trades?limit=50" + after);
        for (const json& trade : json::parse(page.body)) listed[trade.at("trade_id")] = trade;
        std::map<std::string, std::string> headers(page.headers.begin(), page.headers.end());
        EXPECT_EQ(headers.at("CB-AFTER"), std::to_string(listed.begin()->first));
        after = "&after=" + headers.at("CB-AFTER");
    }
    for (const json& match : matches)
        for (const char* field : {"price", "size", "side", "time"})
            EXPECT_EQ(listed.at(match.at("trade_id")).at(field), match.at(field));
}

TEST(CoinbaseExchange, TradesPage) {
    Drive coinbase("coinbase");
    const i64 last = coinbase.trades("BTC-USD").last_at(coinbase.now());
    const auto ids = [&](const std::string& query) {
        std::vector<i64> found;
        const json page = coinbase.get_json("/products/BTC-USD/trades" + query);
        for (const json& trade : page) found.push_back(trade.at("trade_id"));
        return found;
    };
    EXPECT_EQ(ids("").size(), 1000U);
    EXPECT_EQ(ids("?limit=2"), (std::vector<i64>{last, last - 1}));
    EXPECT_EQ(ids("?after=4"), (std::vector<i64>{3, 2, 1}));
    EXPECT_EQ(ids("?before=5&limit=2"),
              (std::vector<i64>{last, last - 1}));  // The newest page, not the next one.
    EXPECT_EQ(ids("?after=1"), std::vector<i64>{});
    EXPECT_EQ(coinbase.get("/products/BTC-USD/trades?after=x").status, 400);
}

TEST(CoinbaseExchange, Rest) {
    Drive coinbase("coinbase", {.rate = 50, .venues = 2});
    const json products = coinbase.get_json("/products");
    EXPECT_GE(products.size(), 13U);
    EXPECT_EQ(products[0].at("id"), "BTC-USD");
    EXPECT_EQ(products[0].at("quote_increment"), "0.01");
    EXPECT_EQ(coinbase.get_json("/products/ETH-USD").at("base_currency"), "ETH");
    const json ticker = coinbase.get_json("/products/ETH-USD/ticker");
    EXPECT_EQ(ticker.at("trade_id"), coinbase.trades("ETH-USD").last_at(coinbase.now()));
    const json candles = coinbase.get_json("/products/ETH-USD/candles?granularity=60");
    EXPECT_GT(candles.size(), 250U);
    EXPECT_EQ(candles[0].size(), 6U);
    EXPECT_EQ(candles[0][0].get<i64>() - candles[1][0].get<i64>(), 60);
    EXPECT_EQ(coinbase.get("/products/ETH-USD/candles?granularity=61").status, 400);
    EXPECT_EQ(coinbase.get("/products/ETH-USD/candles?start=2024-01-01T00:00:00Z").status, 400);
    EXPECT_EQ(coinbase.get("/products/FOO-BAR/trades").status, 404);
    EXPECT_EQ(coinbase.get_json("/products/FOO-BAR").at("message"), "NotFound");
    for (const char* path :
         {"/", "/productsX", "/products/", "/products/BTC-USD/", "/products/BTC-USD/book"})
        EXPECT_EQ(coinbase.get(path).status, 404) << path;
}

TEST(CoinbaseAdvanced, Rest) {
    Drive coinbase("coinbase", {.rate = 50, .venues = 2});
    const std::string root = "/api/v3/brokerage/market/products";
    const json products = coinbase.get_json(root);
    EXPECT_EQ(products.at("num_products"), products.at("products").size());
    EXPECT_EQ(products.at("products")[0].at("product_id"), "BTC-USD");
    EXPECT_EQ(coinbase.get_json(root + "/ETH-USD").at("base_currency_id"), "ETH");
    const json ticker = coinbase.get_json(root + "/ETH-USD/ticker?limit=5");
    ASSERT_EQ(ticker.at("trades").size(), 5U);
    EXPECT_EQ(ticker.at("trades")[0].at("trade_id"),
              std::to_string(coinbase.trades("ETH-USD").last_at(coinbase.now())));
    const i64 second = coinbase.now().count / 1'000'000'000;
    const json part =
        coinbase.get_json(root + "/ETH-USD/ticker?limit=1000&start=" + std::to_string(second - 10) +
                          "&end=" + std::to_string(second - 5));
    EXPECT_GT(part.at("trades").size(), 20U);
    EXPECT_LT(part.at("trades").size(), 60U);
    const json candles = coinbase.get_json(
        root + "/ETH-USD/candles?granularity=ONE_MINUTE&start=" + std::to_string(second - 600) +
        "&end=" + std::to_string(second));
    EXPECT_GE(candles.at("candles").size(), 10U);
    EXPECT_EQ(coinbase.get(root + "/FOO-BAR/ticker").status, 404);
    EXPECT_TRUE(coinbase.get_json(root + "/FOO-BAR/ticker").contains("error_details"));
}

}  // namespace
}  // namespace tape::sim
