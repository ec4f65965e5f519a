#include "ops/natural.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/result.h"

namespace tape::ops {
namespace {

u64 low(u128 value) {
    return static_cast<u64>(value);
}
u64 high(u128 value) {
    return static_cast<u64>(value >> 64);
}

// Quotients and roots are found by floating point and made exact by whole numbers: an estimate that
// is certainly not too large is taken away exactly, and what is left is estimated again. Each round
// gains some 46 bits, and a processor divides floats several times faster than words.
constexpr double not_too_large = 1 - 0x1p-47;

}  // namespace

Natural Natural::from_words(const u64* words, int count) {
    Natural made;
    std::copy_n(words, count, made.words_.begin());
    made.trim(count);
    return made;
}

void Natural::trim(int upper_bound) {
    size_ = upper_bound;
    while (size_ > 0 && words_[size_ - 1] == 0) --size_;
}

int Natural::bits() const {
    return size_ == 0 ? 0 : size_ * 64 - std::countl_zero(words_[size_ - 1]);
}

std::optional<i128> Natural::to_i128() const {
    if (bits() > 127) return std::nullopt;
    return static_cast<i128>(low_pair());
}

double Natural::to_double() const {
    double value = 0;
    for (int i = size_ - 1; i >= 0; --i) value = value * 0x1p64 + static_cast<double>(words_[i]);
    return value;
}

Natural Natural::at_least_one(double value) {
    if (value < 0x1p63) return static_cast<u64>(std::max(value, 1.0));
    const int shift = std::ilogb(value) - 62;
    return Natural(static_cast<u64>(std::ldexp(value, -shift))) << shift;
}

int Natural::compare(const Natural& other) const {
    if (size_ != other.size_) return size_ < other.size_ ? -1 : 1;
    for (int i = size_ - 1; i >= 0; --i)
        if (words_[i] != other.words_[i]) return words_[i] < other.words_[i] ? -1 : 1;
    return 0;
}

Natural Natural::operator+(const Natural& other) const {
    Natural sum;
    const int count = std::max(size_, other.size_);
    u64 carry = 0;
    for (int i = 0; i < count; ++i) {
        const u128 word = u128{words_[i]} + other.words_[i] + carry;
        sum.words_[i] = low(word);
        carry = high(word);
    }
    ensure(count < max_words || carry == 0, "a sum of more than 448 bits");
    if (carry != 0) sum.words_[count] = carry;
    sum.trim(std::min(count + 1, max_words));
    return sum;
}

Natural Natural::operator-(const Natural& other) const {
    Natural difference;
    u64 borrow = 0;
    for (int i = 0; i < size_; ++i) {
        const u128 word = u128{words_[i]} - other.words_[i] - borrow;
        difference.words_[i] = low(word);
        borrow = high(word) & 1;
    }
    ensure(borrow == 0 && other.size_ <= size_, "a difference below zero");
    difference.trim(size_);
    return difference;
}

Natural Natural::operator*(const Natural& other) const {
    ensure(size_ + other.size_ <= max_words || bits() + other.bits() <= max_words * 64,
           "a product of more than 448 bits");
    if (size_ <= 2 && other.size_ <= 2)
        return from_words(multiply(low_pair(), other.low_pair()).data(), 4);
    Natural product;
    for (int i = 0; i < size_; ++i) {
        u64 carry = 0;
        for (int j = 0; j < other.size_; ++j) {
            const u128 word = u128{words_[i]} * other.words_[j] + product.words_[i + j] + carry;
            product.words_[i + j] = low(word);
            carry = high(word);
        }
        if (carry != 0) product.words_[i + other.size_] = carry;
    }
    product.trim(std::min(size_ + other.size_, max_words));
    return product;
}

Natural Natural::operator<<(int count) const {
    ensure(size_ * 64 + count <= max_words * 64 || bits() + count <= max_words * 64,
           "a shift beyond 448 bits");
    Natural shifted;
    const int whole = count / 64, rest = count % 64;
    for (int i = size_ - 1; i >= 0; --i) {
        shifted.words_[i + whole] |= words_[i] << rest;
        if (rest != 0 && i + whole + 1 < max_words)
            shifted.words_[i + whole + 1] |= words_[i] >> (64 - rest);
    }
    shifted.trim(std::min(size_ + whole + 1, max_words));
    return shifted;
}

Natural Natural::operator>>(int count) const {
    Natural shifted;
    const int whole = count / 64, rest = count % 64;
    for (int i = whole; i < size_; ++i) {
        shifted.words_[i - whole] = words_[i] >> rest;
        if (rest != 0 && i + 1 < size_) shifted.words_[i - whole] |= words_[i + 1] << (64 - rest);
    }
    shifted.trim(std::max(size_ - whole, 0));
    return shifted;
}

Natural::Division Natural::divide(const Natural& divisor) const {
    ensure(!divisor.zero(), "a division by zero");
    if (size_ <= 2) {
        const u128 a = low_pair(), b = divisor.low_pair();
        if (divisor.size_ > 2) return {{}, *this};
        const u128 quotient = a / b;
        return {quotient, a - quotient * b};
    }
    Division result;
    result.remainder = *this;
    const double by = divisor.to_double();
    while (!(result.remainder < divisor)) {
        const Natural part = at_least_one(result.remainder.to_double() / by * not_too_large);
        result.remainder = result.remainder - divisor * part;
        result.quotient = result.quotient + part;
    }
    return result;
}

Natural Natural::divide_rounded(const Natural& divisor) const {
    if (size_ <= 2 && divisor.size_ == 1) [[likely]] {
        const u128 a = low_pair();
        const u64 b = divisor.words_[0];
        const u128 quotient = a / b;
        const u64 rest = low(a - quotient * b);
        return quotient + (rest > b - rest || (rest == b - rest && (quotient & 1) != 0));
    }
    Division division = divide(divisor);
    const Natural twice = division.remainder << 1;
    const bool up = divisor < twice || (twice == divisor && division.quotient.odd());
    return up ? division.quotient + Natural(1) : division.quotient;
}

Natural rounded_root(const Natural& numerator, const Natural& denominator) {
    // t = the whole part of 2·sqrt(numerator / denominator): the largest with t²·denominator <=
    // 4·numerator. It says on which side of the half the root lies.
    const Natural target = numerator << 2;
    if (target < denominator) return {};
    const double by = denominator.to_double();
    const double estimate = std::sqrt(target.to_double() / by);
    Natural t = Natural::at_least_one(estimate * not_too_large);
    Natural rest = target - t * t * denominator;
    while (true) {
        // target / denominator - t² = (2·root - t) · (2·root + t), and (t + s)² - t² = (2t + s) ·
        // s.
        const double step = rest.to_double() / by / (estimate + t.to_double()) * not_too_large;
        const Natural part = Natural::at_least_one(step);
        const Natural used = ((t << 1) + part) * (part * denominator);
        if (rest < used) break;  // The step was of one, and one too many.
        t = t + part;
        rest = rest - used;
    }
    const Natural root = t >> 1;
    if (!t.odd()) return root;
    const bool exact_half = rest.zero();
    return exact_half && !root.odd() ? root : root + Natural(1);
}

}  // namespace tape::ops
