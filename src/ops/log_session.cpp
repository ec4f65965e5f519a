#include "ops/log_session.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "log/log.h"

namespace tape::ops {

LogSession::LogSession()
    : folder_(std::filesystem::temp_directory_path() /
              fmt::format("tape-ops-{}-{}", ::getpid(),
                          testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::remove_all(folder_);
}

LogSession::~LogSession() {
    std::filesystem::remove_all(folder_);
}

log::WriterOptions LogSession::log_options() {
    return {.segment_bytes = 1 << 18, .sync_interval = Nanos{0}, .reserve_bytes = 0};
}

void LogSession::write(const std::vector<RawRecord>& records) {
    auto writer = *log::LogWriter::open(folder_ / "raw", log_options());
    for (const RawRecord& record : records)
        ASSERT_TRUE(writer->append(record.kind, millis(record.at_ms), record.payload));
    ASSERT_TRUE(writer->flush());
}

stream::TaskOptions LogSession::task(std::string_view name, PipelineSetup setup) const {
    return {.partition = setup.partition,
            .raw = folder_ / "raw",
            .derived = folder_ / name / "derived",
            .checkpoints = folder_ / name / "checkpoints",
            .processor = pipeline_factory(std::move(setup)),
            .writer = log_options(),
            .checkpoint_records = 23,
            .batch_records = 11};
}

void LogSession::run_to_end(const stream::TaskOptions& options) const {
    auto running = *stream::PartitionTask::open(options);
    while (*running->step() > 0) {
    }
}

Strings LogSession::derived(std::string_view name) const {
    auto reader = *log::LogReader::open(folder_ / name / "derived");
    Strings all;
    while (true) {
        const auto batch = *reader->read(1'000);
        if (batch.empty()) return all;
        for (const log::Record& record : batch)
            all.push_back(fmt::format("{} {} {} {}", record.offset.value,
                                      static_cast<int>(record.kind), record.ts_recv.count,
                                      record.payload));
    }
}

void LogSession::expect_that_kills_change_nothing(const PipelineSetup& setup,
                                                  std::size_t records_min) {
    run_to_end(task("whole", setup));
    const Strings whole = derived("whole");
    EXPECT_GT(whole.size(), records_min);
    auto killed = *stream::PartitionTask::open(task("killed", setup));
    while (*killed->step() > 0) {
        ASSERT_TRUE(killed->step());
        killed.reset();  // Without a checkpoint of its own, after every second step.
        killed = *stream::PartitionTask::open(task("killed", setup));
        const Strings so_far = derived("killed");
        ASSERT_TRUE(std::ranges::equal(so_far, std::span(whole).first(so_far.size())));
        for (int steps = 0; steps < 3; ++steps)
            ASSERT_TRUE(killed->step());  // Past the next checkpoint.
    }
    killed.reset();
    EXPECT_EQ(derived("killed"), whole);
}

}  // namespace tape::ops
