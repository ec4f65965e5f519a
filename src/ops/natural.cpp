#include "ops/natural.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/result.h"

namespace tape::ops {
namespace {

u64 low(u128 value) { return static_cast<u64>(value); }
u64 high(u128 value) { return static_cast<u64>(value >> 64); }

// By the machine's root of 64 significant bits where long double has them, then corrected; at most 126 bits.
u64 small_root(u128 value) {
    const long double estimate = std::sqrt(static_cast<long double>(value));
    u64 root = estimate >= 0x1p63L ? u64{1} << 63 : static_cast<u64>(estimate);
    while (u128{root} * root > value) --root;
    while (u128{root + 1} * (root + 1) <= value) ++root;
    return root;
}

}  // namespace

Natural::Natural(u128 value) {
    words_[0] = low(value);
    words_[1] = high(value);
    trim(2);
}

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
    return static_cast<i128>((u128{words_[1]} << 64) | words_[0]);
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
    ensure(size_ + other.size_ <= max_words, "a product of more than 448 bits");
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
    product.trim(size_ + other.size_);
    return product;
}

Natural Natural::operator<<(int count) const {
    ensure(bits() + count <= max_words * 64, "a shift beyond 448 bits");
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
    Division result;
    if (*this < divisor) {
        result.remainder = *this;
        return result;
    }
    if (size_ <= 2) {
        const u128 a = (u128{words_[1]} << 64) | words_[0];
        const u128 b = (u128{divisor.words_[1]} << 64) | divisor.words_[0];
        return {a / b, a % b};
    }
    Natural& quotient = result.quotient;
    if (divisor.size_ == 1) {
        u64 rest = 0;
        for (int i = size_ - 1; i >= 0; --i) {
            const u128 part = (u128{rest} << 64) | words_[i];
            quotient.words_[i] = low(part / divisor.words_[0]);
            rest = low(part % divisor.words_[0]);
        }
        quotient.trim(size_);
        result.remainder = rest;
        return result;
    }
    // The divisor's top bit is made 1, so that each estimated digit is at most two too large.
    const int shift = std::countl_zero(divisor.words_[divisor.size_ - 1]);
    const Natural v = divisor << shift;
    std::array<u64, max_words + 1> u{};
    for (int i = size_ - 1; i >= 0; --i) {
        u[i] |= words_[i] << shift;
        if (shift != 0) u[i + 1] |= words_[i] >> (64 - shift);
    }
    const int n = v.size_;
    const u64 v1 = v.words_[n - 1], v2 = v.words_[n - 2];
    for (int j = size_ - n; j >= 0; --j) {
        const u128 top = (u128{u[j + n]} << 64) | u[j + n - 1];
        u128 digit = top / v1, rest = top % v1;
        while (high(digit) != 0 || u128{low(digit)} * v2 > ((rest << 64) | u[j + n - 2])) {
            --digit;
            rest += v1;
            if (high(rest) != 0) break;
        }
        u64 borrow = 0, carry = 0;
        for (int i = 0; i < n; ++i) {
            const u128 product = u128{low(digit)} * v.words_[i] + carry;
            carry = high(product);
            const u128 word = u128{u[i + j]} - low(product) - borrow;
            u[i + j] = low(word);
            borrow = high(word) & 1;
        }
        const u128 word = u128{u[j + n]} - carry - borrow;
        u[j + n] = low(word);
        if ((high(word) & 1) != 0) {  // One too large after all: add the divisor back.
            --digit;
            carry = 0;
            for (int i = 0; i < n; ++i) {
                const u128 sum = u128{u[i + j]} + v.words_[i] + carry;
                u[i + j] = low(sum);
                carry = high(sum);
            }
            u[j + n] += carry;
        }
        quotient.words_[j] = low(digit);
    }
    quotient.trim(size_ - n + 1);
    result.remainder = from_words(u.data(), n) >> shift;
    return result;
}

Natural Natural::divide_rounded(const Natural& divisor) const {
    Division division = divide(divisor);
    const Natural twice = division.remainder << 1;
    const bool up = divisor < twice || (twice == divisor && division.quotient.odd());
    return up ? division.quotient + Natural(1) : division.quotient;
}

Natural Natural::square_root() const {
    if (const int length = bits(); length > 126) {
        // Newton's method from above: an estimate of the top bits, which is not less than the root, then down to it.
        const int shift = (length - 126 + 1) / 2 * 2;
        const u64 top = small_root(*(*this >> shift).to_i128());
        Natural root = (Natural(top) + Natural(1)) << (shift / 2);
        while (true) {
            const Natural next = (root + divide(root).quotient) >> 1;
            if (!(next < root)) return root;
            root = next;
        }
    }
    return small_root(static_cast<u128>(*to_i128()));
}

Natural rounded_root(const Natural& numerator, const Natural& denominator) {
    // The root of four times the value, cut, says on which side of the half the root lies.
    const auto [quotient, remainder] = (numerator << 2).divide(denominator);
    const Natural twice = quotient.square_root();
    const Natural root = twice >> 1;
    if (!twice.odd()) return root;
    const bool exact_half = remainder.zero() && twice * twice == quotient;
    return exact_half && !root.odd() ? root : root + Natural(1);
}

}  // namespace tape::ops
