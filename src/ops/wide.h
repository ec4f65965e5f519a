// Sums of products of 128-bit values: whole numbers of N 64-bit words in two's complement. Five words hold the sum of
// 2^66 products of any two Decimals, so what is done per event cannot overflow and needs no check.
#pragma once

#include <array>

#include "base/types.h"

namespace tape::ops {

/// The product of two magnitudes, lowest word first.
constexpr std::array<u64, 4> multiply(u128 a, u128 b) {
    const u64 a0 = static_cast<u64>(a), a1 = static_cast<u64>(a >> 64);
    const u64 b0 = static_cast<u64>(b), b1 = static_cast<u64>(b >> 64);
    const u128 low = u128{a0} * b0, high = u128{a1} * b1;
    const u128 left = u128{a1} * b0, right = u128{a0} * b1;
    const u128 middle = (low >> 64) + static_cast<u64>(left) + static_cast<u64>(right);
    const u128 top = high + (left >> 64) + (right >> 64) + (middle >> 64);
    return {static_cast<u64>(low), static_cast<u64>(middle), static_cast<u64>(top),
            static_cast<u64>(top >> 64)};
}

constexpr u128 magnitude(i128 value) {
    return value < 0 ? u128{0} - static_cast<u128>(value) : static_cast<u128>(value);
}

template <int N>
struct Wide {
    std::array<u64, N> words;  // Lowest first.

    constexpr bool operator==(const Wide&) const = default;
    constexpr bool negative() const { return static_cast<i64>(words[N - 1]) < 0; }

    constexpr void add(const Wide& other) { add_words(other.words, 0); }
    constexpr void subtract(const Wide& other) { subtract_words(other.words, 0); }

    constexpr void add(i128 value) {
        const u64 fill = value < 0 ? ~u64{0} : 0;
        add_words(std::array{static_cast<u64>(value), static_cast<u64>(static_cast<u128>(value) >> 64)},
                  fill);
    }
    /// Adds a * b.
    constexpr void add_product(i128 a, i128 b) {
        const std::array product = multiply(magnitude(a), magnitude(b));
        if ((a < 0) == (b < 0)) [[likely]]
            add_words(product, 0);
        else
            subtract_words(product, 0);
    }

 private:
    // Words that `other` lacks are `fill`.
    template <std::size_t M>
    constexpr void add_words(const std::array<u64, M>& other, u64 fill) {
        u64 carry = 0;
        for (std::size_t i = 0; i < N; ++i) {
            const u128 sum = u128{words[i]} + (i < M ? other[i] : fill) + carry;
            words[i] = static_cast<u64>(sum);
            carry = static_cast<u64>(sum >> 64);
        }
    }
    template <std::size_t M>
    constexpr void subtract_words(const std::array<u64, M>& other, u64 fill) {
        u64 borrow = 0;
        for (std::size_t i = 0; i < N; ++i) {
            const u128 difference = u128{words[i]} - (i < M ? other[i] : fill) - borrow;
            words[i] = static_cast<u64>(difference);
            borrow = static_cast<u64>(difference >> 64) & 1;
        }
    }
};

}  // namespace tape::ops
