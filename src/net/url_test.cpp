#include <gtest/gtest.h>

#include <cstdlib>

#include "net/net.h"
#include "net/proxy.h"

namespace tape::net {
namespace {

TEST(Url, SplitsWhatToConnectTo) {
    const auto okx = parse_url("wss://ws.okx.com:8443/ws/v5/public");
    ASSERT_TRUE(okx);
    EXPECT_EQ(okx->host, "ws.okx.com");
    EXPECT_EQ(okx->port, 8443);
    EXPECT_EQ(okx->target, "/ws/v5/public");
    EXPECT_TRUE(okx->tls());
    const auto plain = parse_url("HTTP://localhost?x=1");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->port, 80);
    EXPECT_EQ(plain->target, "/?x=1");
    EXPECT_FALSE(plain->tls());
    const auto six = parse_url("https://[::1]:8443");
    ASSERT_TRUE(six);
    EXPECT_EQ(six->host, "::1");
    EXPECT_EQ(six->port, 8443);
    EXPECT_EQ(six->target, "/");
    EXPECT_EQ(parse_url("https://[::1]")->port, 443);
    EXPECT_EQ(parse_url("ws://a")->port, 80);
}

TEST(Url, RefusesTheRestByName) {
    for (const char* text : {"", "localhost", "ftp://a/", "http://", "http:///x", "http://a:",
                             "http://a:0", "http://a:65536", "http://a:8x", "http://user@a/",
                             "http://[::1", "http://[::1]8", "http://a/#top", "http://a/b c"}) {
        const auto url = parse_url(text);
        ASSERT_FALSE(url) << text;
        EXPECT_NE(url.error().what.find(text), std::string::npos);
    }
}

TEST(Request, FindsHeadersWhateverTheirCase) {
    Request request;
    request.headers = {{"X-Token", "a"}, {"x-token", "b"}};
    EXPECT_EQ(request.header("X-TOKEN"), "a");
    EXPECT_EQ(request.header("X-Toke"), std::nullopt);
    HttpResponse response;
    response.headers = {{"Retry-After", "7"}};
    EXPECT_EQ(response.header("retry-after"), "7");
}

TEST(Request, DecodesParameters) {
    Request request;
    request.query = "symbol=BTC%2DUSDT&q=a+b%26&empty=&bare&odd=%zz%4&b%61r=2&symbol=second";
    EXPECT_EQ(request.parameter("symbol"), "BTC-USDT");
    EXPECT_EQ(request.parameter("q"), "a b&");
    EXPECT_EQ(request.parameter("empty"), "");
    EXPECT_EQ(request.parameter("bare"), "");
    EXPECT_EQ(request.parameter("odd"), "%zz%4");
    EXPECT_EQ(request.parameter("bar"), "2");
    EXPECT_EQ(request.parameter("ba"), std::nullopt);
}

TEST(Proxy, ReadsTheEnvironmentsForm) {
    const auto full = parse_proxy("http://user:pass@proxy.example:3128/");
    ASSERT_TRUE(full);
    EXPECT_EQ(full->host, "proxy.example");
    EXPECT_EQ(full->port, 3128);
    EXPECT_EQ(full->authorization, "Basic dXNlcjpwYXNz");
    EXPECT_EQ(parse_proxy("proxy:8080")->port, 8080);
    EXPECT_FALSE(parse_proxy("socks5://proxy:1080"));
    EXPECT_FALSE(parse_proxy("http://:1"));
}

TEST(Proxy, ExemptsHostsAndTheirSubdomains) {
    EXPECT_TRUE(exempted("a.com, .example.org ", "ws.example.org"));
    EXPECT_TRUE(exempted("example.org", "example.org"));
    EXPECT_TRUE(exempted("*", "anything"));
    EXPECT_FALSE(exempted("example.org", "notexample.org"));
    EXPECT_FALSE(exempted("", "a"));
    EXPECT_FALSE(exempted(" , ", "a"));
}

TEST(Proxy, IsNeverUsedForThisMachine) {
    ASSERT_EQ(setenv("HTTPS_PROXY", "http://proxy.example:3128", 1), 0);
    ASSERT_EQ(setenv("NO_PROXY", "internal", 1), 0);
    const auto via = [](const char* text) { return proxy_for(*parse_url(text))->has_value(); };
    EXPECT_TRUE(via("wss://ws.okx.com:8443/"));
    EXPECT_FALSE(via("wss://ws.internal/"));
    EXPECT_FALSE(via("wss://127.0.0.1:1/"));
    EXPECT_FALSE(via("https://localhost/"));
    unsetenv("HTTPS_PROXY");
    EXPECT_FALSE(via("wss://ws.okx.com:8443/"));
    unsetenv("NO_PROXY");
}

}  // namespace
}  // namespace tape::net
