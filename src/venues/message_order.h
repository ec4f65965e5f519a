// Whether the numbered messages of a connection follow one another. While a connection is replaced
// by one that overlaps it, both count, each for itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "venues/decoder.h"
#include "venues/state.h"

namespace tape::venues {

class MessageOrder {
 public:
    struct Lost {
        i64 from, to;  // Both included.
    };
    /// Messages that should have come before this one, which is not negative; the first of a
    /// connection follows anything.
    std::optional<Lost> follow(i64 number) {
        if (last_ && number - 1 == *last_) [[likely]] {
            last_ = number;
            return std::nullopt;
        }
        if (of_the_former_ && number - 1 == *of_the_former_) {
            of_the_former_ = number;
            return std::nullopt;
        }
        if (last_ && number <= *last_) return std::nullopt;
        const std::optional<i64> before = std::exchange(last_, number);
        if (!before) return std::nullopt;
        return Lost{*before + 1, number - 1};
    }

    /// A new connection begins to count.
    void restart(Overlap overlap) {
        of_the_former_ = overlap == Overlap::with_last ? last_ : std::nullopt;
        last_ = std::nullopt;
    }

    void save(std::string& out) const {
        put(out, last_.value_or(none));
        put(out, of_the_former_.value_or(none));
    }
    /// False where `state` is damaged.
    bool load(std::string_view& state) {
        i64 last = none, former = none;
        if (!take(state, last) || !take(state, former)) return false;
        last_ = last == none ? std::nullopt : std::optional(last);
        of_the_former_ = former == none ? std::nullopt : std::optional(former);
        return true;
    }

 private:
    static constexpr i64 none = -1;
    std::optional<i64> last_, of_the_former_;
};

}  // namespace tape::venues
