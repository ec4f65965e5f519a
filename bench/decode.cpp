// Decoding trades to ticks — exact decimals, nanosecond times, interned instruments — against
// simdjson On-Demand taking the same fields out of the same frames as text, in the order in which
// they stand: the least that any decoder must do.
#include <simdjson.h>

#include <array>
#include <random>

#include "ratio.h"
#include "venues/venue.h"

namespace tape {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t input_bytes = 72 << 20;
constexpr int runs = 5;

// Frames one behind the other, with the room behind them that simdjson wants to read.
struct Input {
    std::string text;
    std::vector<std::pair<std::size_t, std::size_t>>
        frames;  // Place and size; OKX and Coinbase in turns.
    std::string_view frame(std::size_t i) const {
        return {text.data() + frames[i].first, frames[i].second};
    }
};

Input make_input() {
    constexpr std::array coins = {"BTC",  "ETH",  "SOL", "XRP", "DOGE", "ADA",
                                  "AVAX", "LINK", "LTC", "UNI", "SHIB", "PEPE"};
    std::mt19937_64 random(20261120);
    Input input;
    input.text.reserve(input_bytes + 1024);
    for (u64 i = 0; input.text.size() < input_bytes; ++i) {
        const std::size_t start = input.text.size();
        const char* const coin = coins[random() % coins.size()];
        const std::string price = fmt::format("{}.{}", 1 + random() % 100'000, 1 + random() % 9999);
        const std::string size = fmt::format("{}.{:08}", random() % 10, random() % 100'000'000);
        const char* const side = random() % 2 ? "buy" : "sell";
        if (i % 2 == 0) {
            input.text += fmt::format(
                R"({{"arg":{{"channel":"trades","instId":"{0}-USDT"}},"data":[{{"instId":"{0}-USDT","tradeId":"{1}",)"
                R"("px":"{2}","sz":"{3}","side":"{4}","ts":"{5}","count":"{6}","source":"0","seqId":{7}}}]}})",
                coin, 900'000'000 + i, price, size, side, 1'763'600'000'000 + i, 1 + random() % 3,
                70'000'000'000 + i);
        } else {
            input.text += fmt::format(
                R"({{"type":"match","trade_id":{0},"maker_order_id":"{1:08x}-af29-4f45-8744-{2:012x}",)"
                R"("taker_order_id":"{3:08x}-f175-4396-bae1-{4:012x}","side":"{5}","size":"{6}","price":"{7}",)"
                R"("product_id":"{8}-USD","sequence":{9},"time":"2026-11-20T{10:02}:{11:02}:{12:02}.{13:06}Z"}})",
                700'000'000 + i, random() & 0xFFFFFFFF, random() & 0xFFFFFFFFFFFF,
                random() & 0xFFFFFFFF, random() & 0xFFFFFFFFFFFF, side, size, price, coin,
                90'000'000'000 + i, i / 3'600'000 % 24, i / 60'000 % 60, i / 1'000 % 60,
                random() % 1'000'000);
        }
        input.frames.emplace_back(start, input.text.size() - start);
    }
    input.text.append(simdjson::SIMDJSON_PADDING, ' ');
    return input;
}

// Takes the fields of each frame as text to `field`, in order.
template <class Visit>
void extract(const Input& input, ondemand::parser& parser, Visit field) {
    using namespace std::string_view_literals;
    const auto text = [&](auto& object, std::string_view name) __attribute__((always_inline)) {
        field(name, object.find_field(name).get_string().value());
    };
    const auto number = [&](auto& object, std::string_view name) __attribute__((always_inline)) {
        field(name, object.find_field(name).raw_json_token().value());
    };
    for (std::size_t i = 0; i < input.frames.size(); ++i) {
        const auto [start, size] = input.frames[i];
        ondemand::document document =
            parser.iterate(input.text.data() + start, size, input.text.size() - start);
        ondemand::object message = document.get_object();
        if (i % 2 == 0) {
            if (std::string_view(message.find_field("arg").find_field("channel")) != "trades")
                continue;
            for (ondemand::object item : message.find_field("data").get_array()) {
                text(item, "instId"sv);
                text(item, "tradeId"sv);
                text(item, "px"sv);
                text(item, "sz"sv);
                text(item, "side"sv);
                text(item, "ts"sv);
                text(item, "count"sv);
                number(item, "seqId"sv);
            }
        } else {
            if (std::string_view(message.find_field("type")) != "match") continue;
            number(message, "trade_id"sv);
            text(message, "side"sv);
            text(message, "size"sv);
            text(message, "price"sv);
            text(message, "product_id"sv);
            number(message, "sequence"sv);
            text(message, "time"sv);
        }
    }
}

// Decodes each frame by its venue.
class Ours {
 public:
    void decode(const Input& input, venues::EventSink& sink) {
        for (std::size_t i = 0; i < input.frames.size(); ++i) {
            const log::Record record{.offset = {static_cast<i64>(i)},
                                     .kind = log::RecordKind::frame,
                                     .payload = input.frame(i)};
            const auto error = decoders_[i % 2]->decode(record, sink);
            if (error) fmt::print(stderr, "{}\n", error->detail);
        }
    }

 private:
    std::array<std::unique_ptr<venues::Decoder>, 2> decoders_ = {
        venues::find_venue("okx")->make_decoder(), venues::find_venue("coinbase")->make_decoder()};
};

class Sink : public venues::EventSink {
 public:
    void on_subscribed(std::string_view, const Instrument*) override {}
    void on_refused(std::string_view) override {}
    void on_unknown(std::string_view) override {}
    void on_last_trade(const Instrument&, u64, Nanos) override {}
};

class CountingSink final : public Sink {
 public:
    void on(const Tick& tick) override {
        sum += tick.ts_event.count + static_cast<i64>(tick.price->units);
    }
    i64 sum{};
};

// FNV-1a over texts, order included.
struct Checksum {
    u64 value = 0xCBF2'9CE4'8422'2325;
    void add(std::string_view text) {
        for (const char c : text) value = (value ^ static_cast<u8>(c)) * 0x100'0000'01B3;
        value = (value ^ 0xFF) * 0x100'0000'01B3;
    }
};

// Digits without what says nothing: no zeros at the end of a fraction.
std::string_view plain(std::string_view digits) {
    if (digits.find('.') == std::string_view::npos) return digits;
    digits = digits.substr(0, digits.find_last_not_of('0') + 1);
    return digits.ends_with('.') ? digits.substr(0, digits.size() - 1) : digits;
}
// A time likewise: "…:05.100000Z" → "…:05.1Z".
std::string plain_time(std::string_view time) {
    return std::string(plain(time.substr(0, time.size() - 1))) + "Z";
}

// Writes ticks as the wire had them, in the order of the wire's fields.
class RenderingSink final : public Sink {
 public:
    void on(const Tick& tick) override {
        if (tick.instrument->venue == "okx") {
            checksum.add(tick.instrument->native_symbol);
            checksum.add(tick.trade_id.view());
            checksum.add(tick.price->to_string());
            checksum.add(tick.size->to_string());
            checksum.add(to_string(tick.side));
            checksum.add(fmt::format("{}", tick.ts_event.millis()));
            checksum.add(fmt::format("{}", tick.covers));
            checksum.add(fmt::format("{}", *tick.sequence));
        } else {
            checksum.add(tick.trade_id.view());
            checksum.add(tick.side == Side::buy ? "sell" : "buy");  // The wire has the maker's.
            checksum.add(tick.size->to_string());
            checksum.add(tick.price->to_string());
            checksum.add(tick.instrument->native_symbol);
            checksum.add(fmt::format("{}", *tick.sequence));
            checksum.add(plain_time(format_rfc3339(tick.ts_event)));
        }
        ensure(fmt::format("{}", *tick.identity) == tick.trade_id.view(),
               "the identity is the id's number");
    }
    Checksum checksum;
};

bool same_values(const Input& input) {
    RenderingSink ours;
    Ours().decode(input, ours);
    Checksum theirs;
    ondemand::parser parser;
    extract(input, parser, [&](std::string_view name, std::string_view text) {
        if (name == "px" || name == "sz" || name == "price" || name == "size")
            theirs.add(plain(text));
        else if (name == "time")
            theirs.add(plain_time(text));
        else
            theirs.add(text);
    });
    return ours.checksum.value == theirs.value;
}

int run() {
    const Input input = make_input();
    Ours ours;
    CountingSink sink;
    ondemand::parser parser;
    std::size_t extracted_bytes = 0;
    const auto [our_seconds, their_seconds] = bench::in_turns(
        runs, bench::cpu_seconds, [&] { ours.decode(input, sink); },
        [&] {
            extract(input, parser, [&](std::string_view, std::string_view text) {
                extracted_bytes += text.size();
            });
        });
    ensure(sink.sum != 0 && extracted_bytes != 0, "both have read something");
    return bench::report({.what = "decoding trades to ticks",
                          .baseline = "simdjson On-Demand, the same fields as text",
                          .ours_seconds = our_seconds,
                          .baseline_seconds = their_seconds,
                          .units = static_cast<double>(input.frames.size()),
                          .unit = "frames",
                          .target = "at least 0.7 x its speed",
                          .equal = same_values(input)});
}

}  // namespace
}  // namespace tape

int main() {
    return tape::run();
}
