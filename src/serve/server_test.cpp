// The server over its socket, following a derived log.
#include "serve/server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <future>

#include "base/metrics.h"
#include "serve/test_support.h"

namespace tape::serve {
namespace {

using namespace test;
using nlohmann::json;
namespace asio = net::asio;

ServeOptions options_for(const TempFolder& folder) {
    ServeOptions options;
    options.listen = "127.0.0.1:0";
    options.derived_log_root = folder.path() / "derived";
    options.poll_interval = millis(2);
    options.live_interval = millis(5);
    return options;
}

std::unique_ptr<DashboardServer> start(ServeOptions options, Backend backend = make_backend()) {
    auto server = DashboardServer::start(std::move(options), std::move(backend));
    EXPECT_TRUE(server) << (server ? "" : server.error().what);
    return std::move(*server);
}

template <class T>
T run(asio::awaitable<T> coroutine) {
    asio::io_context io;
    auto result = asio::co_spawn(io, std::move(coroutine), asio::use_future);
    io.run_for(std::chrono::seconds(30));
    if (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready)
        throw std::runtime_error("nothing came within 30 s");
    return result.get();
}

net::Url url_of(const DashboardServer& server, std::string_view target,
                std::string_view scheme = "http") {
    return *net::parse_url(fmt::format("{}://127.0.0.1:{}{}", scheme, server.port(), target));
}

net::HttpResponse ask(const DashboardServer& server, std::string method, std::string_view target,
                      std::string body = "", net::Headers headers = {}) {
    return run(net::http_request(std::move(method), url_of(server, target), std::move(headers),
                                 std::move(body), {}));
}

json get(const DashboardServer& server, std::string_view target) {
    const net::HttpResponse response = ask(server, "GET", target);
    EXPECT_EQ(response.status, 200) << response.body;
    return json::parse(response.body);
}

// What a raw client gets until the server closes the connection.
std::string talk(const DashboardServer& server, const std::string& text) {
    asio::io_context io;
    asio::ip::tcp::socket socket(io);
    socket.connect({asio::ip::address_v4::loopback(), server.port()});
    boost::system::error_code error;
    asio::write(socket, asio::buffer(text), error);
    std::string got;
    asio::read(socket, asio::dynamic_buffer(got), error);
    return got;
}

TEST(Server, ShowsWhatTheDerivedLogHoldsAndWhatIsAppended) {
    const TempFolder folder;
    const auto server = start(options_for(folder));
    EXPECT_TRUE(get(*server, "/api/v1/symbols")["symbols"].empty())
        << "the log's folder may appear later";
    DerivedLog log(folder.path() / "derived");
    const Instrument& bitcoin = log.instrument("BTC-USDT");
    log.append(make_tick(bitcoin, start_time(), "68340.12"));
    log.append(make_window(bitcoin, "avg_30s", start_time(), "68340.12"));
    EXPECT_TRUE(eventually([&] { return get(*server, "/api/v1/windows")["windows"].size() == 1; }));
    EXPECT_EQ(get(*server, "/api/v1/ticks")["ticks"][0]["price"], "68340.12");
    log.append(make_tick(bitcoin, start_time() + seconds(1), "68341"));
    EXPECT_TRUE(eventually([&] { return get(*server, "/api/v1/ticks")["ticks"].size() == 2; }));
}

TEST(Server, StartsABoundedNumberOfRecordsBeforeTheEnd) {
    const TempFolder folder;
    DerivedLog log(folder.path() / "derived");
    const Instrument& bitcoin = log.instrument("BTC-USDT");
    for (i64 i = 0; i < 100; ++i) log.append(make_tick(bitcoin, start_time() + seconds(i), "1"));
    ServeOptions options = options_for(folder);
    options.history_records = 10;
    const auto server = start(options);
    EXPECT_TRUE(eventually([&] { return get(*server, "/api/v1/ticks")["ticks"].size() == 10; }));
}

TEST(Server, AnswersSqlWithoutHoldingUpTheRest) {
    const TempFolder folder;
    std::promise<void> release;
    const std::shared_future<void> released = release.get_future().share();
    Backend backend = make_backend();
    backend.sql = [released](std::string, i64) -> Result<std::string> {
        released.wait();
        return R"({"rows":[]})";
    };
    const auto server = start(options_for(folder), backend);
    const net::Headers text = {{"Content-Type", "text/plain"}};
    auto slow = std::async(std::launch::async,
                           [&] { return ask(*server, "POST", "/api/v1/sql", "SELECT 1", text); });
    EXPECT_EQ(ask(*server, "GET", "/live").status, 200);
    release.set_value();
    const net::HttpResponse answered = slow.get();
    EXPECT_EQ(answered.status, 200);
    EXPECT_EQ(answered.body, "{\"rows\":[]}\n");
}

TEST(Server, SaysWhatIsWrongWithSql) {
    const TempFolder folder;
    const auto server = start(options_for(folder));
    const net::HttpResponse response =
        ask(*server, "POST", "/api/v1/sql", "DROP TABLE ticks", {{"Content-Type", "text/plain"}});
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.body, "{\"error\":\"only SELECT is allowed\"}\n");
}

TEST(Server, QuestionsThatFailMakeRoomForOthers) {
    const TempFolder folder;
    Backend backend = make_backend();
    backend.sql = [](const std::string& sql, i64) -> Result<std::string> {
        if (sql == "SELECT 1") return std::string("{}");
        throw std::bad_alloc();
    };
    const auto server = start(options_for(folder), backend);
    const net::Headers text = {{"Content-Type", "text/plain"}};
    for (int i = 0; i < 20; ++i)
        EXPECT_EQ(ask(*server, "POST", "/api/v1/sql", "SELECT 2", text).status, 500);
    EXPECT_EQ(ask(*server, "POST", "/api/v1/sql", "SELECT 1", text).status, 200);
}

TEST(Server, RefusesOversizedAndMalformedRequests) {
    const TempFolder folder;
    const auto server = start(options_for(folder));
    const net::HttpResponse large = ask(*server, "POST", "/api/v1/sql", std::string(300'000, 'x'),
                                        {{"Content-Type", "text/plain"}});
    EXPECT_EQ(large.status, 413);
    EXPECT_TRUE(talk(*server, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
    EXPECT_TRUE(
        talk(*server, "GET / HTTP/1.1\r\nConnection: close\r\nX: " + std::string(100'000, 'x'))
            .starts_with("HTTP/1.1 431 "));
    EXPECT_TRUE(talk(*server, "GET / HTTP/1.1\r\nConnection: close\r\nHost: evil.example\r\n\r\n")
                    .starts_with("HTTP/1.1 403 "));
    EXPECT_EQ(ask(*server, "GET", "/live").status, 200) << "and goes on";
}

TEST(Server, CountsRequestsByRouteAndStatus) {
    const TempFolder folder;
    const auto server = start(options_for(folder));
    ask(*server, "GET", "/no/such/path");
    const std::string metrics = ask(*server, "GET", "/metrics").body;
    EXPECT_NE(metrics.find("tape_serve_requests_total{route=\"other\",status=\"404\"}"),
              std::string::npos)
        << metrics;
}

TEST(Server, ABusyPortIsNamed) {
    const TempFolder folder;
    const auto server = start(options_for(folder));
    ServeOptions options = options_for(folder);
    options.listen = fmt::format("127.0.0.1:{}", server->port());
    const auto second = DashboardServer::start(options, make_backend());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().domain, Domain::external);
    EXPECT_NE(second.error().what.find(options.listen), std::string::npos) << second.error().what;
}

TEST(Server, RefusesAnAddressThatOthersReach) {
    ServeOptions options;
    options.listen = "0.0.0.0:0";
    const auto refused = DashboardServer::start(options, make_backend());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().domain, Domain::user);
}

// ---- The live feed ----

using Socket = std::unique_ptr<net::WebSocket>;

const net::ClientOptions client_options;  // Named: gcc 12 destroys temporaries of a co_await twice.

asio::awaitable<json> read_message(net::WebSocket& socket, const char* type) {
    while (true) {
        const net::WebSocket::Message message = co_await socket.read();
        json parsed = json::parse(message.payload);
        if (parsed["type"] == type) co_return parsed;
    }
}

// Subscribes, appends, and gives the first live message that holds ticks.
asio::awaitable<json> watch(net::Url url, std::string subscription, std::function<void()> append) {
    const Socket socket = co_await net::connect_websocket(std::move(url), client_options);
    std::string nonsense = "{\"nonsense\":1}";
    co_await socket->write_text(std::move(nonsense));
    const json complaint = co_await read_message(*socket, "error");
    EXPECT_TRUE(complaint["error"].is_string());
    co_await socket->write_text(std::move(subscription));
    std::string more_nonsense =
        "[";  // Its complaint tells that the subscription before it was taken.
    co_await socket->write_text(std::move(more_nonsense));
    co_await read_message(*socket, "error");
    append();
    json live = co_await read_message(*socket, "live");
    co_return live;
}

TEST(Live, SendsWhatWasSubscribed) {
    const TempFolder folder;
    DerivedLog log(folder.path() / "derived");
    const Instrument& bitcoin = log.instrument("BTC-USDT");
    const Instrument& ether = log.instrument("ETH-USDT");
    const auto server = start(options_for(folder));
    const json live =
        run(watch(url_of(*server, "/ws", "ws"), R"({"venue":"okx","symbol":"BTC-USDT"})", [&] {
            log.append(make_tick(ether, start_time(), "3500"));
            log.append(make_tick(bitcoin, start_time(), "68340.12"));
        }));
    ASSERT_EQ(live["ticks"].size(), 1u);
    EXPECT_EQ(live["ticks"][0]["symbol"], "BTC-USDT");
    EXPECT_EQ(live["ticks"][0]["price"], "68340.12");
    const json all = run(watch(url_of(*server, "/ws", "ws"), R"({"all":true})", [&] {
        log.append(make_tick(ether, start_time() + seconds(1), "3501"));
    }));
    EXPECT_EQ(all["ticks"][0]["symbol"], "ETH-USDT");
}

asio::awaitable<json> first_of(net::Url url, const char* type) {
    const Socket socket = co_await net::connect_websocket(std::move(url), client_options);
    json message = co_await read_message(*socket, type);
    co_return message;
}

TEST(Live, SendsTheStateEachSecondWithTheLatestOfAll) {
    const TempFolder folder;
    DerivedLog log(folder.path() / "derived");
    log.append(make_tick(log.instrument("BTC-USDT"), start_time(), "68340.12"));
    ServeOptions options = options_for(folder);
    options.simulated = true;
    const auto server = start(options);
    ASSERT_TRUE(eventually([&] { return get(*server, "/api/v1/ticks")["ticks"].size() == 1; }));
    const json second = run(first_of(url_of(*server, "/ws", "ws"), "second"));
    EXPECT_EQ(second["simulated"], true);
    EXPECT_EQ(second["status"]["version"], "test");
    ASSERT_EQ(second["latest"].size(), 1u);
    EXPECT_EQ(second["latest"][0]["price"], "68340.12");
}

// Lets `append` add gaps once the feed runs, and gives those of the first second that has any.
asio::awaitable<json> gaps_of(net::Url url, std::function<void()> append) {
    const Socket socket = co_await net::connect_websocket(std::move(url), client_options);
    json second = co_await read_message(*socket, "second");
    EXPECT_TRUE(second["gaps"].empty()) << "what was before comes over HTTP";
    append();
    while (second["gaps"].empty()) second = co_await read_message(*socket, "second");
    co_return second["gaps"];
}

TEST(Live, TellsEveryoneOfGapsAsTheyAreFoundAndRepaired) {
    const TempFolder folder;
    DerivedLog log(folder.path() / "derived");
    Gap gap{.venue = "okx",
            .symbol = "BTC-USDT",
            .channel = "trades",
            .cause = "disconnect",
            .from_ts = start_time(),
            .to_ts = start_time() + seconds(3)};
    log.append(gap);
    const auto server = start(options_for(folder));
    ASSERT_TRUE(eventually([&] { return get(*server, "/api/v1/gaps")["gaps"].size() == 1; }));
    const json gaps = run(gaps_of(url_of(*server, "/ws", "ws"), [&] {
        gap.status = Gap::Status::backfilled;
        log.append(gap);
    }));
    ASSERT_EQ(gaps.size(), 1u);
    EXPECT_EQ(gaps[0]["cause"], "disconnect");
    EXPECT_EQ(gaps[0]["status"], "backfilled");
}

TEST(Server, ReloadsAndBeginsBackfillsOverHttp) {
    const TempFolder folder;
    Backend backend = make_backend();
    backend.reload = []() -> Result<std::string> { return std::string("nothing changed"); };
    backend.backfill = [](const std::string&) -> Result<std::string> {
        return external_error("the exchange bars us");
    };
    const auto server = start(options_for(folder), backend);
    const net::HttpResponse reloaded = ask(*server, "POST", "/api/v1/reload");
    EXPECT_EQ(reloaded.status, 200);
    EXPECT_EQ(reloaded.body, "{\"reloaded\":\"nothing changed\"}\n");
    const net::HttpResponse refused =
        ask(*server, "POST", "/api/v1/backfill", "{}", {{"Content-Type", "application/json"}});
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.body, "{\"error\":\"the exchange bars us\"}\n");
}

asio::awaitable<std::string> end_of(net::Url url, std::string first) {
    std::string why;
    try {
        const Socket socket = co_await net::connect_websocket(std::move(url), client_options);
        if (!first.empty()) co_await socket->write_text(std::move(first));
        while (true) co_await socket->read();
    } catch (const std::exception& error) {
        why = error.what();
    }
    co_return why;
}

TEST(Live, AWrongPathOrTooLongAMessageEndsTheSocket) {
    const TempFolder folder;
    const auto server = start(options_for(folder));
    EXPECT_NE(run(end_of(url_of(*server, "/elsewhere", "ws"), "")).find("/ws"), std::string::npos);
    EXPECT_NE(run(end_of(url_of(*server, "/ws", "ws"), std::string(100'000, 'x'))), "");
    EXPECT_EQ(ask(*server, "GET", "/live").status, 200);
}

TEST(Live, APageOfAnotherSiteGetsNoFeed) {
    const TempFolder folder;
    const auto server = start(options_for(folder));
    const std::string got = talk(*server,
                                 "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: "
                                 "https://evil.example\r\nUpgrade: websocket\r\n"
                                 "Connection: Upgrade\r\nSec-WebSocket-Version: "
                                 "13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n");
    EXPECT_EQ(got.find("\"type\""), std::string::npos) << got;
    EXPECT_NE(got.find("another site"), std::string::npos) << got;
}

TEST(Live, ABrowserThatReadsNothingLosesFramesAndHoldsUpNobody) {
    const TempFolder folder;
    DerivedLog log(folder.path() / "derived");
    ServeOptions options = options_for(folder);
    options.live_interval = millis(1);
    options.stalled_after = seconds(2);
    const auto server = start(options);
    asio::io_context io;
    asio::ip::tcp::socket socket(io);
    socket.open(asio::ip::tcp::v4());
    socket.set_option(asio::socket_base::receive_buffer_size(4'096));
    socket.connect({asio::ip::address_v4::loopback(), server->port()});
    asio::write(
        socket,
        asio::buffer(fmt::format(
            "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")));
    std::string reply;
    asio::read_until(socket, asio::dynamic_buffer(reply), "\r\n\r\n");
    // {"all":true}, masked with zeros. It is the last that this browser does.
    asio::write(socket, asio::buffer(std::string("\x81\x8c\0\0\0\0", 6) + "{\"all\":true}"));
    const Gauge clients = gauge("tape_serve_clients");
    ASSERT_TRUE(eventually([&] { return clients.value() == 1; }));
    const Counter dropped = counter("tape_serve_dropped_total");
    const i64 dropped_before = dropped.value();
    // Each round changes hundreds of prices, until the socket's buffers are full and the server
    // cuts it.
    i64 round = 0;
    EXPECT_TRUE(eventually([&] {
        ++round;
        for (int name = 0; name < 300; ++name)
            log.append(make_tick(log.instrument(fmt::format("X{}-USDT", name)),
                                 start_time() + millis(round), "1"));
        return clients.value() == 0;
    }));
    EXPECT_GT(dropped.value(), dropped_before);
    EXPECT_EQ(ask(*server, "GET", "/live").status, 200);
}

}  // namespace
}  // namespace tape::serve
