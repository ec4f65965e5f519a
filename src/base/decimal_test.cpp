#include "base/decimal.h"

#include <gtest/gtest.h>

#include <random>

namespace tape {
namespace {

std::string round_trip(std::string_view text) {
    const auto value = Decimal::parse(text);
    return value ? value->to_string() : value.error().what;
}

TEST(Decimal, KeepsEveryDigit) {
    EXPECT_EQ(round_trip("68340.12"), "68340.12");
    EXPECT_EQ(round_trip("0.000000000000000001"), "0.000000000000000001");
    EXPECT_EQ(round_trip("123456789012345678"), "123456789012345678");
    EXPECT_EQ(round_trip("68340.123456789012345678"), "68340.123456789012345678");
    EXPECT_EQ(round_trip("99999999999999999999.999999999999999999"),
              "99999999999999999999.999999999999999999");
    EXPECT_EQ(round_trip("-0.5"), "-0.5");
}

TEST(Decimal, DropsTrailingNoise) {
    EXPECT_EQ(round_trip("1.50000000"), "1.5");
    EXPECT_EQ(round_trip("100"), "100");
    EXPECT_EQ(round_trip("0.00"), "0");
    EXPECT_EQ(round_trip("-0"), "0");
    EXPECT_EQ(round_trip("0.5000000000000000000000000000000000000000000000"), "0.5");
    EXPECT_EQ(round_trip("00000000000000000000000000000000000000000000001.5"), "1.5");
}

TEST(Decimal, ReadsScientificNotation) {
    EXPECT_EQ(round_trip("1e-8"), "0.00000001");
    EXPECT_EQ(round_trip("2.5E+3"), "2500");
    EXPECT_EQ(round_trip("1.2345e2"), "123.45");
    EXPECT_EQ(round_trip("0e999999999999999999999"), "0");
    EXPECT_EQ(round_trip("1e19"), "10000000000000000000");
    EXPECT_EQ(round_trip("0.0000000000000000000001e5"), "0.00000000000000001");
    EXPECT_EQ(round_trip("120000000000000000000000000e-20"), "1200000");
}

TEST(Decimal, NamesWhatDoesNotFit) {
    EXPECT_NE(round_trip("100000000000000000000").find("more than 20 digits"), std::string::npos);
    EXPECT_NE(round_trip("1e20").find("more than 20 digits"), std::string::npos);
    EXPECT_NE(round_trip("1e999999999999999999999").find("more than 20 digits"), std::string::npos);
    EXPECT_NE(round_trip("0.0000000000000000001").find("beyond the 18th"), std::string::npos);
    EXPECT_NE(round_trip("1e-19").find("beyond the 18th"), std::string::npos);
}

TEST(Decimal, RefusesWhatIsNoNumber) {
    for (const char* text : {"", "-", ".", "5.", ".5", "NaN", "Infinity", "1,5", " 1", "1 ", "0x10",
                             "1e", "1e+", "1e+-5", "--1", "+1", "1.2.3", "1e5.0", "e5"})
        EXPECT_FALSE(Decimal::parse(text)) << text;
    EXPECT_NE(Decimal::parse("NaN").error().what.find("'NaN'"), std::string::npos);
}

TEST(Decimal, TextAndBackForRandomValues) {
    std::mt19937_64 random(7);
    for (int i = 0; i < 20'000; ++i) {
        auto units = static_cast<u128>(random()) << 64 | random();
        units %= pow10(static_cast<int>(random() % 39));
        const Decimal value{random() % 2 ? static_cast<i128>(units) : -static_cast<i128>(units)};
        const auto back = Decimal::parse(value.to_string());
        ASSERT_TRUE(back) << value.to_string();
        ASSERT_EQ(back->units == value.units, true) << value.to_string();
    }
}

}  // namespace
}  // namespace tape
