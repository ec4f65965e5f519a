#include "ops/natural.h"

#include <gtest/gtest.h>

#include <boost/multiprecision/cpp_int.hpp>
#include <random>

#include "base/decimal.h"

namespace tape::ops {
namespace {

using boost::multiprecision::cpp_int;

struct Both {
    Natural ours;
    cpp_int theirs;
};

// Of at most `words` words; often with words of zeros and of ones, where carries and estimated
// digits go wrong.
Both random_value(std::mt19937_64& random, int words) {
    Both value;
    const int count = static_cast<int>(random() % static_cast<u64>(words + 1));
    for (int i = 0; i < count; ++i) {
        const u64 kind = random() % 4;
        const u64 word = kind == 0 ? 0 : kind == 1 ? ~u64{0} : kind == 2 ? u64{1} << 63 : random();
        value.ours = (value.ours << 64) + Natural(word);
        value.theirs = (value.theirs << 64) + word;
    }
    return value;
}

cpp_int to_theirs(Natural value) {
    cpp_int made = 0;
    for (int i = Natural::max_words - 1; i >= 0; --i) {
        const Natural word = value >> (64 * i);
        made = (made << 64) + static_cast<u64>(*word.to_i128());
        value = value - (word << (64 * i));
    }
    return made;
}

TEST(Natural, AgreesWithBoost) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 20'000; ++round) {
        const Both a = random_value(random, 6), b = random_value(random, 4);
        EXPECT_EQ(to_theirs(a.ours), a.theirs);
        EXPECT_EQ(a.ours.bits(), a.theirs == 0 ? 0 : static_cast<int>(msb(a.theirs)) + 1);
        EXPECT_EQ(a.ours < b.ours, a.theirs < b.theirs);
        EXPECT_EQ(to_theirs(a.ours + b.ours), a.theirs + b.theirs);
        if (!(a.ours < b.ours)) {
            EXPECT_EQ(to_theirs(a.ours - b.ours), a.theirs - b.theirs);
        }
        const Both c = random_value(random, 3);
        EXPECT_EQ(to_theirs(b.ours * c.ours), b.theirs * c.theirs);
        if (b.ours.zero()) continue;
        const Natural::Division division = a.ours.divide(b.ours);
        EXPECT_EQ(to_theirs(division.quotient), a.theirs / b.theirs);
        EXPECT_EQ(to_theirs(division.remainder), a.theirs % b.theirs);
    }
}

TEST(Natural, RoundsHalfToEven) {
    const auto rounded = [](u64 a, u64 b) {
        return *Natural(a).divide_rounded(Natural(b)).to_i128();
    };
    EXPECT_EQ(rounded(5, 2), 2);
    EXPECT_EQ(rounded(7, 2), 4);
    EXPECT_EQ(rounded(8, 3), 3);
    EXPECT_EQ(rounded(7, 3), 2);
    EXPECT_EQ(rounded(0, 3), 0);
}

TEST(Natural, RootOfAQuotientIsCorrectlyRounded) {
    const auto root = [](u64 a, u64 b) { return *rounded_root(Natural(a), Natural(b)).to_i128(); };
    EXPECT_EQ(root(9, 4), 2);   // 1.5: half to even.
    EXPECT_EQ(root(1, 4), 0);   // 0.5: half to even.
    EXPECT_EQ(root(25, 4), 2);  // 2.5: half to even.
    EXPECT_EQ(root(26, 4), 3);  // 2.549…
    EXPECT_EQ(root(2, 1), 1);
    EXPECT_EQ(root(3, 1), 2);
    EXPECT_EQ(root(0, 5), 0);
    std::mt19937_64 random(11);
    for (int round = 0; round < 20'000; ++round) {
        const Both a = random_value(random, 6), b = random_value(random, 2);
        if (b.ours.zero() || a.ours.bits() > 380) continue;
        const cpp_int rooted = to_theirs(rounded_root(a.ours, b.ours));
        // |root − sqrt(a/b)| <= 1/2, in whole numbers: (2·root − 1)²·b <= 4a <= (2·root + 1)²·b.
        const cpp_int above = 2 * rooted + 1,
                      below = rooted == 0 ? cpp_int(0) : cpp_int(2 * rooted - 1);
        EXPECT_LE(below * below * b.theirs, 4 * a.theirs);
        EXPECT_GE(above * above * b.theirs, 4 * a.theirs);
    }
}

TEST(Wide, SumsOfProductsAreExactWithEverySign) {
    std::mt19937_64 random(3);
    Wide<5> sum{};
    cpp_int expected = 0;
    const i128 largest = static_cast<i128>(pow10(38) - 1);
    for (int i = 0; i < 10'000; ++i) {
        const auto pick = [&] {
            const auto value = static_cast<i128>((u128{random() >> 2} << 64) | random()) % largest;
            return random() % 3 == 0 ? -value : value;
        };
        const i128 a = i % 5 == 0 ? largest : pick(), b = i % 7 == 0 ? largest : pick();
        sum.add_product(a, b);
        expected += cpp_int(a) * cpp_int(b);
        EXPECT_EQ(sum.negative(), expected < 0);
        EXPECT_EQ(to_theirs(Natural::of(sum)), abs(expected));
    }
}

}  // namespace
}  // namespace tape::ops
