// The names of the plain number types, and strong ids made of them.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace tape {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i8 = std::int8_t;
using i16 = std::int16_t;
using i32 = std::int32_t;
using i64 = std::int64_t;
__extension__ using i128 = __int128;
__extension__ using u128 = unsigned __int128;

/// An integer that cannot be mistaken for another kind of integer.
template <class Tag, class T = i64>
struct Id {
    T value{};
    constexpr auto operator<=>(const Id&) const = default;
};

/// The dense number of a record within its partition, from 0.
using Offset = Id<struct OffsetTag>;

}  // namespace tape
