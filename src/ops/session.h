// For tests: a pipeline without logs, whose records are plain words and whose output is described
// in words. See fake_venue.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ops/fake_venue.h"
#include "ops/pipeline.h"
#include "stream/processor.h"

namespace tape::ops {

using Strings = std::vector<std::string>;

/// A derived record in words; times in milliseconds.
std::string describe(log::RecordKind kind, std::string_view payload);

/// Keeps what was emitted, and the records it came from.
class Memory final : public stream::Output {
 public:
    void emit(log::RecordKind kind, Nanos ts_recv, std::string_view payload) override;
    void begin_epoch() override { lines.push_back("epoch"); }
    Result<void> read_back(Offset from,
                           const std::function<bool(const log::Record&)>& visit) override;

    struct Kept {
        log::RecordKind kind;
        Nanos at;
        std::string payload;
    };
    Strings lines;
    std::vector<Kept> records;  // Raw.
    std::vector<Kept> derived;
};

/// One window of ten seconds, w10.
PipelineOptions options(LatePolicy late = LatePolicy::reemit);

struct Session {
    explicit Session(PipelineOptions with = options(), ConfigParser parse = {},
                     FakeIds ids = FakeIds::consecutive);

    void record(log::RecordKind kind, i64 at_ms, std::string_view payload = "");
    void frame(i64 at_ms, std::string_view payload) {
        record(log::RecordKind::frame, at_ms, payload);
    }
    void rest(i64 at_ms, std::string_view payload) {
        record(log::RecordKind::rest, at_ms, payload);
    }
    void heartbeat(i64 at_ms) { record(log::RecordKind::heartbeat, at_ms); }
    /// A trade of BTC that arrives when it happens, after the trade before.
    void trade(i64 at_ms, std::string_view price, i64 arrives_ms = 0);
    /// What was emitted since the last call, as far as it begins with `prefix`.
    Strings take(std::string_view prefix = "");
    /// What was asked for since the last call, as at the end of a batch.
    Strings asked();
    /// Goes on with a new pipeline in the same state; false if a state does not survive that.
    bool restart();

    Memory out;
    i64 next = 0;
    i64 id = 0;
    std::unique_ptr<Strings> asks = std::make_unique<Strings>();
    stream::ProcessorFactory factory;
    std::unique_ptr<stream::Processor> pipeline;
};

}  // namespace tape::ops
