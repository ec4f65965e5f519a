// One gap as the ledger keeps it: an outage of a stream or missing ids, and what of it has come
// since.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "market/rows.h"
#include "ops/dedup.h"
#include "stream/state.h"

namespace tape::ops {

/// Ids that did not come, between two trades that did.
struct MissingIds {
    IdRange ids;
    Nanos after, before;  // ts_event of the trade before them and of the one behind them.
};

/// Missing ids of one gap, in order.
class MissingList final {
 public:
    /// Beyond that, ids that came count as missing still, rather than one that did not as there.
    static constexpr std::size_t ranges_max = 4096;

    void add(const MissingIds& range);
    /// The trade that stands for `ids` came: it is missing no more, and tells where its neighbours
    /// lie.
    void see(IdRange ids, Nanos ts_event);
    bool empty() const { return ranges_.empty(); }
    u64 count() const;
    const std::vector<MissingIds>& ranges() const { return ranges_; }

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);

 private:
    std::vector<MissingIds> ranges_;
};

struct GapEntry {
    enum class State : u8 {
        suspected,     // Ids that may come yet: sockets reorder.
        open,          // Announced.
        unrecoverable  // Announced as such; what comes of it nevertheless is noticed.
    };
    State state{};
    TickKind kind{};
    std::string channel, cause;
    Nanos from_ts, to_ts;
    std::optional<u64> from_id, to_id;
    Nanos found;    // ts_recv of the record that showed it.
    Nanos lo, hi;   // The times of which less is known because of it, both included.
    u64 missing{};  // When it became known.

    // Of an outage.
    bool outage{}, ended{};
    bool by_time{};      // Ids cannot tell what is missing.
    bool ranged{};       // Its ids are known: they are in `ids`. Always so where it is no outage.
    bool after_known{};  // A trade from after it came.
    u64 came{};          // Of the ids behind from_id, by REST, before it was ranged.
    std::optional<u64> last_id;  // The newest trade before it …
    Nanos last_ts;
    std::optional<u64> oldest_id;  // … and the oldest that REST gave since it was asked for.
    std::optional<Nanos> oldest_ts;

    bool asked{};     // Whoever can is to fetch it.
    bool fetched{};   // All that can be had has come; looked at when the record is settled.
    bool answered{};  // It was fetched while it could not be judged.
    MissingList ids;

    bool row_due{};  // Not part of the state, like the next: false between two records.
    bool told{};     // The asking was passed on.

    bool waits() const { return state == State::open && asked && !answered; }
    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);
};

}  // namespace tape::ops
