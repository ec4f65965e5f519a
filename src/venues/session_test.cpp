// Sessions recorded at the venues: every trade and ticker in them becomes a tick, and each value is
// the wire's to the last digit. The expectation is read from the same text by another JSON library.
// Skipped where the recordings are absent.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "venues/test_events.h"

namespace tape::venues {
namespace {

using nlohmann::json;

const std::filesystem::path recordings = "../shared/exchanges";

// The records of a session, in capture interchange, through the script that makes it.
std::vector<json> capture_of(const std::string& slot, const std::string& session) {
    const std::string command = fmt::format("python3 tests/session_to_capture.py --slot {} {}/{}",
                                            slot, recordings.string(), session);
    std::string text;
    FILE* pipe = popen(command.c_str(), "r");
    char buffer[65536];
    for (std::size_t n; (n = fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, n);
    EXPECT_EQ(pclose(pipe), 0);
    std::vector<json> records;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        records.push_back(json::parse(text.substr(at, end - at)));
        at = end + 1;
    }
    return records;
}

// A decimal text without what says nothing: "1008.200" → "1008.2".
std::string plain(std::string text) {
    if (text.find('.') == std::string::npos) return text;
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
}
std::string text_of(const json& value) {
    return value.get<std::string>();
}
std::string shown(const std::optional<Decimal>& value) {
    return value ? value->to_string() : "";
}

struct Session {
    std::vector<json> frames;  // Of the ticks, one each.
    EventLog events;
    std::unique_ptr<Decoder> decoder;
};

// Decodes a session; `is_tick` says of which frames a tick is expected.
Session decode_session(const std::string& venue, const std::string& session,
                       bool (*is_tick)(const json&)) {
    Session result{.decoder = find_venue(venue)->make_decoder()};
    i64 offset = 0;
    for (const json& record : capture_of(venue + "-1", session)) {
        const std::string payload = record.at("payload");
        log::RecordKind kind = log::RecordKind::connected;
        if (record.at("kind") == "frame") kind = log::RecordKind::frame;
        if (record.at("kind") == "sent") kind = log::RecordKind::sent;
        const std::size_t before = result.events.ticks.size();
        const auto error = result.decoder->decode({.offset = {offset++},
                                                   .kind = kind,
                                                   .ts_recv = {record.at("ts_recv")},
                                                   .payload = payload},
                                                  result.events);
        EXPECT_FALSE(error) << error->detail << payload;
        const json message = json::parse(payload);
        const bool expected = kind == log::RecordKind::frame && is_tick(message);
        EXPECT_EQ(result.events.ticks.size() - before, expected ? 1u : 0u) << payload;
        if (expected) result.frames.push_back(message);
    }
    return result;
}

TEST(RecordedSession, OkxIsExact) {
    if (!std::filesystem::exists(recordings))
        GTEST_SKIP() << "no recorded sessions at " << recordings;
    const Session session =
        decode_session("okx", "okx/session_2022-05-13.ws.txt", [](const json& message) {
            return message.contains("data") && message["arg"]["channel"] != "books";
        });
    int trades = 0, tickers = 0;
    ASSERT_EQ(session.frames.size(), session.events.ticks.size());
    for (std::size_t i = 0; i < session.frames.size(); ++i) {
        const json& item = session.frames[i]["data"][0];
        const Tick& tick = session.events.ticks[i];
        EXPECT_EQ(tick.instrument->native_symbol, text_of(item["instId"]));
        EXPECT_EQ(fmt::format("{}", tick.ts_event.count), item["ts"].get<std::string>() + "000000");
        EXPECT_FALSE(tick.ts_estimated);
        if (tick.kind == TickKind::trade) {
            ++trades;
            EXPECT_EQ(shown(tick.price), plain(item["px"]));
            EXPECT_EQ(shown(tick.size), plain(item["sz"]));
            EXPECT_EQ(to_string(tick.side), text_of(item["side"]));
            EXPECT_EQ(tick.trade_id.view(), text_of(item["tradeId"]));
            EXPECT_EQ(fmt::format("{}", *tick.identity), text_of(item["tradeId"]));
        } else {
            ++tickers;
            EXPECT_EQ(shown(tick.price), plain(item["last"]));
            EXPECT_EQ(shown(tick.size), plain(item["lastSz"]));
            EXPECT_EQ(shown(tick.bid), plain(item["bidPx"]));
            EXPECT_EQ(shown(tick.ask), plain(item["askPx"]));
        }
    }
    EXPECT_EQ(trades, 74);
    EXPECT_EQ(tickers, 28);
}

TEST(RecordedSession, CoinbaseIsExactAndItsSidesAgree) {
    if (!std::filesystem::exists(recordings))
        GTEST_SKIP() << "no recorded sessions at " << recordings;
    const Session session =
        decode_session("coinbase", "coinbase/session_2021-04-17.ws.txt", [](const json& message) {
            return message["type"] == "match" || message["type"] == "last_match" ||
                   message["type"] == "ticker";
        });
    std::map<std::string, int> count;
    std::map<std::pair<std::string, std::string>, Side> side_of_trade, side_of_ticker;
    ASSERT_EQ(session.frames.size(), session.events.ticks.size());
    for (std::size_t i = 0; i < session.frames.size(); ++i) {
        const json& message = session.frames[i];
        const Tick& tick = session.events.ticks[i];
        ++count[message["type"]];
        const std::string id = message["trade_id"].dump();
        EXPECT_EQ(tick.instrument->native_symbol, text_of(message["product_id"]));
        EXPECT_EQ(format_rfc3339(tick.ts_event),
                  format_rfc3339(*parse_rfc3339(message["time"].get<std::string>())));
        EXPECT_EQ(shown(tick.price), plain(message["price"]));
        EXPECT_EQ(shown(tick.size),
                  plain(message.contains("size") ? message["size"] : message["last_size"]));
        EXPECT_EQ(tick.trade_id.view(), id);
        EXPECT_EQ(*tick.sequence, message["sequence"].get<i64>());
        EXPECT_FALSE(tick.ts_estimated);
        auto& sides = tick.kind == TickKind::trade ? side_of_trade : side_of_ticker;
        sides[{tick.instrument->native_symbol, id}] = tick.side;
        if (tick.kind == TickKind::trade) {
            EXPECT_NE(to_string(tick.side), text_of(message["side"])) << "the wire has the maker's";
            EXPECT_EQ(fmt::format("{}", *tick.identity), id);
        } else {
            EXPECT_EQ(shown(tick.bid), plain(message["best_bid"]));
            EXPECT_EQ(shown(tick.ask), plain(message["best_ask"]));
            EXPECT_FALSE(tick.identity);
        }
    }
    EXPECT_EQ(count["match"], 97);
    EXPECT_EQ(count["last_match"], 10);
    EXPECT_EQ(count["ticker"], 107);
    EXPECT_EQ(side_of_trade.size(), 107u) << "no trade is sent twice in this session";
    EXPECT_EQ(side_of_ticker, side_of_trade);
}

// How many events of a kind there were.
i64 count_of(const Session& session, std::string_view event) {
    return std::ranges::count_if(session.events.lines, [&](const std::string& line) {
        return json::parse(line).at("event") == event;
    });
}

TEST(RecordedSession, KucoinIsExact) {
    if (!std::filesystem::exists(recordings))
        GTEST_SKIP() << "no recorded sessions at " << recordings;
    const Session session =
        decode_session("kucoin", "kucoin/session_2021-04-25.ws.txt", [](const json& message) {
            return message.contains("subject") &&
                   (message["subject"] == "trade.l3match" || message["subject"] == "trade.ticker");
        });
    int trades = 0, tickers = 0;
    std::map<std::string, u64> last_sequence;
    ASSERT_EQ(session.frames.size(), session.events.ticks.size());
    for (std::size_t i = 0; i < session.frames.size(); ++i) {
        const json& data = session.frames[i]["data"];
        const Tick& tick = session.events.ticks[i];
        const std::string topic = session.frames[i]["topic"];
        EXPECT_EQ(tick.instrument->native_symbol, topic.substr(topic.find(':') + 1));
        EXPECT_EQ(shown(tick.price), plain(data["price"]));
        EXPECT_EQ(shown(tick.size), plain(data["size"]));
        EXPECT_EQ(fmt::format("{}", *tick.sequence), text_of(data["sequence"]));
        EXPECT_FALSE(tick.ts_estimated);
        if (tick.kind == TickKind::trade) {
            ++trades;
            EXPECT_EQ(fmt::format("{}", tick.ts_event.count), text_of(data["time"]));
            EXPECT_EQ(to_string(tick.side), text_of(data["side"]));
            EXPECT_EQ(tick.trade_id.view(), text_of(data["tradeId"]));
            u64& last = last_sequence[tick.instrument->native_symbol];
            EXPECT_GT(*tick.identity, last) << "the sequence grows";
            last = *tick.identity;
        } else {
            ++tickers;
            EXPECT_EQ(tick.ts_event.count, data["time"].get<i64>() * 1'000'000);
            EXPECT_EQ(shown(tick.bid), plain(data["bestBid"]));
            EXPECT_EQ(shown(tick.ask), plain(data["bestAsk"]));
        }
    }
    EXPECT_EQ(trades, 18);
    EXPECT_EQ(tickers, 830);
    EXPECT_EQ(session.events.candles.size(), 6u);
    EXPECT_EQ(count_of(session, "subscribed"), 20) << "ten symbols of two channels";
    EXPECT_EQ(count_of(session, "unknown"), 3'853) << "order books";
    EXPECT_EQ(count_of(session, "refused"), 0);
}

TEST(RecordedSession, BinanceIsExact) {
    if (!std::filesystem::exists(recordings))
        GTEST_SKIP() << "no recorded sessions at " << recordings;
    const Session session =
        decode_session("binance", "binance/session_2021-10-12.ws.txt", [](const json& message) {
            if (!message.contains("stream")) return false;
            const std::string stream = message["stream"];
            return stream.ends_with("@aggTrade") || stream.ends_with("@bookTicker");
        });
    int trades = 0, quotes = 0;
    ASSERT_EQ(session.frames.size(), session.events.ticks.size());
    for (std::size_t i = 0; i < session.frames.size(); ++i) {
        const json& data = session.frames[i]["data"];
        const Tick& tick = session.events.ticks[i];
        EXPECT_EQ(tick.instrument->native_symbol, text_of(data["s"]));
        if (tick.kind == TickKind::trade) {
            ++trades;
            EXPECT_EQ(shown(tick.price), plain(data["p"]));
            EXPECT_EQ(shown(tick.size), plain(data["q"]));
            EXPECT_EQ(*tick.identity, data["a"].get<u64>());
            EXPECT_EQ(tick.side, data["m"].get<bool>() ? Side::sell : Side::buy);
            EXPECT_EQ(tick.ts_event, millis(data["T"].get<i64>()));
        } else {
            ++quotes;
            EXPECT_EQ(shown(tick.bid), plain(data["b"]));
            EXPECT_EQ(shown(tick.ask), plain(data["a"]));
            EXPECT_EQ(*tick.sequence, data["u"].get<i64>());
            EXPECT_TRUE(tick.ts_estimated);
            EXPECT_EQ(tick.ts_event, tick.ts_recv);
        }
    }
    EXPECT_EQ(trades, 2);
    EXPECT_EQ(quotes, 84);
    ASSERT_EQ(session.events.candles.size(), 2u);
    const Candle& candle = session.events.candles[0];
    EXPECT_EQ(candle.instrument->native_symbol, "NKNUSDT");
    EXPECT_EQ(candle.size, seconds(60));
    EXPECT_EQ(candle.open_time, millis(1633998480000));
    EXPECT_EQ(candle.low.to_string(), "0.3522");
    EXPECT_EQ(candle.volume.to_string(), "25877");
    EXPECT_EQ(candle.trade_count, 30);
    EXPECT_FALSE(candle.closed);
    EXPECT_EQ(count_of(session, "unknown"), 177) << "order books";
}

TEST(RecordedSession, TheSymbolListNamesWhatKucoinTrades) {
    const auto list = recordings / "kucoin/rest_symbols_2021-04-25.txt";
    if (!std::filesystem::exists(list)) GTEST_SKIP() << "no recorded sessions at " << recordings;
    const auto records = capture_of("kucoin-1", "kucoin/rest_symbols_2021-04-25.txt");
    ASSERT_EQ(records.size(), 1u);
    const std::string payload = records[0].at("payload");
    const auto decoder = find_venue("kucoin")->make_decoder();
    EventLog events;
    const auto error = decoder->decode({.kind = log::RecordKind::rest, .payload = payload}, events);
    ASSERT_FALSE(error) << error->detail;
    const json body = json::parse(json::parse(payload)["body"].get<std::string>());
    EXPECT_EQ(decoder->instruments().all().size(), body["data"].size());
    for (const json& item : body["data"]) {
        const Instrument* symbol = decoder->instruments().find("kucoin", text_of(item["symbol"]));
        ASSERT_NE(symbol, nullptr);
        EXPECT_TRUE(symbol->listed);
        EXPECT_EQ(symbol->symbol, to_capitals(text_of(item["baseCurrency"]) + "-" +
                                              text_of(item["quoteCurrency"])));
    }
}

TEST(RecordedSession, TheProductListNamesWhatTheSessionTrades) {
    const auto list = recordings / "coinbase/rest_products_2021-04-17.txt";
    if (!std::filesystem::exists(list)) GTEST_SKIP() << "no recorded sessions at " << recordings;
    const auto records = capture_of("coinbase-1", "coinbase/rest_products_2021-04-17.txt");
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(text_of(records[0].at("kind")), "rest");
    EXPECT_EQ(records[0].at("ts_recv").get<i64>(), 1618677816841499800);
    const std::string payload = records[0].at("payload");
    const auto decoder = find_venue("coinbase")->make_decoder();
    EventLog events;
    const auto error = decoder->decode({.kind = log::RecordKind::rest, .payload = payload}, events);
    ASSERT_FALSE(error) << error->detail;
    const Instrument* product = decoder->instruments().find("coinbase", "SKL-USD");
    ASSERT_NE(product, nullptr);
    EXPECT_TRUE(product->listed);
    EXPECT_EQ(product->symbol, "SKL-USD");
    EXPECT_EQ(decoder->instruments().all().size(),
              json::parse(json::parse(payload)["body"].get<std::string>()).size());
}

}  // namespace
}  // namespace tape::venues
