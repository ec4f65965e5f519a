// Which trades were seen, so that each counts once however often it comes: two sockets, a reconnect
// and a back-fill repeat each other. Where a venue counts its trades up by one, what was seen is a
// few intervals; elsewhere the newest identities are remembered. Both are bounded.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "stream/state.h"

namespace tape::ops {

struct IdRange {
    u64 first, last;  // Both included.
    bool operator==(const IdRange&) const = default;
};

/// Identities as disjoint intervals, in order.
class IntervalSet final {
 public:
    /// When there are more intervals, the hole between the two oldest counts as seen: a trade from
    /// there is taken for a duplicate, rather than one that was seen for a new one.
    static constexpr std::size_t limit = 4096;

    /// False if all of [first, last] were seen before; else they are now.
    bool add(u64 first, u64 last);
    /// What of [first, last] was not seen, in order.
    std::vector<IdRange> missing(u64 first, u64 last) const;

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);

 private:
    std::vector<IdRange> intervals_;
};

/// The newest identities: at least `generation` of them, at most twice as many.
class RecentSet final {
 public:
    static constexpr std::size_t generation = 1 << 15;

    /// False if `identity` is remembered; else it is from now on.
    bool add(u64 identity);

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);

 private:
    // Open addressing at half load. An identity of 0 shares its place with that of 2^64 - 1.
    class Table {
     public:
        bool contains(u64 identity) const;
        void insert(u64 identity);
        std::size_t size() const { return size_; }
        std::vector<u64> sorted() const;

     private:
        std::vector<u64> slots_;  // 0: free. Made at the first insertion.
        std::size_t size_{};
    };
    Table current_, previous_;
};

/// The trades of one partition.
class Dedup final {
 public:
    /// `consecutive`: the venue's identities count up by one an instrument.
    explicit Dedup(bool consecutive) : consecutive_(consecutive) {}

    /// Whether the trade is new: some of the `covers` identities that end at `identity` were not
    /// seen. A merged frame stands for several only where identities are consecutive.
    bool add(u32 instrument, u64 identity, u32 covers);
    /// Of consecutive identities: those of [first, last] that were not seen, in order.
    std::vector<IdRange> missing(u32 instrument, u64 first, u64 last) const;

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);

 private:
    bool consecutive_;
    std::vector<IntervalSet>
        intervals_;  // By instrument index; the one of these that the venue asks for.
    std::vector<RecentSet> recent_;
};

}  // namespace tape::ops
