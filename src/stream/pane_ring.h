// Stream slicing: time is cut into panes so short that every window is a run of whole panes. An event goes into its pane
// at once, in or out of order, and a window is a merge of panes at the moment it is emitted.
//
// A ring holds the panes of one series. A slot remembers whose it is, so nothing has to be cleared when time passes:
// hours of silence cost nothing, and a pane that was never touched costs no memory beyond its address space.
#pragma once

#include <algorithm>
#include <bit>
#include <limits>
#include <memory>
#include <numeric>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace tape::stream {

/// The widest pane of which size and slide of every window are multiples. `spans` has at least one, all positive.
inline Nanos pane_width(const std::vector<Nanos>& spans) {
    i64 width = 0;
    for (const Nanos span : spans) width = std::gcd(width, span.count);
    return {width};
}

/// The number of the pane of `width` that holds `time`: also right before 1970.
constexpr i64 pane_of(Nanos time, Nanos width) { return floor_to(time, width).count / width.count; }

/// pane_of() for a stream of times that mostly share a pane: one comparison instead of one division.
class PaneFinder final {
 public:
    explicit PaneFinder(Nanos width) : width_(width), pane_(0), start_{} {}

    i64 find(Nanos time) {
        const u64 into = static_cast<u64>(time.count) - static_cast<u64>(start_.count);
        if (into >= static_cast<u64>(width_.count)) [[unlikely]] {
            pane_ = pane_of(time, width_);
            start_ = Nanos{pane_ * width_.count};
        }
        return pane_;
    }

 private:
    Nanos width_;
    i64 pane_;
    Nanos start_;
};

/// Panes by number, as many of the newest ones as fit.
template <class Pane>
    requires std::is_trivially_copyable_v<Pane>
class PaneRing final {
 public:
    /// Holds at least `span` consecutive panes.
    explicit PaneRing(i64 span)
        : numbers_(std::bit_ceil(static_cast<u64>(std::max<i64>(span, 1))), empty_),
          panes_(std::allocator<Pane>().allocate(numbers_.size()), Release{numbers_.size()}) {}

    i64 capacity() const { return static_cast<i64>(numbers_.size()); }

    /// The pane, or null if nothing was put there (or a newer one took its place).
    Pane* find(i64 number) {
        const u64 slot = slot_of(number);
        return numbers_[slot] == number ? panes_.get() + slot : nullptr;
    }
    const Pane* find(i64 number) const { return const_cast<PaneRing*>(this)->find(number); }

    /// The pane, made empty (Pane{}) at first touch. Demands that no newer pane has its place: the owner asks only for
    /// panes less than capacity() behind the newest.
    Pane& at(i64 number) {
        const u64 slot = slot_of(number);
        if (numbers_[slot] != number) [[unlikely]] {
            ensure(numbers_[slot] < number, "a pane that the ring no longer holds");
            numbers_[slot] = number;
            std::construct_at(panes_.get() + slot);
        }
        return panes_.get()[slot];
    }

    /// Calls visit(number, pane) for each pane that is held, oldest first.
    template <class Visit>
    void each(Visit visit) const {
        std::vector<i64> held;
        for (const i64 number : numbers_)
            if (number != empty_) held.push_back(number);
        std::ranges::sort(held);
        for (const i64 number : held) visit(number, std::as_const(panes_.get()[slot_of(number)]));
    }

 private:
    static constexpr i64 empty_ = std::numeric_limits<i64>::min();
    struct Release {
        std::size_t count;
        void operator()(Pane* panes) const { std::allocator<Pane>().deallocate(panes, count); }
    };
    u64 slot_of(i64 number) const { return static_cast<u64>(number) & (numbers_.size() - 1); }

    std::vector<i64> numbers_;  // Apart from the panes, so that finding a gap touches little memory.
    std::unique_ptr<Pane, Release> panes_;        // Not constructed before the first touch.
};

}  // namespace tape::stream
