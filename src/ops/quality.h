// Whether a tick can be right, by its own values and those of its instrument before it. A finding
// never loses a tick: the raw log has it, and a row of table `quality` says what was found.
//
//   crossed         bid above ask
//   locked          bid equal to ask
//   id_backwards    a trade on the socket whose id is below that of an earlier frame, and new
//   time_backwards  ts_event behind that of an earlier frame by more than the lateness
//   clock_skew      a trade or quote on the socket whose ts_event and ts_recv are far apart. Not
//                   tickers: many carry the time of a last trade that may be long ago. It tells of
//                   a clock rather than of one tick, so a flag's row comes when it begins and once
//                   a minute while it lasts
//   zero_price      a price of zero or below
//   zero_size       a trade's size of zero or below
//   duplicate       an identity that was seen before; always dropped, and only counted
//
// What windows of several venues say of each other is in outliers.h.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "log/record.h"
#include "market/rows.h"
#include "ops/options.h"
#include "stream/state.h"

namespace tape::ops {

enum class QualityRule : u8 {
    crossed,
    locked,
    id_backwards,
    time_backwards,
    clock_skew,
    zero_price,
    zero_size,
    duplicate
};
constexpr std::size_t quality_rules = 8;

std::string_view to_string(QualityRule rule);

struct Verdict {
    std::span<const QualityFlag> flags;  // Valid until the next check().
    bool quarantined{};                  // The tick is not to be emitted.
};

class Quality final {
 public:
    Quality(const QualityOptions& options, Nanos lateness);
    void configure(const QualityOptions& options, Nanos lateness);

    /// Holds a tick that is no duplicate against the rules; `from` is the kind of the record that
    /// it came in. A tick that is quarantined moves nothing.
    Verdict check(const Tick& tick, log::RecordKind from);
    void count_duplicate() { ++counts_[static_cast<std::size_t>(QualityRule::duplicate)]; }
    /// How often each rule was broken since the last call, rows or not.
    std::array<i64, quality_rules> take_counts();

    void save(stream::StateWriter& out) const;
    void load(stream::StateReader& in);

 private:
    // The highest seen, of the record at hand and of those before it: one frame may list its trades
    // newest first.
    template <class T>
    struct Highest {
        T before{}, now{};
        Offset record{-1};
        T before_record(Offset at) const { return at == record ? before : now; }
        void see(T value, Offset at);
    };
    struct Series {
        Highest<u64> id;
        std::array<Highest<Nanos>, 4> time;  // By TickKind.
        Nanos skew_told;                     // ts_recv of the last row of clock_skew.
    };

    void find(const Tick& tick, log::RecordKind from, const Series& series);
    void broken(QualityRule rule, const Tick& tick, std::string detail);
    bool tells_skew(const Tick& tick, Series& series) const;

    QualityOptions options_;
    Nanos lateness_;
    std::vector<Series> series_;  // By instrument index.
    std::vector<QualityFlag> flags_;
    std::array<i64, quality_rules> counts_{};
};

/// The options as part of a checkpoint.
void save(const QualityOptions& options, stream::StateWriter& out);
void load(QualityOptions& options, stream::StateReader& in);

}  // namespace tape::ops
