#include <fstream>
#include <set>

#include "sim/faulty_test.h"

namespace tape::sim {
namespace {

TEST(FaultScript, ReadsWhatIsWritten) {
    const FaultScript script = script_of(R"(
seed = 7
[[fault]]
kind = "drop_ids"
venue = "okx"
symbol = "BTC-USDT"
from_id = 10
to_id = 20
[[fault]]
kind = "delay"
venue = "coinbase"
at = "2026-01-01T00:00:00Z"
for = "2s"
by = "300ms"
probability = 0.5
)");
    EXPECT_EQ(script.seed, 7U);
    ASSERT_EQ(script.faults.size(), 2U);
    EXPECT_EQ(to_string(script.faults[0].kind), "drop_ids");
    EXPECT_EQ(script.faults[0].to_id, 20);
    EXPECT_TRUE(script.faults[1].at_is_moment);
    EXPECT_EQ(script.faults[1].lasts, seconds(2));
    EXPECT_EQ(script.faults[1].by, millis(300));
}

TEST(FaultScript, NamesEveryMistakeWithItsPlace) {
    const auto script = parse_fault_script(R"(sede = 1
[[fault]]
kind = "explode"
venue = "okx"
[[fault]]
kind = "close"
venue = "mtgox"
at = "soon"
probability = 1
[[fault]]
kind = "delay"
venue = "okx"
)",
                                           simulated_venues());
    ASSERT_FALSE(script);
    const std::vector<std::string>& problems = script.error();
    ASSERT_EQ(problems.size(), 6U);
    EXPECT_NE(problems[0].find("1:1: unknown key 'sede'"), std::string::npos);
    EXPECT_NE(problems[1].find("3:8: unknown kind 'explode'; there are drop_ids,"),
              std::string::npos);
    EXPECT_NE(problems[2].find("7:9: unknown venue 'mtgox'"), std::string::npos);
    EXPECT_NE(problems[3].find("8:6: at = 'soon'"), std::string::npos);
    EXPECT_NE(problems[4].find("9:1: 'close' takes no 'probability'"), std::string::npos);
    EXPECT_NE(problems[5].find("'delay' lacks 'by'"), std::string::npos);
    EXPECT_NE(parse_fault_script("seed = ", simulated_venues()).error().front().find("1:"),
              std::string::npos);
}

// Each example of the reference page is a script that can be read, and each kind has one.
TEST(FaultScript, TheReferencePageIsTrue) {
    std::ifstream file("docs/reference/faults.md");
    ASSERT_TRUE(file) << "run from the project's root";
    const std::string page(std::istreambuf_iterator<char>(file), {});
    std::set<FaultKind> shown;
    constexpr std::string_view begin = "```toml\n", end = "```\n";
    for (std::size_t at = 0; (at = page.find(begin, at)) != std::string::npos;) {
        at += begin.size();
        const std::size_t stop = page.find(end, at);
        for (const Fault& fault : script_of(page.substr(at, stop - at)).faults)
            shown.insert(fault.kind);
        at = stop;
    }
    for (int kind = 0; kind <= static_cast<int>(FaultKind::server_error); ++kind)
        EXPECT_TRUE(shown.contains(static_cast<FaultKind>(kind)))
            << to_string(static_cast<FaultKind>(kind));
}

}  // namespace
}  // namespace tape::sim
