// For tests: a pipeline over real logs, in a folder of the test's own that it removes. See
// session.h for one without.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ops/session.h"
#include "stream/task.h"

namespace tape::ops {

struct RawRecord {
    log::RecordKind kind;
    i64 at_ms;
    std::string payload;
};

class LogSession : public testing::Test {
 protected:
    LogSession();
    ~LogSession() override;

    /// Appends to the raw log.
    void write(const std::vector<RawRecord>& records);
    /// The raw log processed to a derived one of that name, by small batches.
    stream::TaskOptions task(std::string_view name, PipelineSetup setup) const;
    void run_to_end(const stream::TaskOptions& options) const;
    /// Offset, kind, time and bytes of every derived record.
    Strings derived(std::string_view name) const;
    /// Runs it once in one go and once killed after every second step: both write the same bytes at
    /// the same offsets, more than `records_min`.
    void expect_that_kills_change_nothing(const PipelineSetup& setup, std::size_t records_min);

 private:
    static log::WriterOptions log_options();

    const std::filesystem::path folder_;
};

}  // namespace tape::ops
