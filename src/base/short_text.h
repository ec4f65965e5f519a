// Text of a bounded length, stored in place: for ids that ride along with every trade and must not
// allocate.
#pragma once

#include <array>
#include <cstring>
#include <string_view>

#include "base/types.h"

namespace tape {

template <int Capacity>
class ShortText final {
    static_assert(Capacity > 0 && Capacity < 256);

 public:
    constexpr ShortText() = default;

    /// False, and unchanged, when `text` is longer than Capacity bytes.
    bool assign(std::string_view text) {
        if (text.size() > Capacity) return false;
        std::memcpy(bytes_.data(), text.data(), text.size());
        size_ = static_cast<u8>(text.size());
        return true;
    }
    std::string_view view() const { return {bytes_.data(), size_}; }
    bool empty() const { return size_ == 0; }
    bool operator==(const ShortText& other) const { return view() == other.view(); }

 private:
    u8 size_{};
    std::array<char, Capacity> bytes_{};
};

}  // namespace tape
