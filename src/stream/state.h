// State as bytes and back, for checkpoints: plain values and texts, one after the other, in the
// order in which the owner writes them. Equal states give equal bytes, so values with padding are
// written field by field.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/time.h"
#include "base/types.h"

namespace tape::stream {

/// Types whose every bit counts: nothing indeterminate can get into a checkpoint. An optional is
/// none of them.
template <class T>
concept PlainValue = std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>;

class StateWriter final {
 public:
    explicit StateWriter(std::string& out) : out_(out) {}

    template <PlainValue T>
    void put(const T& value) {
        out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    template <PlainValue T>
    void put(const std::optional<T>& value) {
        put(static_cast<u8>(value.has_value()));
        if (value) put(*value);
    }
    void text(std::string_view value) {
        put(static_cast<u64>(value.size()));
        out_.append(value);
    }

 private:
    std::string& out_;
};

/// Reads what a StateWriter wrote. A read past the end gives zeros and sets failed(), which the
/// owner asks once.
class StateReader final {
 public:
    explicit StateReader(std::string_view in) : in_(in) {}

    template <PlainValue T>
    T get() {
        T value{};
        if (in_.size() < sizeof value) {
            fail();
            return value;
        }
        std::memcpy(&value, in_.data(), sizeof value);
        in_.remove_prefix(sizeof value);
        return value;
    }
    template <PlainValue T>
    std::optional<T> get_optional() {
        if (get<u8>() == 0) return std::nullopt;
        return get<T>();
    }
    std::string_view text() {
        const u64 size = get<u64>();
        if (size > in_.size()) {
            fail();
            return {};
        }
        const std::string_view taken = in_.substr(0, size);
        in_.remove_prefix(size);
        return taken;
    }
    /// A count of things of which each takes at least one byte: a damaged one cannot ask for more
    /// than there is.
    i64 count() {
        const i64 value = get<i64>();
        if (value < 0 || value > static_cast<i64>(in_.size())) {
            fail();
            return 0;
        }
        return value;
    }
    void fail() {
        failed_ = true;
        in_ = {};
    }
    bool failed() const { return failed_; }
    bool at_end() const { return in_.empty(); }

 private:
    std::string_view in_;
    bool failed_{};
};

}  // namespace tape::stream
