#include <sys/wait.h>

#include <atomic>

#include "log/log.h"
#include "log/test_support.h"

namespace tape::log::test {
namespace {

// Reads until record `count` came, checking each; false when one is wrong, missing, or the wait is
// endless.
bool follow(const fs::path& folder, i64 count) {
    auto reader = LogReader::open(folder);
    if (!reader) return false;
    i64 next = 0;
    return eventually([&] {
               const auto batch = (*reader)->read(64);
               if (!batch) return true;
               for (const Record& record : *batch) {
                   if (record.offset.value != next || record.payload != payload_of(next) ||
                       record.ts_recv != time_of(next))
                       return true;
                   ++next;
               }
               return next == count;
           }) &&
           next == count;
}

TEST(LogReader, SaysWhenThereIsNoPartition) {
    const TempFolder folder;
    const auto reader = LogReader::open(folder.path() / "none");
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().domain, Domain::user);
}

TEST(LogReader, GivesAtMostTheLimitAndNothingWhenThereIsNone) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    const auto reader = open_reader(folder.partition());
    EXPECT_TRUE(reader->read(10)->empty());
    append_records(*writer, 5);
    EXPECT_EQ(reader->read(2)->size(), 2u);
    EXPECT_EQ(reader->position().value, 2);
    EXPECT_EQ(reader->read(10)->size(), 3u);
    EXPECT_TRUE(reader->read(10)->empty());
    append_records(*writer, 1);
    EXPECT_EQ(reader->read(10)->size(), 1u);
}

TEST(LogReader, SeeksToEachOffset) {
    const TempFolder folder;
    make_log(folder.partition(), 300);
    const auto reader = open_reader(folder.partition());
    for (i64 step = 0; step < 300; ++step) {
        const i64 offset = step * 101 % 300;
        ASSERT_TRUE(reader->seek({offset}));
        EXPECT_EQ(reader->position().value, offset);
        const auto batch = reader->read(1);
        ASSERT_TRUE(batch);
        ASSERT_EQ(batch->size(), 1u);
        EXPECT_EQ(batch->front().offset.value, offset);
        EXPECT_EQ(batch->front().payload, payload_of(offset));
    }
}

TEST(LogReader, WaitsForAnOffsetThatIsStillToCome) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    append_records(*writer, 10);
    const auto reader = open_reader(folder.partition());
    ASSERT_TRUE(reader->seek({150}));
    EXPECT_TRUE(reader->read(10)->empty());
    append_records(*writer, 190);
    expect_records(drain(*reader), 150, 50);
}

TEST(LogReader, TellsBeginAndEnd) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    const auto reader = open_reader(folder.partition());
    EXPECT_EQ(reader->begin()->value, 0);
    EXPECT_EQ(reader->end()->value, 0);
    for (i64 end = 50; end <= 400; end += 50) {
        append_records(*writer, 50);
        EXPECT_EQ(reader->end()->value, end);
        EXPECT_EQ(open_reader(folder.partition())->end()->value, end);
    }
    expect_records(drain(*reader), 0, 400);
    EXPECT_EQ(reader->end()->value, 400);
}

TEST(LogReader, FollowsAWriterFromThreadsOfItsOwn) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    constexpr i64 count = 3000;
    std::atomic<int> right{};
    {
        std::vector<std::jthread> readers;
        for (int i = 0; i < 3; ++i)
            readers.emplace_back([&] { right += follow(folder.partition(), count) ? 1 : 0; });
        for (i64 done = 0; done < count; done += 30) append_records(*writer, 30);
    }
    EXPECT_EQ(right, 3);
}

TEST(LogReader, FollowsAWriterFromAnotherProcess) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    constexpr i64 count = 3000;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(follow(folder.partition(), count) ? 0 : 1);
    for (i64 done = 0; done < count; done += 30) append_records(*writer, 30);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(LogReader, GoesOnAcrossAReopenedWriter) {
    const TempFolder folder;
    auto writer = open_writer(folder.partition());
    const auto reader = open_reader(folder.partition());
    for (i64 round = 0; round < 10; ++round) {
        append_records(*writer, 37);
        expect_records(drain(*reader), round * 37, 37);
        writer = nullptr;
        EXPECT_TRUE(reader->read(1)->empty());
        writer = open_writer(folder.partition());
    }
}

TEST(LogReader, FindsItsPlaceAfterATruncation) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    append_records(*writer, 300);
    const auto reader = open_reader(folder.partition());
    drain(*reader);
    ASSERT_TRUE(writer->truncate({100}));
    ASSERT_TRUE(reader->seek({100}));
    EXPECT_EQ(reader->end()->value, 100);
    EXPECT_TRUE(reader->read(1)->empty());
    append_records(*writer, 50);
    expect_records(drain(*reader), 100, 50);
}

TEST(LogReader, SyncsWhatItHasRead) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    append_records(*writer, 2000);
    const auto reader = open_reader(folder.partition());
    drain(*reader);
    EXPECT_TRUE(reader->sync());
    EXPECT_TRUE(reader->sync());
}

TEST(Positions, AreKeptByNameAndOverwritten) {
    const TempFolder folder;
    make_log(folder.partition(), 10);
    EXPECT_FALSE(load_position(folder.partition(), "lake").value());
    ASSERT_TRUE(store_position(folder.partition(), "lake", {5}));
    ASSERT_TRUE(store_position(folder.partition(), "lake", {9}));
    ASSERT_TRUE(store_position(folder.partition(), "duckdb", {3}));
    EXPECT_EQ(load_position(folder.partition(), "lake").value()->value, 9);
    EXPECT_EQ(load_position(folder.partition(), "duckdb").value()->value, 3);
    EXPECT_FALSE(store_position(folder.partition(), "../lake", {1}));
    EXPECT_FALSE(store_position(folder.partition(), "", {1}));
}

TEST(Positions, TellDamageAndANewerFormat) {
    const TempFolder folder;
    make_log(folder.partition(), 10);
    ASSERT_TRUE(store_position(folder.partition(), "lake", {5}));
    const fs::path file = folder.partition() / "lake.position";
    const std::string text = load(file);
    for (const std::string& wrong : {std::string(), text.substr(0, 10), "6" + text,
                                     std::string("tape-position 1 6") + text.substr(17)}) {
        store(file, wrong);
        EXPECT_FALSE(load_position(folder.partition(), "lake")) << wrong;
    }
    store(file, "tape-position 2 whatever");
    EXPECT_NE(load_position(folder.partition(), "lake").error().what.find("newer format"),
              std::string::npos);
}

TEST(Retention, RemovesByAgeAndKeepsTheNewest) {
    const TempFolder folder;
    make_log(folder.partition(), 300);
    const auto bases = segments_of(folder.partition());
    const Offset kept = bases[3];
    // Just too young: the segment whose last record is as old as the limit.
    const Nanos now = time_of(bases[4].value - 1) + seconds(60);
    const auto freed = apply_retention(folder.partition(), {.max_age = seconds(60)}, now);
    ASSERT_TRUE(freed);
    EXPECT_GT(*freed, 0);
    EXPECT_EQ(segments_of(folder.partition()).front(), kept);
    expect_records(read_all(folder.partition()), kept.value, 300 - kept.value);
    ASSERT_TRUE(
        apply_retention(folder.partition(), {.max_age = Nanos{}}, now + seconds(1'000'000)));
    EXPECT_EQ(segments_of(folder.partition()), std::vector{bases.back()});
    EXPECT_EQ(open_writer(folder.partition())->begin(), bases.back());
    EXPECT_EQ(open_writer(folder.partition())->end().value, 300);
}

TEST(Retention, RemovesBySizeOldestFirst) {
    const TempFolder folder;
    make_log(folder.partition(), 300);
    const auto bases = segments_of(folder.partition());
    i64 total = 0;
    for (const Offset base : bases)
        total += base == bases.back()
                     ? 0
                     : static_cast<i64>(fs::file_size(segment_path(folder.partition(), base)));
    EXPECT_EQ(apply_retention(folder.partition(), {.max_bytes = total}, {}).value(), 0);
    EXPECT_GT(apply_retention(folder.partition(), {.max_bytes = total - 1}, {}).value(), 0);
    EXPECT_EQ(segments_of(folder.partition()).front(), bases[1]);
    EXPECT_EQ(open_reader(folder.partition())->begin()->value, bases[1].value);
}

TEST(Retention, KeepsWhatANamedReaderHasNotReadUnlessTold) {
    const TempFolder folder;
    make_log(folder.partition(), 300);
    const auto bases = segments_of(folder.partition());
    ASSERT_TRUE(store_position(folder.partition(), "fast", {300}));
    ASSERT_TRUE(store_position(folder.partition(), "slow", {bases[2].value + 1}));
    ASSERT_TRUE(apply_retention(folder.partition(), {.max_bytes = 0}, {}));
    EXPECT_EQ(segments_of(folder.partition()).front(), bases[2]);
    ASSERT_TRUE(apply_retention(folder.partition(), {.max_bytes = 0, .drop_unread = true}, {}));
    EXPECT_EQ(segments_of(folder.partition()), std::vector{bases.back()});
}

TEST(Retention, IsSafeBesideWriterAndReaders) {
    const TempFolder folder;
    const auto writer = open_writer(folder.partition());
    const auto reader = open_reader(folder.partition());
    append_records(*writer, 200);
    EXPECT_EQ(reader->read(1)->size(), 1u);
    const i64 first_segment = segments_of(folder.partition())[1].value;
    ASSERT_TRUE(apply_retention(folder.partition(), {.max_bytes = 0}, {}));
    const i64 begin = writer->begin().value;
    append_records(*writer, 200);
    // The reader still holds its segment; behind it, it goes on where the log begins now.
    const auto records = drain(*reader);
    EXPECT_EQ(std::ssize(records), first_segment - 1 + 400 - begin);
    EXPECT_EQ(records.back().offset, 399);
    ASSERT_TRUE(reader->seek({0}));
    EXPECT_EQ(reader->position().value, begin);
}

TEST(ListPartitions, NamesTheLogsInAFolder) {
    const TempFolder folder;
    EXPECT_TRUE(list_partitions(folder.path())->empty());
    make_log(folder.path() / "okx-1", 1);
    make_log(folder.path() / "coinbase-2", 1);
    fs::create_directory(folder.path() / "something else");
    EXPECT_EQ(list_partitions(folder.path()).value(),
              (std::vector<std::string>{"coinbase-2", "okx-1"}));
    EXPECT_FALSE(list_partitions(folder.path() / "none"));
}

}  // namespace
}  // namespace tape::log::test
