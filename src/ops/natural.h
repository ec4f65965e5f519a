// Whole numbers of up to 448 bits, for the one exact division and the one root of a window row.
// Only what those need: no allocation, leading zero words are never touched, so typical rows cost a
// few machine divisions.
#pragma once

#include <array>
#include <optional>

#include "base/types.h"
#include "ops/wide.h"

namespace tape::ops {

class Natural final {
 public:
    static constexpr int max_words = 7;

    constexpr Natural() = default;
    constexpr Natural(u128 value)
        : words_{static_cast<u64>(value), static_cast<u64>(value >> 64)},
          size_(words_[1] != 0   ? 2
                : words_[0] != 0 ? 1
                                 : 0) {}
    /// The magnitude of `value`.
    template <int N>
    static Natural of(const Wide<N>& value) {
        Wide<N> positive{};
        if (value.negative())
            positive.subtract(value);
        else
            positive = value;
        return from_words(positive.words.data(), N);
    }

    bool zero() const { return size_ == 0; }
    bool odd() const { return size_ > 0 && (words_[0] & 1) != 0; }
    /// Number of bits without leading zeros; 0 for zero.
    int bits() const;
    /// The value, if it has at most 127 bits.
    std::optional<i128> to_i128() const;

    bool operator==(const Natural& other) const { return compare(other) == 0; }
    bool operator<(const Natural& other) const { return compare(other) < 0; }

    // Demand that the result fits and, for minus, is not negative.
    Natural operator+(const Natural& other) const;
    Natural operator-(const Natural& other) const;
    Natural operator*(const Natural& other) const;
    Natural operator<<(int count) const;
    Natural operator>>(int count) const;

    struct Division;
    /// Quotient and remainder; `divisor` is not zero.
    Division divide(const Natural& divisor) const;
    /// The quotient rounded half to even.
    Natural divide_rounded(const Natural& divisor) const;

    /// About the value: within 2^-50 of it.
    double to_double() const;
    /// The whole part of `value`, or 1 if that is less.
    static Natural at_least_one(double value);

 private:
    static Natural from_words(const u64* words, int count);
    u128 low_pair() const { return (u128{words_[1]} << 64) | words_[0]; }
    int compare(const Natural& other) const;
    void trim(int upper_bound);

    std::array<u64, max_words> words_{};  // Lowest first; zero from size_ on.
    int size_{};
};

struct Natural::Division {
    Natural quotient, remainder;
};

/// sqrt(numerator / denominator) rounded half to even; correctly rounded, as no step but the last
/// is inexact.
Natural rounded_root(const Natural& numerator, const Natural& denominator);

}  // namespace tape::ops
