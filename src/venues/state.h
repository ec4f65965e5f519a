// How decoders write their state for checkpoints: numbers as they lie in memory (little-endian),
// texts with a u32 of their length before them.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "base/types.h"

namespace tape::venues {

template <class T>
void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
inline void put_text(std::string& out, std::string_view text) {
    put(out, static_cast<u32>(text.size()));
    out.append(text);
}

/// Takes from the front of `state`; false when it is cut short.
template <class T>
bool take(std::string_view& state, T& value) {
    if (state.size() < sizeof value) return false;
    std::memcpy(&value, state.data(), sizeof value);
    state.remove_prefix(sizeof value);
    return true;
}
inline bool take_text(std::string_view& state, std::string_view& text) {
    u32 size = 0;
    if (!take(state, size) || state.size() < size) return false;
    text = state.substr(0, size);
    state.remove_prefix(size);
    return true;
}

}  // namespace tape::venues
