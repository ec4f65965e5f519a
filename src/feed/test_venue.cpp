#include "feed/test_venue.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <ranges>

#include "venues/plan.h"

namespace tape::feed {
namespace {

// The number behind `"name":`.
std::optional<i64> number(std::string_view text, std::string_view name) {
    const size_t at = text.find(fmt::format("\"{}\":", name));
    if (at == std::string_view::npos) return std::nullopt;
    i64 value = 0;
    std::from_chars(text.data() + at + name.size() + 3, text.data() + text.size(), value);
    return value;
}

class TestDecoder final : public venues::Decoder {
 public:
    std::optional<venues::DecodeError> decode(const log::Record& record,
                                              venues::EventSink& out) override {
        // Of frames and, with their quotes escaped, of answers.
        std::string text(record.payload);
        std::erase(text, '\\');
        if (text.find("\"broken\"") != std::string_view::npos)
            return venues::DecodeError{"missing_field", "test: there is no field 'price'"};
        if (text.find("\"unknown\"") != std::string_view::npos) out.on_unknown("novelty");
        if (text.find("\"ack\"") != std::string_view::npos) out.on_subscribed("", nullptr);
        if (text.find("\"refused\"") != std::string_view::npos) out.on_refused(record.payload);
        constexpr std::string_view listed = "\"listed\":\"";
        for (size_t at = text.find(listed); at != std::string::npos;
             at = text.find(listed, at + 1)) {
            const size_t name = at + listed.size();
            const std::string symbol = text.substr(name, text.find('"', name) - name);
            out.on_listed(instruments_.list("test", symbol, symbol),
                          number(text.substr(at), "trading") == 1);
        }
        constexpr std::string_view start = "\"symbol\":\"";
        for (size_t at = text.find(start); at != std::string::npos; at = text.find(start, at + 1)) {
            const size_t name = at + start.size();
            Tick tick{};
            tick.instrument =
                &instruments_.intern("test", text.substr(name, text.find('"', name) - name));
            const bool ticker = text.find("\"tickers\"") != std::string::npos;
            tick.kind = ticker ? TickKind::ticker : TickKind::trade;
            if (!ticker) tick.identity = static_cast<u64>(number(text.substr(at), "n").value_or(0));
            const std::optional<i64> ts = number(text.substr(at), "ts");
            tick.ts_event = ts ? Nanos{*ts} : record.ts_recv;
            tick.ts_recv = record.ts_recv;
            tick.source_offset = record.offset;
            out.on(tick);
        }
        return std::nullopt;
    }
    void save(std::string&) const override {}
    Result<void> load(std::string_view) override { return {}; }
    InstrumentTable& instruments() override { return instruments_; }

 private:
    InstrumentTable instruments_;
};

// The value of a setting, "" for one without; or none.
std::optional<std::string> setting(std::string_view feed, std::string_view name) {
    for (const auto part : std::views::split(feed, ',')) {
        const std::string_view text(part.begin(), part.end());
        if (text == name) return "";
        if (text.starts_with(name) && text[name.size()] == '=')
            return std::string(text.substr(name.size() + 1));
    }
    return std::nullopt;
}

class TestVenue final : public venues::Venue {
 public:
    std::string_view name() const override { return "test"; }
    venues::RestBudget connect_budget() const override {
        return {.weight = 1'000, .per = seconds(1)};
    }
    i32 decoder_version() const override { return 1; }
    std::string_view default_websocket(std::string_view) const override {
        return "ws://127.0.0.1:1";
    }
    std::string_view default_rest(std::string_view) const override { return "http://127.0.0.1:1"; }
    std::vector<std::string_view> channels(std::string_view) const override {
        return {"trades", "tickers"};
    }
    venues::IdentityRule identity() const override { return {}; }
    std::vector<venues::RestRequest> instruments(const venues::SourceSpec&) const override {
        return {{.target = "/instruments?all=1"}};
    }
    // One connection a symbol.
    Result<std::vector<venues::Connection>> plan(const venues::SourceSpec& spec) const override {
        if (auto checked = venues::check_symbols(name(), spec.symbols); !checked)
            return checked.error();
        std::vector<venues::Connection> all;
        const auto duration = [&](std::string_view name) {
            const auto text = setting(spec.feed, name);
            return text ? std::optional(*parse_duration(*text)) : std::nullopt;
        };
        for (const std::string& symbol : spec.symbols) {
            venues::Connection made{.websocket_path = "/ws",
                                    .streams = {{"trades", symbol}, {"tickers", symbol}}};
            made.subscribe = {R"({"subscribe":"trades"})", R"({"subscribe":"tickers"})"};
            if (const auto span = duration("silence")) made.silence_limit = *span;
            if (const auto span = duration("keepalive"))
                made.keepalive = {"ping", *span, setting(spec.feed, "token").has_value()};
            if (const auto span = duration("pace")) made.subscribe_interval = *span;
            made.replace_after = duration("replace");
            if (setting(spec.feed, "book")) made.websocket_path = "/book";
            made.welcome = setting(spec.feed, "welcome").has_value();
            if (setting(spec.feed, "token"))
                made.token = venues::RestRequest{.method = "POST", .target = "/token"};
            if (const auto span = duration("poll")) {
                made = {.streams = {{"prices", symbol}}, .poll_interval = *span};
                made.polls = {{.target = "/prices"}};
            }
            all.push_back(std::move(made));
        }
        return all;
    }
    Result<Admission> admit(std::string_view answer, std::string_view id) const override {
        const auto port = number(answer, "port"), token = number(answer, "token");
        if (!port || !token) return external_error("no token");
        return Admission{fmt::format("ws://127.0.0.1:{}/ws?token={}&id={}", *port, *token, id),
                         millis(20)};
    }
    bool is_welcome(std::string_view frame) const override {
        return frame.find("\"welcome\"") != std::string_view::npos;
    }
    std::vector<std::string> resubscribe(const venues::Connection::Stream& stream) const override {
        return {fmt::format(R"({{"unsubscribe":"{}"}})", stream.channel),
                fmt::format(R"({{"subscribe":"{}"}})", stream.channel)};
    }
    std::optional<std::string> look_at_book(const venues::Connection& connection) const override {
        if (!connection.websocket_path.ends_with("book")) return std::nullopt;
        return R"({"book":1})";
    }
    std::optional<venues::RestRequest> backfill(const venues::SourceSpec&,
                                                const venues::Missing& missing) const override {
        if (missing.channel != "trades") return std::nullopt;
        std::string target = "/trades?symbol=" + missing.native_symbol;
        if (missing.from_id) target += fmt::format("&from={}", *missing.from_id);
        if (missing.to_id) target += fmt::format("&to={}", *missing.to_id);
        return venues::RestRequest{.target = target};
    }
    bool announces_end(std::string_view frame) const override {
        return frame.find("\"closing\"") != std::string_view::npos;
    }
    std::optional<std::string> reply(std::string_view frame) const override {
        return frame == "hello?" ? std::optional<std::string>("hello!") : std::nullopt;
    }
    TickKind kind_of(std::string_view channel) const override {
        if (channel == "prices") return TickKind::poll;
        return channel == "tickers" ? TickKind::ticker : TickKind::trade;
    }
    std::unique_ptr<venues::Decoder> make_decoder() const override {
        return std::make_unique<TestDecoder>();
    }
};

const venues::Registration test_venue{std::make_unique<TestVenue>()};

}  // namespace

venues::SourceSpec test_spec(std::string feed, std::vector<std::string> symbols) {
    return {.venue = "test",
            .feed = std::move(feed),
            .symbols = std::move(symbols),
            .channels = {"trades"}};
}

TempFolder::TempFolder(const std::filesystem::path& parent) {
    static std::atomic<int> count{0};
    path_ = parent / fmt::format("tape-feed-test-{}-{}", getpid(), count++);
    std::filesystem::create_directories(path_);
}

TempFolder::~TempFolder() {
    std::filesystem::remove_all(path_);
}

bool eventually(const std::function<bool()>& condition) {
    const Nanos deadline = steady_clock() + seconds(20);
    while (!condition()) {
        if (steady_clock() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
    return true;
}

std::vector<std::string> recorded(const std::filesystem::path& log_root, const std::string& slot) {
    std::vector<std::string> lines;
    auto reader = log::LogReader::open(log_root / slot);
    if (!reader) return lines;
    for (;;) {
        const auto records = (*reader)->read(1'000);
        EXPECT_TRUE(records) << (records ? "" : records.error().what);
        if (!records || records->empty()) return lines;
        for (const log::Record& record : *records)
            if (record.kind != log::RecordKind::heartbeat)
                lines.push_back(fmt::format("{} {}", log::to_string(record.kind), record.payload));
    }
}

i64 count_of(const std::vector<std::string>& lines, std::string_view start) {
    return std::ranges::count_if(lines,
                                 [&](const std::string& line) { return line.starts_with(start); });
}

FeedOptions quick_options(const std::filesystem::path& folder, u16 port, venues::SourceSpec spec) {
    FeedOptions options;
    options.sources.push_back({.spec = std::move(spec),
                               .websocket = fmt::format("ws://127.0.0.1:{}", port),
                               .rest = fmt::format("http://127.0.0.1:{}/", port)});
    options.log_root = folder;
    options.writer.segment_bytes = 1 << 20;
    options.writer.reserve_bytes = 0;
    options.config_payload = R"({"hash":"1"})";
    options.heartbeat = millis(10);
    options.backoff_min = millis(5);
    options.backoff_max = millis(20);
    options.disk_check = millis(10);
    return options;
}

}  // namespace tape::feed
