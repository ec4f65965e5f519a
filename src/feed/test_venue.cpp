#include "feed/test_venue.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

namespace tape::feed {
namespace {

class TestDecoder final : public venues::Decoder {
 public:
    std::optional<venues::DecodeError> decode(const log::Record& record,
                                              venues::EventSink& out) override {
        if (record.payload.find("\"ack\"") != std::string_view::npos)
            out.on_subscribed("trades", nullptr);
        if (record.payload.find("\"refused\"") != std::string_view::npos)
            out.on_refused(record.payload);
        return std::nullopt;
    }
    void save(std::string&) const override {}
    Result<void> load(std::string_view) override { return {}; }
    InstrumentTable& instruments() override { return instruments_; }

 private:
    InstrumentTable instruments_;
};

class TestVenue final : public venues::Venue {
 public:
    std::string_view name() const override { return "test"; }
    i32 decoder_version() const override { return 1; }
    std::string_view default_websocket(std::string_view) const override {
        return "ws://127.0.0.1:1";
    }
    std::string_view default_rest(std::string_view) const override { return "http://127.0.0.1:1"; }
    std::vector<std::string_view> channels(std::string_view) const override { return {"trades"}; }
    venues::IdentityRule identity() const override { return {}; }
    std::vector<venues::RestRequest> instruments(const venues::SourceSpec&) const override {
        return {{.target = "/instruments?all=1"}};
    }
    // One connection a symbol.
    Result<std::vector<venues::Connection>> plan(const venues::SourceSpec& spec) const override {
        std::vector<venues::Connection> all;
        for (const std::string& symbol : spec.symbols) {
            venues::Connection made{.websocket_path = "/ws",
                                    .streams = {{"trades", symbol}, {"tickers", symbol}}};
            made.subscribe = {R"({"subscribe":"trades"})", R"({"subscribe":"tickers"})"};
            if (spec.feed.starts_with("silence="))
                made.silence_limit = *parse_duration(spec.feed.substr(8));
            if (spec.feed.starts_with("keepalive="))
                made.keepalive =
                    venues::Connection::Keepalive{"ping", *parse_duration(spec.feed.substr(10))};
            all.push_back(std::move(made));
        }
        return all;
    }
    std::optional<std::string> reply(std::string_view frame) const override {
        return frame == "hello?" ? std::optional<std::string>("hello!") : std::nullopt;
    }
    TickKind kind_of(std::string_view) const override { return TickKind::trade; }
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

TestServer::TestServer(Behaviour behaviour, net::ServerOptions options)
    : behaviour_(std::move(behaviour)) {
    net::Handlers handlers;
    handlers.http = [this](net::Request request) { return answer(std::move(request)); };
    handlers.websocket = [this](net::Request request, std::shared_ptr<net::WebSocket> socket) {
        return talk(std::move(request), std::move(socket));
    };
    auto server = net::Server::start(io_, std::move(options), std::move(handlers));
    EXPECT_TRUE(server) << (server ? "" : server.error().what);
    server_ = std::move(*server);
    thread_ = std::thread([this] { io_.run(); });
}

TestServer::~TestServer() {
    io_.stop();
    thread_.join();
}

net::asio::awaitable<net::Response> TestServer::answer(net::Request request) {
    const Behaviour now = behaviour();
    if (now.rest_hangs) co_await net::sleep_for(seconds(60));
    net::Response response;
    response.status = now.rest_status;
    response.body = R"(["A"])" + request.query;
    co_return response;
}

net::asio::awaitable<void> TestServer::talk(net::Request, std::shared_ptr<net::WebSocket> socket) {
    const Behaviour now = behaviour();
    i64 connection = 0;
    {
        const std::lock_guard lock(mutex_);
        connection = ++connections_;
    }
    for (i64 heard = 0;; ++heard) {
        const net::WebSocket::Message message = co_await socket->read();
        const std::string text(message.payload);
        {
            const std::lock_guard lock(mutex_);
            received_.push_back(fmt::format("{}:{}", connection, text));
        }
        if (heard < 2)
            co_await socket->write_text(now.refuse ? R"({"refused":"no such symbol"})"
                                                   : R"({"ack":1})");
        if (heard != 1) continue;
        for (i64 k = 0; k < now.frames; ++k)
            co_await socket->write_text(fmt::format(R"({{"symbol":"A","n":{}}})", k));
        if (!now.extra.empty()) co_await socket->write_text(now.extra);
        if (now.close_after) co_return;
    }
}

std::vector<std::string> TestServer::received() const {
    const std::lock_guard lock(mutex_);
    return received_;
}

i64 TestServer::connections() const {
    const std::lock_guard lock(mutex_);
    return connections_;
}

void TestServer::set(Behaviour behaviour) {
    const std::lock_guard lock(mutex_);
    behaviour_ = std::move(behaviour);
}

TestServer::Behaviour TestServer::behaviour() const {
    const std::lock_guard lock(mutex_);
    return behaviour_;
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
