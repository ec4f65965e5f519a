// What a partition task runs: a pure function of the records it is given, in their order. No clock,
// no thread, no I/O.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "log/record.h"

namespace tape::stream {

/// Where a processor's records go: the derived log of its partition.
class Output {
 public:
    virtual ~Output() = default;
    /// `payload` is copied.
    virtual void emit(log::RecordKind kind, Nanos ts_recv, std::string_view payload) = 0;
    /// From the next record on the same input would give other output: a new config took effect.
    virtual void begin_epoch() = 0;
    /// Calls `visit` with the records of the partition again, from `from` up to and including the
    /// one at hand, until it returns false. Errors: the log no longer has the record at `from`;
    /// those of reading.
    virtual Result<void> read_back(Offset from,
                                   const std::function<bool(const log::Record&)>& visit) = 0;
};

class Processor {
 public:
    virtual ~Processor() = default;
    virtual void on_record(const log::Record& record, Output& out) = 0;
    /// The end of the log is the end of time: what is still open is emitted. The last call.
    virtual void finish(Output& out) = 0;
    /// The whole state as bytes, and back: two processors of equal state give equal bytes and go on
    /// alike.
    virtual void save(std::string& out) const = 0;
    virtual Result<void> load(std::string_view state) = 0;
    /// Bumped whenever the same records would give other output; a checkpoint of another version
    /// starts a new epoch.
    virtual i64 version() const = 0;
    /// How far event time has come; Watermark::none at first.
    virtual Nanos watermark() const = 0;
    /// Tells others what is no output: what was counted since the last call, what is asked for.
    /// Called after each batch; nothing of the state may hang on when.
    virtual void report() = 0;
};

using ProcessorFactory = std::function<Result<std::unique_ptr<Processor>>()>;

}  // namespace tape::stream
