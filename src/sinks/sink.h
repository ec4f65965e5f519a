// A sink stores rows and, in the same commit, how far it has come: so a crash at any moment neither
// loses nor doubles a row. One file a sink; none knows of another.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "log/record.h"

namespace tape::sinks {

class Sink {
 public:
    virtual ~Sink() = default;
    virtual std::string_view name() const = 0;
    /// The first derived offset of `partition` that is not yet committed (0 for an unknown
    /// partition).
    virtual Result<Offset> resume(std::string_view partition) = 0;
    /// Takes derived records of one partition, in offset order, at and after resume(). Records that
    /// this sink has already committed (it may keep several positions and resume at the lowest) are
    /// passed over.
    virtual Result<void> write(std::string_view partition,
                               std::span<const log::Record> records) = 0;
    /// Whether enough has gathered, or time has passed since the first unsaved row, that commit()
    /// should be called. A sink has no clock: the first call after a write says when that was.
    virtual bool due(Nanos now) = 0;
    /// Stores all that was written, rows and positions, atomically. The caller has made the logs
    /// durable before. On error, here or in write(), nothing or everything of it is stored; the
    /// sink takes nothing more until resume() of every partition has said where to go on.
    virtual Result<void> commit() = 0;
};

}  // namespace tape::sinks
