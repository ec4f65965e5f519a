#include "sim/ledger.h"

#include <filesystem>
#include <fstream>

#include "sim/faulty_test.h"
#include "sim/limits.h"

namespace tape::sim {
namespace {

using nlohmann::json;

std::vector<json> lines_of(const std::string& path) {
    std::vector<json> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(json::parse(line));
    return lines;
}

struct LedgerTest : ::testing::Test {
    std::string path = (std::filesystem::temp_directory_path() /
                        ("tape-ledger-" + std::to_string(getpid()) + ".jsonl"))
                           .string();
    LedgerTest() { std::filesystem::remove(path); }
    ~LedgerTest() override { std::filesystem::remove(path); }
    std::unique_ptr<Ledger> open(Nanos now) {
        auto ledger = Ledger::open(path, now);
        EXPECT_TRUE(ledger);
        return std::move(*ledger);
    }
};

TEST_F(LedgerTest, TellsEachTradeOnceAndGoesOnAfterAKill) {
    Faulty okx(R"([[fault]]
kind = "drop_ids"
venue = "okx"
symbol = "BTC-USDT"
at = "11s"
count = 4
[[fault]]
kind = "drop_ids_everywhere"
venue = "okx"
symbol = "BTC-USDT"
at = "12s"
count = 3)");
    auto ledger = open(test_start);
    ledger->follow("okx", okx.markets, okx.faults);
    okx.subscribe("BTC-USDT");
    EXPECT_TRUE(ledger->advance(okx.now));
    ledger.reset();
    std::ofstream(path, std::ios::app) << R"({"venue":"okx","symbol":"BTC)";  // A torn line.
    ledger = open(test_start + seconds(9));
    EXPECT_EQ(ledger->start(), test_start);
    ledger->follow("okx", okx.markets, okx.faults);
    EXPECT_TRUE(ledger->advance(okx.now + seconds(3)));
    ledger.reset();

    const TradeSequence& trades = *okx.market().find("BTC-USDT");
    i64 next = 0, off_socket = 0, off_rest = 0, told = 0;
    for (const json& line : lines_of(path)) {
        told += line.contains("fault");
        if (!line.contains("id")) continue;
        const i64 id = line.at("id");
        if (next != 0) {
            EXPECT_EQ(id, next);
        }
        next = id + 1;
        off_socket += !line.at("socket").get<bool>();
        off_rest += !line.at("rest").get<bool>();
        EXPECT_EQ(line.at("ts_ns"), trades.time(id).count);
        EXPECT_EQ(line.at("symbol"), "BTC-USDT");
    }
    EXPECT_EQ(next - 1, trades.last_at(okx.now + seconds(3)));
    EXPECT_EQ(off_socket, 7);
    EXPECT_EQ(off_rest, 3);
    EXPECT_EQ(told, 2);
}

TEST_F(LedgerTest, RefusesAFileThatIsNone) {
    std::ofstream(path) << "something else\n";
    EXPECT_FALSE(Ledger::open(path, test_start));
}

TEST(Limits, RefuseWhatIsTooMuchUntilItEases) {
    Limits limits("okx");
    const net::Request request{.method = "GET", .path = "/api/v5/market/history-trades"};
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(limits.on_request(request, test_start));
    const auto violation = limits.on_request(request, test_start + seconds(1));
    ASSERT_TRUE(violation);
    EXPECT_EQ(violation->limit, "20 in 2s");
    EXPECT_EQ(violation->retry_after_s, 1);
    EXPECT_FALSE(limits.on_request(request, test_start + seconds(2)));
}

TEST(Limits, CountTheWeightsOfRequests) {
    Limits limits("binance");
    const net::Request all{.method = "GET", .path = "/api/v3/ticker/24hr"};
    for (int i = 0; i < 75; ++i) EXPECT_FALSE(limits.on_request(all, test_start));
    EXPECT_TRUE(limits.on_request(all, test_start));
    net::Response response;
    limits.describe(response);
    EXPECT_EQ(response.headers.at(0).second, "6000");
}

}  // namespace
}  // namespace tape::sim
