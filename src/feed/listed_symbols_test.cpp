#include <gtest/gtest.h>

#include "base/log.h"
#include "feed/test_venue.h"

namespace tape::feed {
namespace {

Result<std::vector<std::string>> listed(const TestServer& server) {
    return listed_symbols(quick_options("", server.port()).sources[0], "Q", seconds(10));
}

// Whatever else is listed there: 币安人生USDT is one of Binance's.
TEST(ListedSymbols, AreThoseOfTheQuoteThatTradeAndCanBeAskedFor) {
    TestServer server({.list = R"({"listed":"B-Q","trading":1},{"listed":"C-Q","trading":0},)"
                               R"({"listed":"A-Q","trading":1},{"listed":"D-R","trading":1},)"
                               R"({"listed":"币-Q","trading":1})"});
    set_log_level(LogLevel::off);
    const auto symbols = listed(server);
    ASSERT_TRUE(symbols) << symbols.error().what;
    EXPECT_EQ(*symbols, (std::vector<std::string>{"A-Q", "B-Q"}));
}

TEST(ListedSymbols, AreAnErrorWhereThereAreNone) {
    TestServer server({.list = R"({"listed":"D-R","trading":1})"});
    const auto none = listed(server);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().what, "test lists nothing that trades in 'Q'");

    server.set({.rest_status = 503});
    const auto failed = listed(server);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().domain, Domain::external);

    server.set({.list = R"({"refused":"too busy"})"});
    const auto refused = listed(server);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().domain, Domain::external) << refused.error().what;
    EXPECT_NE(refused.error().what.find("too busy"), std::string::npos);
}

}  // namespace
}  // namespace tape::feed
