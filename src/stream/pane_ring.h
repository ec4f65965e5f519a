// Stream slicing: time is cut into panes so short that every window is a run of whole panes. An
// event goes into its pane at once, in or out of order, and a window is a merge of panes at the
// moment it is emitted.
//
// A place of the ring remembers which pane it holds, so nothing has to be cleared when time passes:
// hours of silence cost nothing, and a pane that was never touched costs no memory beyond its
// address space.
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

/// The widest pane of which size and slide of every window are multiples. `spans` has at least one,
/// all positive.
inline Nanos pane_width(const std::vector<Nanos>& spans) {
    i64 width = 0;
    for (const Nanos span : spans) width = std::gcd(width, span.count);
    return {width};
}

/// The number of the pane of `width` that holds `time`: also right before 1970.
constexpr i64 pane_of(Nanos time, Nanos width) {
    return floor_to(time, width).count / width.count;
}

/// pane_of() for times that mostly lie in the newest pane: one comparison instead of two divisions.
class PaneFinder final {
 public:
    explicit PaneFinder(Nanos width) : width_(width), pane_(0), start_{} {}

    i64 find(Nanos time) {
        const u64 into = static_cast<u64>(time.count) - static_cast<u64>(start_.count);
        if (into < static_cast<u64>(width_.count)) [[likely]]
            return pane_;
        const i64 pane = pane_of(time, width_);
        if (pane > pane_) {
            pane_ = pane;
            start_ = Nanos{pane * width_.count};
        }
        return pane;
    }

 private:
    Nanos width_;
    i64 pane_;
    Nanos start_;
};

/// The panes of many series, by number: as many of the newest numbers as fit. Panes of one number
/// lie side by side, because ticks come into a few numbers at a time and windows are emitted for
/// all series at once.
template <class Pane>
    requires std::is_trivially_copyable_v<Pane>
class PaneRing final {
 public:
    /// Holds at least `span` consecutive numbers.
    explicit PaneRing(i64 span) : rows_(std::bit_ceil(static_cast<u64>(std::max<i64>(span, 1)))) {}

    /// The pane, or null if nothing was put there (or a newer number took its place).
    Pane* find(i64 number, u32 series) {
        Row& row = row_of(number);
        if (row.number != number || series >= row.held.size() || row.held[series] == 0)
            return nullptr;
        return row.panes.get() + series;
    }
    const Pane* find(i64 number, u32 series) const {
        return const_cast<PaneRing*>(this)->find(number, series);
    }

    /// The pane, made empty (Pane{}) at first touch. Demands that no newer number has its place:
    /// the owner asks only for what is less than the span behind the newest.
    Pane& at(i64 number, u32 series) {
        if (Pane* pane = find(number, series)) [[likely]]
            return *pane;
        Row& row = row_of(number);
        if (row.number != number) {
            ensure(row.number < number, "a pane that the ring no longer holds");
            row.number = number;
            std::ranges::fill(row.held, u8{0});
        }
        if (series >= row.held.size()) widen(row, series);
        row.held[series] = 1;
        return *std::construct_at(row.panes.get() + series);
    }

    /// Calls visit(number, series, pane) for each pane that is held, by number, then by series.
    template <class Visit>
    void each(Visit visit) const {
        std::vector<const Row*> ordered;
        for (const Row& row : rows_) ordered.push_back(&row);
        std::ranges::sort(ordered, {}, &Row::number);
        for (const Row* row : ordered)
            for (u32 series = 0; series < row->held.size(); ++series)
                if (row->held[series] != 0)
                    visit(row->number, series, std::as_const(row->panes.get()[series]));
    }

 private:
    struct Release {
        std::size_t count;
        void operator()(Pane* panes) const { std::allocator<Pane>().deallocate(panes, count); }
    };
    struct Row {
        i64 number = std::numeric_limits<i64>::min();
        std::vector<u8>
            held;  // By series: whether its pane was touched; the others are not constructed.
        std::unique_ptr<Pane, Release> panes;
    };

    Row& row_of(i64 number) { return rows_[static_cast<u64>(number) & (rows_.size() - 1)]; }

    static void widen(Row& row, u32 series) {
        const std::size_t width = std::bit_ceil(std::size_t{series} + 1);
        std::unique_ptr<Pane, Release> panes(std::allocator<Pane>().allocate(width),
                                             Release{width});
        for (std::size_t i = 0; i < row.held.size(); ++i)
            if (row.held[i] != 0) std::construct_at(panes.get() + i, row.panes.get()[i]);
        row.held.resize(width);
        row.panes = std::move(panes);
    }

    std::vector<Row> rows_;
};

}  // namespace tape::stream
