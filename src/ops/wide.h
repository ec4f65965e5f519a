// Sums of products of 128-bit values: whole numbers of N 64-bit words in two's complement. Five
// words hold the sum of 2^66 products of any two Decimals, so what is done per event cannot
// overflow and needs no check.
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
    static_assert(N % 2 == 1);
    std::array<u64, N> words;  // Lowest first.

    constexpr bool operator==(const Wide&) const = default;
    constexpr bool negative() const { return static_cast<i64>(words[N - 1]) < 0; }

    constexpr void add(const Wide& other) { add_words(other.words); }
    constexpr void subtract(const Wide& other) { subtract_words(other.words); }

    constexpr void add(i128 value) {
        const u64 carry = add_pair(0, static_cast<u128>(value), 0);
        const u64 fill = value < 0 ? ~u64{0} : 0;
        add_fill<2>(fill, carry);
    }
    /// Adds a * b; what the sum has no words for is lost.
    constexpr void add_product(i128 a, i128 b) {
        const std::array product = multiply(magnitude(a), magnitude(b));
        if ((a < 0) == (b < 0)) [[likely]]
            add_words(product);
        else
            subtract_words(product);
    }

 private:
    // Words are taken in pairs, which the compiler adds with carry; loops over words it does not
    // unroll.
    static constexpr u128 pair(u64 low, u64 high) { return (u128{high} << 64) | low; }

    constexpr u64 add_pair(std::size_t at, u128 value, u64 carry) {
        u128 sum = pair(words[at], words[at + 1]) + value;
        u64 out = sum < value;
        sum += carry;
        out += sum < carry;
        words[at] = static_cast<u64>(sum);
        words[at + 1] = static_cast<u64>(sum >> 64);
        return out;
    }
    constexpr u64 subtract_pair(std::size_t at, u128 value, u64 borrow) {
        const u128 before = pair(words[at], words[at + 1]);
        const u128 difference = before - value;
        const u128 after = difference - borrow;
        words[at] = static_cast<u64>(after);
        words[at + 1] = static_cast<u64>(after >> 64);
        return u64{before < value} + u64{difference < borrow};
    }
    // The words from At on are added `fill` each, and `carry`.
    template <std::size_t At>
    constexpr void add_fill(u64 fill, u64 carry) {
        if constexpr (At + 1 < N)
            add_fill<At + 2>(fill, add_pair(At, pair(fill, fill), carry));
        else
            words[At] += fill + carry;
    }
    template <std::size_t M, std::size_t At = 0>
    constexpr void add_words(const std::array<u64, M>& other, u64 carry = 0) {
        if constexpr (At + 1 < M && At + 1 < N)
            add_words<M, At + 2>(other, add_pair(At, pair(other[At], other[At + 1]), carry));
        else
            words[At] += (At < M ? other[At] : 0) + carry;
    }
    template <std::size_t M, std::size_t At = 0>
    constexpr void subtract_words(const std::array<u64, M>& other, u64 borrow = 0) {
        if constexpr (At + 1 < M && At + 1 < N)
            subtract_words<M, At + 2>(other,
                                      subtract_pair(At, pair(other[At], other[At + 1]), borrow));
        else
            words[At] -= (At < M ? other[At] : 0) + borrow;
    }
};

}  // namespace tape::ops
