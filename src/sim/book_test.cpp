#include "sim/book.h"

#include <gtest/gtest.h>

#include <map>

#include "sim/drive_test.h"
#include "sim/kraken_rest.h"
#include "sim/okx_rest.h"
#include "sim/quotes.h"

namespace tape::sim {
namespace {

using nlohmann::json;

// A client's book, as it follows from what it was told: by price, as text.
using Side = std::map<double, std::pair<std::string, std::string>>;
struct Kept {
    Side bids, asks;

    // Text between two others.
    static std::string between(std::string_view text, std::string_view begin,
                               std::string_view end) {
        const std::size_t from = text.find(begin) + begin.size();
        return std::string(text.substr(from, text.find(end, from) - from));
    }
    static void set(Side& side, const std::string& price, const std::string& size) {
        if (std::stod(size) == 0)
            side.erase(std::stod(price));
        else
            side[std::stod(price)] = {price, size};
    }
};

void cut(Side& side, std::size_t depth, bool best_is_last) {
    while (side.size() > depth) side.erase(best_is_last ? side.begin() : std::prev(side.end()));
}

// The reflected polynomial's bit by bit form.
u32 slow_crc32(std::string_view text) {
    u32 sum = ~0U;
    for (const char c : text) {
        sum ^= static_cast<unsigned char>(c);
        for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xedb88320U : 0U);
    }
    return ~sum;
}

std::string okx_request(std::string_view operation, std::string_view channel) {
    return json{{"op", operation},
                {"args", json::array({{{"channel", channel}, {"instId", "BTC-USDT"}}})}}
        .dump();
}

TEST(Book, IsAFunctionOfTheTrade) {
    const Drive okx("okx");
    const TradeSequence& trades = okx.trades("BTC-USDT");
    const i64 id = trades.last_at(okx.now());
    const Book book = book_after(trades, id, 25), deeper = book_after(trades, id, 100);
    EXPECT_EQ(book.bids, book_after(trades, id, 25).bids);
    EXPECT_TRUE(std::equal(book.asks.begin(), book.asks.end(), deeper.asks.begin()));
    const Quote quote = quote_after(trades, trades.trade(id));
    EXPECT_EQ(book.bids[0].price, quote.bid);
    EXPECT_EQ(book.asks[0].size, quote.ask_size);
    ASSERT_EQ(book.bids.size(), 25U);
    ASSERT_EQ(book.asks.size(), 25U);
    for (std::size_t i = 1; i < 25; ++i) {
        EXPECT_LT(book.bids[i].price, book.bids[i - 1].price);
        EXPECT_GT(book.asks[i].price, book.asks[i - 1].price);
        EXPECT_GT(book.bids[i].size, 0);
    }
    const Drive other("okx", {.seed = 2, .rate = 1000, .venues = 2});
    EXPECT_NE(book.bids, book_after(other.trades("BTC-USDT"), id, 25).bids);
}

TEST(Book, ChangesLittleFromTradeToTrade) {
    const Drive okx("okx");
    const TradeSequence& trades = okx.trades("BTC-USDT");
    BookFeed feed(trades, 400, millis(100), okx.now());
    i64 updates = 0, changes = 0;
    while (const auto update = feed.next(okx.now() + seconds(20))) {
        if (!update->first) ++updates;
        if (!update->first)
            changes += static_cast<i64>(update->changes.bids.size() + update->changes.asks.size());
        EXPECT_EQ(update->moment, floor_to(update->moment, millis(100)));
        EXPECT_EQ(update->id, trades.last_at(update->moment));
    }
    EXPECT_EQ(updates, 200);
    EXPECT_LT(changes / updates, 600) << "of 800 levels, at 21 trades a look";
}

TEST(Book, DoesNotDependOnWhenItIsAskedFor) {
    Drive one("okx"), other("okx");
    for (Drive* okx : {&one, &other}) {
        okx->connect("/ws/v5/public");
        okx->say(okx_request("subscribe", "books"));
    }
    EXPECT_EQ(one.pass(seconds(3), millis(7)), other.pass(seconds(3), millis(250)));
}

TEST(Book, AnOkxClientKeepsItByChangesAndChecksums) {
    Drive okx("okx");
    okx.connect("/ws/v5/public");
    ASSERT_EQ(okx.say(okx_request("subscribe", "books")).size(), 1U) << "only the acknowledgement";
    const auto frames = okx.pass(seconds(5));
    ASSERT_GT(frames.size(), 40U);
    Kept kept;
    i64 sequence = -1;
    for (const std::string& frame : frames) {
        const json parsed = json::parse(frame);
        EXPECT_EQ(parsed.at("arg"), (json{{"channel", "books"}, {"instId", "BTC-USDT"}}));
        EXPECT_EQ(parsed.at("action"), sequence == -1 ? "snapshot" : "update");
        const json& data = parsed.at("data").at(0);
        for (auto& [name, side] : {std::pair{"bids", &kept.bids}, {"asks", &kept.asks}})
            for (const json& level : data.at(name)) {
                ASSERT_EQ(level.size(), 4U);
                Kept::set(*side, level[0], level[1]);
            }
        EXPECT_EQ(kept.bids.size(), 400U);
        EXPECT_EQ(kept.asks.size(), 400U);
        EXPECT_LT(kept.bids.rbegin()->first, kept.asks.begin()->first);
        EXPECT_EQ(data.at("prevSeqId"), sequence);
        EXPECT_GT(data.at("seqId"), sequence);
        sequence = data.at("seqId");
        std::string text;
        auto bid = kept.bids.rbegin();
        auto ask = kept.asks.begin();
        for (int i = 0; i < 25; ++i, ++bid, ++ask)
            text += (i == 0 ? "" : ":") + bid->second.first + ":" + bid->second.second + ":" +
                    ask->second.first + ":" + ask->second.second;
        EXPECT_EQ(data.at("checksum"), static_cast<i32>(slow_crc32(text)));
    }
}

TEST(Book, OkxSendsTheTopAsAWhole) {
    Drive okx("okx");
    okx.connect("/ws/v5/public");
    okx.say(okx_request("subscribe", "books5"));
    okx.say(okx_request("subscribe", "bbo-tbt"));
    std::map<std::string, i64> seen;
    for (const json& frame : parse_all(okx.pass(seconds(1)))) {
        const std::string channel = frame.at("arg").at("channel");
        const json& data = frame.at("data").at(0);
        EXPECT_EQ(data.at("bids").size(), channel == "books5" ? 5U : 1U);
        EXPECT_FALSE(frame.contains("action"));
        EXPECT_FALSE(data.contains("checksum"));
        ++seen[channel];
    }
    EXPECT_EQ(seen["books5"], 11) << "each 100 ms, and at once";
    EXPECT_GT(seen["bbo-tbt"], 50);
    okx.say(okx_request("unsubscribe", "books5"));
    okx.say(okx_request("unsubscribe", "bbo-tbt"));
    EXPECT_TRUE(okx.pass(seconds(1)).empty());
}

TEST(Book, IsInOkxRestToo) {
    const Drive okx("okx");
    const json one = okx.get_json("/api/v5/market/books?instId=BTC-USDT").at("data").at(0);
    EXPECT_EQ(one.at("asks").size(), 1U);
    const json all = okx.get_json("/api/v5/market/books?instId=BTC-USDT&sz=9999").at("data").at(0);
    EXPECT_EQ(all.at("bids").size(), 400U);
    EXPECT_EQ(all.at("bids").at(0), one.at("bids").at(0));
    EXPECT_EQ(okx.get_json("/api/v5/market/books?instId=BTC-USDT&sz=x").at("code"), "51000");
}

// The example of https://docs.kraken.com/api/docs/guides/spot-ws-book-v2
TEST(Book, KrakensChecksumIsTheDocumentedOne) {
    const Listing listing{.price_decimals = 1, .size_decimals = 8};
    const Book book{.bids = {{452835, 10000000},
                             {452834, 154582015},
                             {452821, 10000000},
                             {452810, 10000000},
                             {452803, 154592586},
                             {452790, 7990000},
                             {452776, 3310103},
                             {452775, 30000000},
                             {452773, 154602737},
                             {452766, 15445238}},
                    .asks = {{452852, 100000},
                             {452864, 154571953},
                             {452866, 154571109},
                             {452896, 154560911},
                             {452902, 15890660},
                             {452918, 154553491},
                             {452947, 4454749},
                             {452961, 35380000},
                             {452975, 9945542},
                             {452995, 18772827}}};
    EXPECT_EQ(kraken_checksum(listing, book), 3'310'070'434U);
}

TEST(Book, AKrakenClientKeepsItByChangesAndChecksums) {
    Drive kraken("kraken");
    kraken.connect("/v2");
    kraken.pass(millis(10));
    const auto subscribe = [&](const json& more) {
        json parameters = {{"channel", "book"}, {"symbol", {"BTC/USD"}}};
        parameters.update(more);
        return parse_all(
            kraken.say(json{{"method", "subscribe"}, {"params", parameters}}.dump()))[0];
    };
    EXPECT_EQ(subscribe({{"depth", 11}}).at("error"), "Subscription depth not supported");
    EXPECT_EQ(subscribe({{"depth", "ten"}}).at("error"),
              "Subscription book depth must be an integer");
    EXPECT_EQ(
        subscribe(json::object()).at("result"),
        (json{{"channel", "book"}, {"depth", 10}, {"snapshot", true}, {"symbol", "BTC/USD"}}));
    EXPECT_EQ(subscribe(json::object()).at("error"), "Already subscribed");

    Kept kept;
    i64 updates = 0;
    for (const std::string& frame : kraken.pass(seconds(10))) {
        const json data = json::parse(frame).at("data").at(0);
        EXPECT_EQ(data.contains("timestamp"), updates > 0);
        for (auto& [name, side] :
             {std::pair{"\"bids\":[", &kept.bids}, {"\"asks\":[", &kept.asks}}) {
            std::string list = Kept::between(frame, name, "]");  // Numbers with all their digits.
            for (std::size_t at = 0; (at = list.find("{\"price\":", at)) != std::string::npos; ++at)
                Kept::set(*side,
                          Kept::between(std::string_view(list).substr(at), "\"price\":", ","),
                          Kept::between(std::string_view(list).substr(at), "\"qty\":", "}"));
        }
        cut(kept.bids, 10, true);
        cut(kept.asks, 10, false);
        ASSERT_EQ(kept.bids.size(), 10U);
        ASSERT_EQ(kept.asks.size(), 10U);
        std::string text;
        const auto append = [&text](std::string digits) {
            std::erase(digits, '.');
            text += digits.substr(digits.find_first_not_of('0'));
        };
        for (const auto& [price, level] : kept.asks) append(level.first), append(level.second);
        for (auto level = kept.bids.rbegin(); level != kept.bids.rend(); ++level)
            append(level->second.first), append(level->second.second);
        EXPECT_EQ(data.at("checksum"), slow_crc32(text)) << frame;
        ++updates;
    }
    EXPECT_GT(updates, 80);
}

TEST(Book, AKrakenClientMayDoWithoutASnapshot) {
    Drive kraken("kraken");
    kraken.connect("/v2");
    kraken.say(
        R"({"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"snapshot":false}})");
    const auto frames = parse_all(kraken.pass(seconds(1)));
    ASSERT_FALSE(frames.empty());
    for (const json& frame : frames) EXPECT_EQ(frame.at("type"), "update");
}

TEST(Book, IsInKrakensRestToo) {
    const Drive kraken("kraken");
    const json book = kraken.get_json("/0/public/Depth?pair=XBTUSD&count=3").at("result");
    EXPECT_EQ(book.at("XXBTZUSD").at("asks").size(), 3U);
    EXPECT_EQ(book.at("XXBTZUSD").at("bids").at(0).size(), 3U);
    EXPECT_EQ(kraken.get_json("/0/public/Depth?pair=XBTUSD&count=0").at("error").at(0),
              "EGeneral:Invalid arguments:count");
}

}  // namespace
}  // namespace tape::sim
