// Requests against rows in memory, without a socket.
#include "serve/api.h"

#include <algorithm>

#include "serve/assets.h"
#include "serve/guard.h"
#include "serve/gzip.h"
#include "serve/test_support.h"

namespace tape::serve {
namespace {

using namespace test;
using nlohmann::json;

class Api : public testing::Test {
 protected:
    Api() {
        const Instrument& bitcoin = recent.instruments().list("okx", "BTC-USDT", "BTC-USDT");
        const Instrument& ether = recent.instruments().list("coinbase", "ETH-USD", "ETH-USD");
        recent.add(make_tick(bitcoin, start_time(), "68340.12"));
        recent.add(
            make_tick(bitcoin, start_time() + Nanos{1'500'000'001}, "68340.123456789012345678"));
        recent.add(make_tick(ether, start_time() + seconds(1), "3500"));
        recent.add(make_window(bitcoin, "avg_30s", start_time(), "68340.121728394506172839"));
        recent.add(make_window(bitcoin, "roll_1m", start_time() + seconds(1), "68340.13"));
        recent.add(Gap{.venue = "okx",
                       .cause = "closed",
                       .from_ts = start_time(),
                       .to_ts = start_time() + seconds(2)});
    }

    net::Request request(std::string method, std::string target) {
        net::Request made;
        made.method = std::move(method);
        made.path = target.substr(0, target.find('?'));
        if (made.path.size() < target.size()) made.query = target.substr(made.path.size() + 1);
        made.headers = {{"Host", "127.0.0.1:8080"}};
        return made;
    }
    net::Response ask(const net::Request& asked) {
        Answer given = answer(asked, recent, backend);
        finish(given.response, asked);
        return given.response;
    }
    net::Response do_work(const net::Request& asked) {
        const Answer given = answer(asked, recent, backend);
        EXPECT_TRUE(given.work) << given.response.body;
        return given.work ? given.work() : net::Response{};
    }
    json get(std::string target) {
        const net::Response response = ask(request("GET", std::move(target)));
        EXPECT_EQ(response.status, 200) << response.body;
        return json::parse(response.body);
    }
    void expect_error(const net::Request& asked, int status, std::string_view part) {
        const net::Response response = ask(asked);
        EXPECT_EQ(response.status, status) << response.body;
        EXPECT_EQ(response.content_type, "application/json");
        const std::string what = json::parse(response.body).value("error", "");
        EXPECT_NE(what.find(part), std::string::npos) << what;
    }

    Recent recent{{}};
    Backend backend = make_backend();
};

std::string header(const net::Response& response, std::string_view name) {
    const auto at =
        std::ranges::find(response.headers, name, &std::pair<std::string, std::string>::first);
    return at == response.headers.end() ? "" : at->second;
}

TEST_F(Api, ShowsTicksExactly) {
    const json ticks = get("/api/v1/ticks?venue=okx&symbol=BTC-USDT")["ticks"];
    ASSERT_EQ(ticks.size(), 2u);
    EXPECT_EQ(ticks[1]["price"], "68340.123456789012345678");
    EXPECT_EQ(ticks[1]["ts_event"], "2026-11-20T10:00:01.500000001Z");
    EXPECT_EQ(ticks[1]["side"], "buy");
    EXPECT_EQ(ticks[1]["bid"], nullptr);
    EXPECT_EQ(ticks[1]["kind"], "trade");
}

TEST_F(Api, GivesTheNewestTicksOfAllInTheOrderOfTime) {
    const json ticks = get("/api/v1/ticks?limit=2")["ticks"];
    ASSERT_EQ(ticks.size(), 2u);
    EXPECT_EQ(ticks[0]["symbol"], "ETH-USD");
    EXPECT_EQ(ticks[1]["symbol"], "BTC-USDT");
}

TEST_F(Api, GivesTicksSinceATimeAndOfEachSecondAndByColumn) {
    EXPECT_EQ(get("/api/v1/ticks?symbol=BTC-USDT&since=2026-11-20T10%3A00%3A01Z")["ticks"].size(),
              1u);
    const json seconds_only =
        get("/api/v1/ticks?symbol=BTC-USDT&step=1s&columns=ts_event,price")["ticks"];
    ASSERT_EQ(seconds_only.size(), 2u);
    EXPECT_EQ(seconds_only[0].dump(), R"({"price":"68340.12","ts_event":"2026-11-20T10:00:00Z"})");
}

TEST_F(Api, ShowsWindowsExactly) {
    const json windows = get("/api/v1/windows?window=avg_30s&venue=okx&symbol=BTC-USDT")["windows"];
    ASSERT_EQ(windows.size(), 1u);
    EXPECT_EQ(windows[0]["mean"], "68340.121728394506172839");
    EXPECT_EQ(windows[0]["window_end"], "2026-11-20T10:00:30Z");
    EXPECT_EQ(windows[0]["tick_count"], 7);
    EXPECT_EQ(windows[0]["complete"], true);
    EXPECT_EQ(windows[0]["vwap"], nullptr);
    EXPECT_EQ(get("/api/v1/windows")["windows"].size(), 2u);
}

TEST_F(Api, ListsSymbolsAndGaps) {
    const json symbols = get("/api/v1/symbols")["symbols"];
    ASSERT_EQ(symbols.size(), 2u);
    EXPECT_EQ(symbols[0]["venue"], "coinbase");
    EXPECT_EQ(symbols[1]["latest"]["price"], "68340.123456789012345678");
    EXPECT_EQ(symbols[1]["earliest"]["price"], "68340.12");
    EXPECT_EQ(symbols[1]["windows"].dump(), R"(["avg_30s","roll_1m"])");
    const json gaps = get("/api/v1/gaps?venue=okx&symbol=BTC-USDT")["gaps"];
    ASSERT_EQ(gaps.size(), 1u) << "a gap without a symbol concerns all of its venue";
    EXPECT_EQ(gaps[0]["to_ts"], "2026-11-20T10:00:02Z");
    EXPECT_EQ(gaps[0]["symbol"], nullptr);
    EXPECT_TRUE(get("/api/v1/gaps?venue=coinbase")["gaps"].empty());
}

TEST_F(Api, ShowsTheLastStateOfEachGap) {
    Gap gap{.venue = "okx",
            .symbol = "BTC-USDT",
            .channel = "trades",
            .cause = "id_gap",
            .from_ts = start_time() + seconds(5),
            .to_ts = start_time() + seconds(6),
            .from_id = 7,
            .to_id = 9,
            .missing = 3};
    recent.add(gap);
    EXPECT_EQ(get("/api/v1/gaps?status=open&symbol=BTC-USDT")["gaps"].size(), 2u);
    gap.status = Gap::Status::backfilled;
    gap.missing = 0;
    gap.repaired_ts = start_time() + seconds(8);
    recent.add(gap);
    const json gaps = get("/api/v1/gaps?status=backfilled")["gaps"];
    ASSERT_EQ(gaps.size(), 1u);
    EXPECT_EQ(gaps[0]["from_id"], 7);
    EXPECT_EQ(gaps[0]["missing"], 0);
    EXPECT_EQ(gaps[0]["repaired_ts"], "2026-11-20T10:00:08Z");
    EXPECT_EQ(get("/api/v1/gaps?status=open")["gaps"].size(), 1u);
    EXPECT_TRUE(get("/api/v1/gaps?status=unrecoverable")["gaps"].empty());
    expect_error(request("GET", "/api/v1/gaps?status=closed"), 400, "status = 'closed'");
}

TEST_F(Api, NamesTheWrongParameterAndItsValue) {
    expect_error(request("GET", "/api/v1/ticks?limit=0"), 400, "limit = '0'");
    expect_error(request("GET", "/api/v1/ticks?limit=12x"), 400, "limit = '12x'");
    expect_error(request("GET", "/api/v1/ticks?limit=99999"), 400, "limit = '99999'");
    expect_error(request("GET", "/api/v1/ticks?since=yesterday"), 400, "since = 'yesterday'");
    expect_error(request("GET", "/api/v1/ticks?step=5s"), 400, "step = '5s'");
    expect_error(request("GET", "/api/v1/ticks?columns=price,colour"), 400, "no column 'colour'");
    expect_error(request("GET", "/api/v1/ticks?venue=mtgox"), 400, "venue = 'mtgox'");
    expect_error(request("GET", "/api/v1/windows?symbol=DOGE-USDT"), 400, "symbol = 'DOGE-USDT'");
    expect_error(request("GET", "/api/v1/windows?window=avg_9s"), 400, "window = 'avg_9s'");
    expect_error(request("GET", "/api/v1/ticks?venu=okx"), 400, "no parameter 'venu'");
    expect_error(request("GET", "/api/v1/ticks?venue=%ff%22"), 400, "venue = '?\"'");
}

TEST_F(Api, UnknownPathsAndMethodsAreRefused) {
    expect_error(request("GET", "/api/v1/nothing"), 404, "/api/v1/nothing");
    expect_error(request("GET", "/../etc/passwd"), 404, "/../etc/passwd");
    expect_error(request("DELETE", "/api/v1/ticks"), 405, "DELETE");
    expect_error(request("POST", "/"), 405, "POST /");
    EXPECT_EQ(header(ask(request("GET", "/api/v1/sql")), "Allow"), "POST");
}

TEST_F(Api, ReadsAQuestionInSqlAsJsonOrText) {
    net::Request asked = request("POST", "/api/v1/sql");
    asked.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
    asked.body = R"({"sql":"SELECT 1","limit":5})";
    backend.sql = [](const std::string& sql, i64 limit) -> Result<std::string> {
        return fmt::format("{} {}", sql, limit);
    };
    EXPECT_EQ(do_work(asked).body, "SELECT 1 5\n");
    asked.headers.back().second = "text/plain";
    asked.body = "SELECT 2";
    EXPECT_EQ(do_work(asked).body, "SELECT 2 10000\n");
}

TEST_F(Api, RefusesQuestionsThatAreNone) {
    net::Request asked = request("POST", "/api/v1/sql");
    asked.headers.emplace_back("Content-Type", "application/json");
    for (const char* body : {"", "{", "[]", "{}", R"({"sql":1})"}) {
        asked.body = body;
        expect_error(asked, 400, "\"sql\"");
    }
    asked.body = R"({"sql":"SELECT 1","limit":"many"})";
    expect_error(asked, 400, "limit");
    asked.body = R"({"sql":"SELECT 1","limits":3})";
    expect_error(asked, 400, "no member 'limits'");
    asked.body = R"({"sql":"  "})";
    expect_error(asked, 400, "no statement");
    asked.headers.back().second = "application/x-www-form-urlencoded";
    expect_error(asked, 415, "application/x-www-form-urlencoded");
    backend.sql = {};
    expect_error(asked, 503, "no warehouse");
}

TEST_F(Api, AnErrorOfTheBackendSaysWhoHasToAct) {
    const net::Request asked = request("POST", "/api/v1/reload");
    for (const auto& [error, status] :
         {std::pair(user_error("line 3: no venue 'mtgox'"), 400),
          std::pair(external_error("away"), 503), std::pair(internal_error("broken"), 500)}) {
        backend.reload = [&error]() -> Result<std::string> { return error; };
        const net::Response response = do_work(asked);
        EXPECT_EQ(response.status, status);
        EXPECT_EQ(json::parse(response.body)["error"], error.what);
    }
}

TEST_F(Api, AReloadSaysWhatChanged) {
    backend.reload = []() -> Result<std::string> { return std::string("1 slot \"new\""); };
    net::Request asked = request("POST", "/api/v1/reload");
    const net::Response response = do_work(asked);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(json::parse(response.body)["reloaded"], "1 slot \"new\"");
    asked.body = "{}";
    expect_error(asked, 400, "no body");
    expect_error(request("GET", "/api/v1/reload"), 405, "only POST");
    backend.reload = {};
    expect_error(request("POST", "/api/v1/reload"), 503, "no config");
}

TEST_F(Api, ABackfillIsAcceptedAndGoesOn) {
    std::string got;
    backend.backfill = [&got](const std::string& body) -> Result<std::string> {
        got = body;
        return std::string("2 gaps");
    };
    net::Request asked = request("POST", "/api/v1/backfill");
    asked.headers.emplace_back("Content-Type", "application/json");
    asked.body = R"({"venue":"okx"})";
    const net::Response response = do_work(asked);
    EXPECT_EQ(response.status, 202);
    EXPECT_EQ(json::parse(response.body)["accepted"], "2 gaps");
    EXPECT_EQ(got, asked.body);
    for (const char* body : {"", "[1]", "{"}) {
        asked.body = body;
        expect_error(asked, 400, "no JSON object");
    }
    asked.headers.back().second = "text/plain";
    expect_error(asked, 415, "text/plain");
    backend.backfill = {};
    expect_error(asked, 503, "captures nothing");
}

TEST_F(Api, AForeignHostNameIsRefusedEverywhere) {
    for (const char* target : {"/", "/api/v1/ticks", "/metrics", "/live"}) {
        net::Request asked = request("GET", target);
        for (const char* host : {"evil.example", "evil.example:8080", "127.0.0.1.evil.example",
                                 "localhost.evil.example"}) {
            asked.headers = {{"Host", host}};
            expect_error(asked, 403, "Host");
        }
        asked.headers.clear();
        expect_error(asked, 403, "Host");
    }
    for (const char* host : {"localhost:9000", "LOCALHOST", "127.0.0.1", "[::1]:8080"}) {
        net::Request asked = request("GET", "/live");
        asked.headers = {{"Host", host}};
        EXPECT_EQ(ask(asked).status, 200) << host;
    }
}

TEST_F(Api, APageOfAnotherSiteChangesNothing) {
    backend.reload = []() -> Result<std::string> { return std::string(); };
    backend.backfill = [](const std::string&) -> Result<std::string> { return std::string(); };
    for (const char* target : {"/api/v1/reload", "/api/v1/backfill"}) {
        net::Request asked = request("POST", target);
        asked.headers.emplace_back("Origin", "https://evil.example");
        expect_error(asked, 403, "another site");
    }
}

TEST_F(Api, APageOfAnotherSiteAsksNoSql) {
    net::Request asked = request("POST", "/api/v1/sql");
    asked.headers.emplace_back("Content-Type", "text/plain");
    asked.body = "SELECT 1";
    asked.headers.emplace_back("Origin", "https://evil.example");
    expect_error(asked, 403, "another site");
    for (const char* origin : {"null", "http://127.0.0.1:9999", "http://localhost:8080"}) {
        asked.headers.back().second = origin;
        expect_error(asked, 403, "another site");
    }
    asked.headers.back().second = "http://127.0.0.1:8080";
    EXPECT_TRUE(answer(asked, recent, backend).work);
}

TEST_F(Api, ServesThePageWithStrictHeaders) {
    net::Request asked = request("GET", "/");
    const net::Response page = ask(asked);
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
    EXPECT_NE(page.body.find("<!doctype html>"), std::string::npos);
    const std::string policy = header(page, "Content-Security-Policy");
    EXPECT_TRUE(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"))
        << policy;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_EQ(header(page, "X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(header(page, "Referrer-Policy"), "no-referrer");
    EXPECT_EQ(header(page, "Cache-Control"), "no-cache");
    asked.headers.emplace_back("If-None-Match", header(page, "ETag"));
    EXPECT_EQ(ask(asked).status, 304);
    EXPECT_EQ(header(ask(request("GET", "/api/v1/ticks")), "Cache-Control"), "no-store");
}

TEST_F(Api, ThePageIsSmallAndItsFilesNeverChange) {
    std::size_t packed_bytes = 0;
    for (const Asset& asset : assets()) {
        packed_bytes += asset.packed.size();
        net::Request asked = request("GET", std::string(asset.path));
        asked.headers.emplace_back("Accept-Encoding", "gzip, br");
        const net::Response response = ask(asked);
        EXPECT_EQ(header(response, "Content-Encoding"), "gzip");
        EXPECT_EQ(response.body, asset.packed);
        EXPECT_EQ(gunzip(response.body), ask(request("GET", std::string(asset.path))).body);
        if (asset.path.starts_with("/assets/")) {
            EXPECT_NE(header(response, "Cache-Control").find("immutable"), std::string::npos);
        }
    }
    EXPECT_GE(assets().size(), 4u) << "the page, its script, its style, its icon";
    EXPECT_LE(packed_bytes, 150u << 10);
}

TEST_F(Api, CompressesWhatIsWorthIt) {
    const Instrument& bitcoin = recent.instruments().intern("okx", "BTC-USDT");
    for (i64 i = 2; i < 100; ++i)
        recent.add(make_tick(bitcoin, start_time() + seconds(i), "68340.12"));
    net::Request asked = request("GET", "/api/v1/ticks");
    const std::string plain = ask(asked).body;
    asked.headers.emplace_back("Accept-Encoding", "gzip");
    const net::Response packed = ask(asked);
    EXPECT_LT(packed.body.size(), plain.size() / 5);
    EXPECT_EQ(gunzip(packed.body), plain);
}

TEST_F(Api, ReadinessComesFromTheBackend) {
    EXPECT_EQ(get("/ready")["ready"], true);
    backend.ready = [] { return std::pair(false, std::string("the disk is full")); };
    const net::Response response = ask(request("GET", "/ready"));
    EXPECT_EQ(response.status, 503);
    EXPECT_EQ(json::parse(response.body)["reason"], "the disk is full");
    EXPECT_EQ(get("/live")["live"], true);
    EXPECT_EQ(get("/api/v1/status")["version"], "test");
}

TEST(Guard, ListensOnThisMachineAlone) {
    EXPECT_EQ(parse_listen("127.0.0.1:8080")->port, 8080);
    EXPECT_EQ(parse_listen("localhost:1")->address, "127.0.0.1");
    EXPECT_EQ(parse_listen("[::1]:0")->address, "::1");
    for (const char* open : {"0.0.0.0:8080", "192.168.1.5:80", "[::]:80", "example.com:80"}) {
        const auto refused = parse_listen(open);
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().what.find(open), std::string::npos) << refused.error().what;
        EXPECT_NE(refused.error().what.find("other machines"), std::string::npos);
    }
    for (const char* wrong :
         {"", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:http", ":80"})
        EXPECT_FALSE(parse_listen(wrong)) << wrong;
}

}  // namespace
}  // namespace tape::serve
