#include "log/log.h"

#include <sys/mount.h>

#include <random>

#include "base/metrics.h"
#include "log/test_support.h"

namespace tape::log::test {
namespace {

TEST(LogWriter, GivesBackWhatWasAppended) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    EXPECT_EQ(writer->append(RecordKind::config, {5}, "first").value().value, 0);
    EXPECT_EQ(writer->append(RecordKind::heartbeat, {6}, "").value().value, 1);
    EXPECT_EQ(writer->append(RecordKind::frame, {-7}, std::string("\0\xff\n", 3)).value().value, 2);
    ASSERT_TRUE(writer->flush());
    const std::vector<Copy> expected = {{0, RecordKind::config, {5}, "first"},
                                        {1, RecordKind::heartbeat, {6}, ""},
                                        {2, RecordKind::frame, {-7}, std::string("\0\xff\n", 3)}};
    EXPECT_EQ(read_all(folder.partition()), expected);
}

TEST(LogWriter, MovesItsPositionsWithAppendFlushAndSync) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    const auto positions = [&] {
        return std::vector{writer->end().value, writer->readable().value, writer->durable().value};
    };
    append_records(*writer, 3);
    ASSERT_TRUE(writer->append(RecordKind::frame, {}, "more"));
    EXPECT_EQ(positions(), (std::vector<i64>{4, 3, 0}));
    EXPECT_EQ(read_all(folder.partition()).size(), 3u);
    ASSERT_TRUE(writer->flush());
    EXPECT_EQ(positions(), (std::vector<i64>{4, 4, 0}));
    EXPECT_EQ(read_all(folder.partition()).size(), 4u);
    ASSERT_TRUE(writer->sync());
    EXPECT_EQ(positions(), (std::vector<i64>{4, 4, 4}));
}

TEST(LogWriter, RollsOverManySegmentsAndGoesOnAfterReopening) {
    const TempFolder folder;
    for (i64 round = 0; round < 5; ++round) {
        const auto writer = open_writer(folder.partition());
        EXPECT_EQ(writer->end().value, round * 200);
        EXPECT_EQ(writer->recovery().records, round * 200);
        EXPECT_EQ(writer->recovery().cut_bytes, 0);
        append_records(*writer, 200);
    }
    EXPECT_GT(segments_of(folder.partition()).size(), 10u);
    expect_records(read_all(folder.partition()), 0, 1000);
}

TEST(LogWriter, SealsASegmentAtItsUsedSizeAndKeepsTheLiveOnePreallocated) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    append_records(*writer, 200);
    const auto bases = segments_of(folder.partition());
    for (const Offset base : bases) {
        const File file = File::open(segment_path(folder.partition(), base), O_RDONLY).value();
        const bool newest = base == bases.back();
        EXPECT_EQ(read_seal(file, base).value().has_value(), !newest);
        EXPECT_TRUE(newest ? file.size().value() == 4096 : file.size().value() <= 4096);
    }
}

TEST(LogWriter, TakesRecordsLargerThanASegmentAndAnyBuffer) {
    const TempFolder folder;
    const std::string large(3 << 20, 'L');
    const auto writer = open_writer(folder.partition());
    ASSERT_TRUE(writer->append(RecordKind::rest, {1}, large));
    append_records(*writer, 5);
    ASSERT_TRUE(writer->append(RecordKind::rest, {2}, large));
    ASSERT_TRUE(writer->flush());
    const auto records = read_all(folder.partition());
    ASSERT_EQ(records.size(), 7u);
    EXPECT_EQ(records[0].payload, large);
    EXPECT_EQ(records[5].payload, payload_of(5));
    EXPECT_EQ(records[6].payload, large);
}

TEST(LogWriter, RefusesARecordThatIsTooLongAndGoesOn) {
    const TempFolder folder;
    WriterOptions options = small_segments();
    options.max_record_bytes = 100;
    const auto writer = open_writer(folder.partition(), options);
    append_records(*writer, 2);
    const auto refused = writer->append(RecordKind::frame, {}, std::string(101, 'x'));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().domain, Domain::user);
    EXPECT_NE(refused.error().what.find("101 bytes"), std::string::npos);
    append_records(*writer, 2);
    expect_records(read_all(folder.partition()), 0, 4);
}

TEST(LogWriter, IsOneOwnerAtATimeAndNamesTheOther) {
    const TempFolder folder;
    {
        const auto writer = open_writer(folder.partition());
        const auto second = LogWriter::open(folder.partition(), small_segments());
        ASSERT_FALSE(second);
        EXPECT_EQ(second.error().domain, Domain::user);
        EXPECT_NE(second.error().what.find(fmt::format("in use by process {}", ::getpid())),
                  std::string::npos)
            << second.error().what;
    }
    EXPECT_TRUE(LogWriter::open(folder.partition(), small_segments()));
}

TEST(LogWriter, RefusesAFolderOfOtherFiles) {
    const TempFolder folder;
    store(folder.path() / "photo.jpg", "not a log");
    const auto writer = LogWriter::open(folder.path(), small_segments());
    ASSERT_FALSE(writer);
    EXPECT_NE(writer.error().what.find("not a log folder"), std::string::npos);
    EXPECT_FALSE(fs::exists(folder.path() / "lock"));
}

TEST(LogWriter, RingsTheBellAtEachFlush) {
    const TempFolder folder;
    Doorbell bell;
    const auto writer = open_writer(folder.partition());
    writer->ring_on_flush(bell);
    append_records(*writer, 1);
    const Nanos start = steady_clock();
    bell.wait(seconds(30));
    EXPECT_LT(steady_clock() - start, seconds(30));
}

TEST(LogWriter, SyncsInTheBackgroundByTime) {
    const TempFolder folder;
    WriterOptions options = small_segments();
    options.sync_interval = millis(1);
    const auto writer = open_writer(folder.partition(), options);
    for (int round = 1; round <= 5; ++round) {
        append_records(*writer, 100);
        EXPECT_TRUE(eventually([&] { return writer->durable().value == 100 * round; }));
    }
}

TEST(LogWriter, SyncsInTheBackgroundByBytes) {
    const TempFolder folder;
    WriterOptions options = small_segments(1 << 20);
    options.sync_interval = seconds(3600);
    options.sync_bytes = 10'000;
    const auto writer = open_writer(folder.partition(), options);
    append_records(*writer, 300);
    EXPECT_TRUE(eventually([&] { return writer->durable().value == 300; }));
}

TEST(LogWriter, NeverTakesAFailedSyncForDone) {
    const TempFolder folder;
    static bool broken;
    broken = false;
    WriterOptions options = small_segments();
    options.sync_call = [](int descriptor) {
        if (!broken) return ::fdatasync(descriptor);
        errno = EIO;
        return -1;
    };
    auto writer = open_writer(folder.partition(), options);
    append_records(*writer, 5);
    ASSERT_TRUE(writer->sync());
    append_records(*writer, 5);
    broken = true;
    const auto failed = writer->sync();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().retry, Retry::never);
    EXPECT_NE(failed.error().what.find("Input/output error"), std::string::npos);
    broken = false;
    EXPECT_FALSE(writer->sync());
    EXPECT_FALSE(writer->append(RecordKind::frame, {}, "x"));
    EXPECT_EQ(writer->durable().value, 5);
    writer.reset();
    EXPECT_EQ(open_writer(folder.partition(), options)->end().value, 10);
}

TEST(LogWriter, CountsWhatItDoes) {
    const TempFolder folder;
    const fs::path partition = folder.path() / "counted-1";
    make_log(partition, 10);
    const Labels labels = {{"partition", "counted-1"}};
    EXPECT_EQ(counter("tape_log_records_total", labels).value(), 10);
    EXPECT_GT(counter("tape_log_bytes_total", labels).value(), 240);
    EXPECT_EQ(counter("tape_log_syncs_total", labels).value(), 1);
}

TEST(LogWriter, StopsAtTheReserveAndKeepsWhatWasFlushed) {
    const TempFolder folder;
    make_log(folder.partition(), 20);
    WriterOptions options = small_segments();
    options.reserve_bytes = INT64_MAX / 2;
    const auto writer = open_writer(folder.partition(), options);
    const auto refused = writer->append(RecordKind::frame, {}, "x");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().domain, Domain::external);
    EXPECT_EQ(refused.error().retry, Retry::backoff);
    EXPECT_NE(refused.error().what.find("disk full"), std::string::npos);
    EXPECT_TRUE(writer->sync());
    EXPECT_EQ(writer->end().value, 20);
    expect_records(read_all(folder.partition()), 0, 20);
}

// A file system of its own, gone with the object.
class SmallDisk final {
 public:
    explicit SmallDisk(fs::path path) : path_(std::move(path)) {
        fs::create_directory(path_);
        mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=4m") == 0;
    }
    ~SmallDisk() {
        if (mounted_) ::umount(path_.c_str());
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    bool mounted() const { return mounted_; }

 private:
    const fs::path path_;
    bool mounted_;
};

TEST(LogWriter, ResumesWhenAFullDiskHasSpaceAgain) {
    const TempFolder folder;
    const SmallDisk disk(folder.path() / "disk");
    if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
    const fs::path partition = folder.path() / "disk" / "okx-1",
                   ballast = folder.path() / "disk" / "ballast";
    const auto writer = open_writer(partition, small_segments(256 << 10));
    append_records(*writer, 100);
    for (std::ofstream out(ballast, std::ios::binary); out;)
        out.write(std::string(4096, 'b').data(), 4096).flush();
    Result<Offset> appended = Offset{};
    while (appended) {
        const i64 next = writer->end().value;
        appended = writer->append(RecordKind::frame, time_of(next), payload_of(next));
    }
    EXPECT_EQ(appended.error().retry, Retry::backoff);
    const i64 held = writer->end().value;
    EXPECT_GT(held, 100);
    ASSERT_TRUE(writer->sync());
    EXPECT_FALSE(writer->append(RecordKind::frame, {}, std::string(256 << 10, 'x')));
    expect_records(read_all(partition), 0, held);
    fs::remove(ballast);
    append_records(*writer, 5000);
    ASSERT_TRUE(writer->sync());
    expect_records(read_all(partition), 0, held + 5000);
}

TEST(LogTruncate, DropsRecordsAndAppendsOthersInTheirPlace) {
    for (const i64 end : {0, 1, 57, 150, 299, 300}) {
        const TempFolder folder;
        const auto writer = open_writer(folder.partition());
        append_records(*writer, 300);
        ASSERT_TRUE(writer->truncate({end}));
        EXPECT_EQ(writer->end().value, end);
        EXPECT_EQ(writer->readable().value, end);
        EXPECT_EQ(writer->durable().value, end);
        expect_records(read_all(folder.partition()), 0, end);
        for (i64 i = 0; i < 100; ++i)
            ASSERT_TRUE(writer->append(RecordKind::tick, {i}, fmt::format("other {}", i)));
        ASSERT_TRUE(writer->sync());
        const auto records = read_all(folder.partition());
        ASSERT_EQ(std::ssize(records), end + 100);
        EXPECT_EQ(records.back(), (Copy{end + 99, RecordKind::tick, {99}, "other 99"}));
    }
}

TEST(LogTruncate, AtEachSegmentBoundaryLastsOverReopening) {
    const TempFolder folder;
    make_log(folder.partition(), 300);
    const auto bases = segments_of(folder.partition());
    for (auto base = bases.rbegin(); base != bases.rend(); ++base) {
        ASSERT_TRUE(open_writer(folder.partition())->truncate(*base));
        EXPECT_EQ(open_writer(folder.partition())->end(), *base);
        expect_records(read_all(folder.partition()), 0, base->value);
    }
}

TEST(LogTruncate, RefusesWhatTheLogDoesNotHold) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    append_records(*writer, 10);
    EXPECT_FALSE(writer->truncate({11}));
    EXPECT_FALSE(writer->truncate({-1}));
    append_records(*writer, 1);
    expect_records(read_all(folder.partition()), 0, 11);
}

// Random operations against a plain vector that says what has to be there.
TEST(Log, BehavesLikeAVector) {
    for (unsigned seed = 1; seed <= 8; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        std::mt19937 random(seed);
        const auto below = [&](i64 n) {
            return static_cast<i64>(random() % static_cast<unsigned long>(n));
        };
        const TempFolder folder;
        std::vector<Copy> model;
        i64 flushed = 0;
        auto writer = open_writer(folder.partition(), small_segments(2048));
        auto follower = open_reader(folder.partition());
        for (int step = 0; step < 300; ++step) {
            const i64 action = below(20);
            if (action < 12) {
                const RecordKind kind{static_cast<u8>(1 + below(8))};
                const std::string payload(
                    static_cast<std::size_t>(below(step % 50 == 0 ? 9000 : 200)),
                    static_cast<char>('a' + below(26)));
                model.push_back({std::ssize(model), kind, {below(1000)}, payload});
                ASSERT_EQ(writer->append(kind, model.back().ts_recv, payload).value().value,
                          model.back().offset);
            } else if (action < 15) {
                ASSERT_TRUE(action == 14 ? writer->sync() : writer->flush());
                flushed = std::ssize(model);
            } else if (action == 15) {
                writer.reset();
                flushed = std::ssize(model);
                writer = open_writer(folder.partition(), small_segments(2048));
            } else if (action == 16 && !model.empty()) {
                const i64 end = std::ssize(model) - below(std::min<i64>(std::ssize(model), 40));
                ASSERT_TRUE(writer->truncate({end}));
                model.resize(static_cast<std::size_t>(end));
                flushed = end;
                ASSERT_TRUE(follower->seek({below(end + 1)}));
            } else if (action == 17) {
                ASSERT_TRUE(follower->seek({below(std::ssize(model) + 1)}));
            } else {
                const i64 from = follower->position().value;
                const auto batch = follower->read(1 + below(20));
                ASSERT_TRUE(batch) << batch.error().what;
                ASSERT_TRUE(!batch->empty() || from >= flushed);
                for (const Record& record : *batch) {
                    const Copy copy{record.offset.value, record.kind, record.ts_recv,
                                    std::string(record.payload)};
                    ASSERT_EQ(copy, model.at(static_cast<std::size_t>(record.offset.value)));
                }
            }
            ASSERT_EQ(writer->end().value, std::ssize(model));
            ASSERT_GE(writer->readable().value, flushed);
            ASSERT_GE(follower->end().value().value, flushed);
        }
        ASSERT_TRUE(writer->flush());
        ASSERT_EQ(read_all(folder.partition()), model);
    }
}

}  // namespace
}  // namespace tape::log::test
