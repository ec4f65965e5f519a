// Tasks and shards over real logs, with a processor that makes every mistake visible: its output
// depends on all input so far, and a raw record gives none, one or several derived ones.
#include "stream/task.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "stream/shard.h"

namespace tape::stream {
namespace {

namespace fs = std::filesystem;

class Summing final : public Processor {
 public:
    explicit Summing(i64 version) : version_(version) {}
    void on_record(const log::Record& record, Output& out) override {
        if (record.kind == log::RecordKind::config) return out.begin_epoch();
        sum_ += std::stoll(std::string(record.payload));
        for (i64 i = 0; i < record.offset.value % 3; ++i)
            out.emit(log::RecordKind::tick, record.ts_recv,
                     fmt::format("{} {} {}", record.offset.value, i, sum_));
    }
    void finish(Output& out) override {
        out.emit(log::RecordKind::window, {}, fmt::format("end {}", sum_));
    }
    void save(std::string& out) const override { out += std::to_string(sum_); }
    Result<void> load(std::string_view state) override {
        sum_ = std::stoll(std::string(state));
        return {};
    }
    i64 version() const override { return version_; }
    Nanos watermark() const override { return Watermark::none; }
    void report() override {}

 private:
    i64 version_;
    i64 sum_ = 0;
};

class TaskTest : public testing::Test {
 protected:
    TaskTest() {
        fs::remove_all(folder_);
        raw_ = *log::LogWriter::open(folder_ / "raw", writer_options());
    }
    ~TaskTest() override {
        raw_.reset();
        fs::remove_all(folder_);
    }

    static log::WriterOptions writer_options() {
        return {.segment_bytes = 1 << 16, .sync_interval = Nanos{0}, .reserve_bytes = 0};
    }
    void append(i64 count) {
        for (i64 i = 0; i < count; ++i) {
            const i64 n = raw_->end().value;
            ASSERT_TRUE(
                raw_->append(log::RecordKind::frame, millis(n * 10), std::to_string(n * n % 1000)));
        }
        ASSERT_TRUE(raw_->flush());
    }
    TaskOptions options(std::string_view name, i64 version = 1) const {
        return {.partition = std::string(name),
                .raw = folder_ / "raw",
                .derived = folder_ / name / "derived",
                .checkpoints = folder_ / name / "checkpoints",
                .processor = [version]() -> Result<std::unique_ptr<Processor>> {
                    return std::make_unique<Summing>(version);
                },
                .writer = writer_options(),
                .checkpoint_records = 20,
                .batch_records = 7};
    }
    static void run_to_end(PartitionTask& task) {
        while (true) {
            const auto count = task.step();
            ASSERT_TRUE(count) << count.error().what;
            if (*count == 0) return;
        }
    }
    std::vector<std::string> derived(std::string_view name) const {
        auto reader = *log::LogReader::open(folder_ / name / "derived");
        std::vector<std::string> records;
        while (true) {
            const auto batch = *reader->read(1000);
            if (batch.empty()) return records;
            for (const log::Record& record : batch)
                records.push_back(fmt::format("{} {} {} {}", record.offset.value,
                                              log::to_string(record.kind), record.ts_recv.count,
                                              record.payload));
        }
    }

    const fs::path folder_ =
        fs::temp_directory_path() /
        fmt::format("tape-task-{}-{}", ::getpid(),
                    testing::UnitTest::GetInstance()->current_test_info()->name());
    std::unique_ptr<log::LogWriter> raw_;
};

TEST_F(TaskTest, AKillAtAnyRecordLeavesTheSameBytesAtTheSameOffsets) {
    append(100);
    run_to_end(**PartitionTask::open(options("whole")));
    const auto whole = derived("whole");
    EXPECT_EQ(whole.size(), 99U);
    for (i64 steps = 0; steps <= 15; ++steps) {
        const std::string name = fmt::format("killed-{}", steps);
        {
            auto task = *PartitionTask::open(options(name));
            for (i64 i = 0; i < steps; ++i) ASSERT_TRUE(task->step());
        }  // Gone without a checkpoint.
        auto task = *PartitionTask::open(options(name));
        EXPECT_LE(task->status().output.value, 99);
        run_to_end(*task);
        EXPECT_EQ(derived(name), whole) << "killed after " << steps << " steps";
        EXPECT_EQ(task->epochs().size(), 1U);
    }
}

TEST_F(TaskTest, GoesOnFromItsCheckpointAndNotFromTheBeginning) {
    append(50);
    {
        auto task = *PartitionTask::open(options("a"));
        run_to_end(*task);
        ASSERT_TRUE(task->checkpoint());
    }
    auto task = *PartitionTask::open(options("a"));
    EXPECT_EQ(task->status().input, Offset{50});
    EXPECT_EQ(*task->step(), 0);
    EXPECT_EQ(task->status().lag(), 0);
    append(1);
    EXPECT_EQ(*task->step(), 1);
}

TEST_F(TaskTest, ADamagedCheckpointFallsBackAndTheBytesStayTheSame) {
    append(100);
    run_to_end(**PartitionTask::open(options("a")));
    const auto whole = derived("a");
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "a" / "checkpoints"))
        files.push_back(entry.path());
    EXPECT_EQ(files.size(), 2U);
    fs::resize_file(*std::ranges::max_element(files), 30);
    run_to_end(**PartitionTask::open(options("a")));
    EXPECT_EQ(derived("a"), whole);
    for (const fs::path& file : files) fs::remove(file);
    run_to_end(
        **PartitionTask::open(options("a")));  // None left: from the beginning, nothing twice.
    EXPECT_EQ(derived("a"), whole);
}

TEST_F(TaskTest, ANewVersionTakesNothingBackAndRepeatsNothing) {
    append(60);
    {
        auto task = *PartitionTask::open(options("a", 1));
        run_to_end(*task);
    }
    const auto before = derived("a");
    append(40);
    auto task = *PartitionTask::open(options("a", 2));
    EXPECT_EQ(derived("a"), before);
    run_to_end(*task);
    run_to_end(**PartitionTask::open(options("whole")));
    EXPECT_EQ(derived("a"), derived("whole"));
    ASSERT_EQ(task->epochs().size(), 2U);
    EXPECT_EQ(task->epochs()[1].version, 2);
    EXPECT_EQ(task->epochs()[1].output, Offset{std::ssize(before)});
}

TEST_F(TaskTest, AConfigThatTakesEffectIsAnEpoch) {
    append(10);
    ASSERT_TRUE(raw_->append(log::RecordKind::config, millis(100), "{}"));
    append(10);
    auto task = *PartitionTask::open(options("a"));
    run_to_end(*task);
    EXPECT_EQ(task->epochs(),
              (std::vector<EpochStart>{{.version = 1, .input = {0}, .output = {0}},
                                       {.version = 1, .input = {10}, .output = {9}}}));
}

TEST_F(TaskTest, TheRawLogIsKeptAsFarAsTheOlderCheckpointNeedsIt) {
    append(100);
    auto task = *PartitionTask::open(options("a"));
    run_to_end(*task);
    const auto kept = *log::load_position(folder_ / "raw", PartitionTask::reader_name);
    ASSERT_TRUE(kept);
    const auto checkpoints = *load_checkpoints(folder_ / "a" / "checkpoints");
    ASSERT_EQ(checkpoints.size(), 2U);
    EXPECT_EQ(*kept, checkpoints[1].input);
    EXPECT_LT(checkpoints[1].input, checkpoints[0].input);
}

TEST_F(TaskTest, FinishEmitsWhatIsOpen) {
    append(10);
    auto task = *PartitionTask::open(options("a"));
    run_to_end(*task);
    ASSERT_TRUE(task->finish());
    EXPECT_EQ(derived("a").back(), "9 window 0 end 285");
}

TEST_F(TaskTest, AFullDiskStopsTheTaskAndItSaysSo) {
    append(10);
    TaskOptions full = options("a");
    full.writer.reserve_bytes = i64{1} << 60;
    auto opened = PartitionTask::open(full);
    if (opened) {
        const auto stepped = (*opened)->step();
        ASSERT_FALSE(stepped);
        EXPECT_EQ(stepped.error().retry, Retry::backoff);
        EXPECT_FALSE((*opened)->step());
        EXPECT_NE((*opened)->status().error, "");
        opened->reset();
    } else {
        EXPECT_EQ(opened.error().retry, Retry::backoff);
    }
    run_to_end(**PartitionTask::open(options("a")));  // With room again it goes on.
    EXPECT_EQ(derived("a").size(), 9U);
}

TEST_F(TaskTest, AShardFollowsALiveLogAndStopsWithACheckpoint) {
    std::vector<std::unique_ptr<PartitionTask>> tasks;
    for (const char* name : {"a", "b"}) tasks.push_back(*PartitionTask::open(options(name)));
    Shard shard(std::move(tasks), {.look_after = seconds(60)});
    raw_->ring_on_flush(shard.bell());
    for (int i = 0; i < 10; ++i) append(10);
    const auto done = [&] {
        for (const TaskStatus& status : shard.status())
            if (status.input != Offset{100}) return false;
        return true;
    };
    for (int i = 0; i < 3000 && !done(); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_TRUE(done());
    EXPECT_EQ(shard.tasks()[0]->make_durable()->value, 99);
    append(5);
    shard.stop();
    EXPECT_EQ(shard.status()[0].input, Offset{105});
    EXPECT_EQ((*load_checkpoints(folder_ / "b" / "checkpoints"))[0].input, Offset{105});
    EXPECT_EQ(derived("a"), derived("b"));
}

}  // namespace
}  // namespace tape::stream
