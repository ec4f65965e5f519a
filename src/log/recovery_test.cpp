#include "log/recovery.h"

#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <random>

#include "log/test_support.h"

namespace tape::log::test {
namespace {

constexpr i64 count = 300;

// A closed log of many segments; `middle` is one that is neither first nor last.
struct ManySegments {
    static fs::path fill(const fs::path& path) {
        make_log(path, count);
        return path;
    }
    const TempFolder folder;
    const fs::path path = fill(folder.partition());
    const std::vector<Offset> bases = segments_of(path);
    const Offset middle = bases[bases.size() / 2];
    const Offset behind = bases[bases.size() / 2 + 1];
    const fs::path middle_file = segment_path(path, middle);
};

TEST(Recovery, CutsATornTailAtEveryByte) {
    const TempFolder folder;
    const fs::path whole_log = folder.path() / "whole", torn_log = folder.path() / "torn";
    make_log(whole_log, 12);
    const std::string bytes = load(segment_path(whole_log, {0}));
    std::vector<std::size_t> starts;
    for (i64 offset = 0; offset <= 12; ++offset)
        starts.push_back(static_cast<std::size_t>(position_of(whole_log, {0}, {offset})));
    for (std::size_t size = starts[10]; size <= bytes.size(); ++size) {
        // What is missing reads as zeros: a record that lacks only zeros of its padding is whole.
        const std::string torn = bytes.substr(0, size) + std::string(500, '\0');
        std::size_t whole = 10;
        while (whole < 12 && torn.starts_with(bytes.substr(0, starts[whole + 1]))) ++whole;
        const std::size_t written = torn.find_last_not_of('\0') + 1;
        const i64 cut = written > starts[whole] ? static_cast<i64>(written - starts[whole]) : 0;
        fs::create_directory(torn_log);
        store(segment_path(torn_log, {0}), torn);
        expect_records(read_all(torn_log), 0, static_cast<i64>(whole));
        {
            const auto writer = open_writer(torn_log);
            EXPECT_EQ(writer->end().value, static_cast<i64>(whole));
            EXPECT_EQ(writer->recovery().records, static_cast<i64>(whole));
            EXPECT_EQ(writer->recovery().cut_bytes, cut);
            append_records(*writer, 3);
        }
        expect_records(read_all(torn_log), 0, static_cast<i64>(whole) + 3);
        fs::remove_all(torn_log);
    }
}

TEST(Recovery, CutsBehindTheFirstPageThatAPowerCutLost) {
    const TempFolder folder;
    make_log(folder.partition(), count, small_segments(1 << 20));
    const fs::path file = segment_path(folder.partition(), {0});
    std::string bytes = load(file);
    std::memset(bytes.data() + 4096, 0, 4096);
    store(file, bytes);
    const auto writer = open_writer(folder.partition(), small_segments(1 << 20));
    const i64 kept = writer->end().value;
    EXPECT_GT(kept, 20);
    EXPECT_LT(kept, count);
    EXPECT_GT(writer->recovery().cut_bytes, 4096);
    append_records(*writer, 500);
    expect_records(read_all(folder.partition()), 0, kept + 500);
}

TEST(Recovery, RemovesASegmentThatWasMadeButNeverWritten) {
    ManySegments log;
    store(segment_path(log.path, {count}), std::string(4096, '\0'));
    store(log.path / "00000000000000000400.tmp", "half made");
    expect_records(read_all(log.path), 0, count);
    const auto writer = open_writer(log.path);
    EXPECT_EQ(writer->end().value, count);
    EXPECT_FALSE(fs::exists(log.path / "00000000000000000400.tmp"));
    append_records(*writer, 1);
    expect_records(read_all(log.path), 0, count + 1);
}

TEST(Recovery, GoesOnBehindASealedSegmentWithoutASuccessor) {
    ManySegments log;
    fs::remove(segment_path(log.path, log.bases.back()));
    const i64 end = log.bases.back().value;
    expect_records(read_all(log.path), 0, end);
    const auto writer = open_writer(log.path);
    EXPECT_EQ(writer->end().value, end);
    append_records(*writer, 1);
    expect_records(read_all(log.path), 0, end + 1);
}

TEST(Recovery, RefusesANewerFormatByNameAndTouchesNothing) {
    ManySegments log;
    std::string bytes = load(log.middle_file);
    bytes[8] = 2;
    store(log.middle_file, bytes);
    const auto writer = LogWriter::open(log.path, small_segments());
    ASSERT_FALSE(writer);
    EXPECT_EQ(writer.error().domain, Domain::user);
    EXPECT_NE(writer.error().what.find(log.middle_file.filename().string() + " has log format 2"),
              std::string::npos);
    EXPECT_EQ(load(log.middle_file), bytes);
    const auto reader = open_reader(log.path);
    expect_records(drain(*reader), 0, log.middle.value);
    const auto refused = reader->read(1);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().what.find("log format 2"), std::string::npos);
}

// The gap records that the log ends with, after its first `count` offsets.
std::vector<std::string> gaps_in(const std::vector<Copy>& records) {
    std::vector<std::string> gaps;
    for (const Copy& record : records)
        if (record.kind == RecordKind::gap) gaps.push_back(record.payload);
    return gaps;
}

TEST(CorruptSegment, IsSetAsideWithAGapForTheOneDamagedRecord) {
    ManySegments log;
    const Offset damaged{log.middle.value + 3};
    flip_byte(log.middle_file, position_of(log.path, log.middle, damaged) + 4);
    const auto writer = open_writer(log.path);
    ASSERT_EQ(writer->recovery().set_aside.size(), 1u);
    const std::string corrupt = fmt::format("{:020}.corrupt", log.middle.value);
    EXPECT_EQ(writer->recovery().set_aside[0], corrupt);
    EXPECT_TRUE(fs::exists(log.path / corrupt));
    ASSERT_EQ(writer->recovery().holes.size(), 1u);
    EXPECT_EQ(writer->recovery().holes[0].from, damaged);
    EXPECT_EQ(writer->recovery().holes[0].to.value, damaged.value + 1);
    EXPECT_EQ(writer->end().value, count + 1);
    EXPECT_EQ(writer->recovery().records, count);
    const auto records = read_all(log.path);
    ASSERT_EQ(std::ssize(records), count);
    for (std::size_t i = 0; i + 1 < records.size(); ++i) {
        const i64 offset = static_cast<i64>(i) + (static_cast<i64>(i) >= damaged.value ? 1 : 0);
        EXPECT_EQ(records[i],
                  (Copy{offset, RecordKind::frame, time_of(offset), payload_of(offset)}));
    }
    EXPECT_EQ(records.back().offset, count);
    EXPECT_EQ(gaps_in(records), std::vector{fmt::format(
                                    R"({{"from":{},"to":{},"cause":"corrupt segment {:020}.seg"}})",
                                    damaged.value, damaged.value + 1, log.middle.value)});
}

TEST(CorruptSegment, IsRepairedOnlyOnce) {
    ManySegments log;
    flip_byte(log.middle_file, 100);
    open_writer(log.path).reset();
    const auto after = read_all(log.path);
    const auto writer = open_writer(log.path);
    EXPECT_TRUE(writer->recovery().set_aside.empty());
    EXPECT_EQ(read_all(log.path), after);
}

TEST(CorruptSegment, LosesOnlyWhatIsDamagedWhereverTheDamageIs) {
    struct Case {
        std::string name;
        std::function<void(const ManySegments&)> hurt;
        i64 lost_from, lost_to;  // From the segment's start; -1 for its end.
    };
    const auto at = [](i64 record, i64 byte) {
        return [=](const ManySegments& log) {
            flip_byte(log.middle_file,
                      position_of(log.path, log.middle, {log.middle.value + record}) + byte);
        };
    };
    const std::vector<Case> cases = {
        {"header", [](const ManySegments& log) { flip_byte(log.middle_file, 20); }, 0, 0},
        {"magic", [](const ManySegments& log) { flip_byte(log.middle_file, 0); }, 0, 0},
        {"first record", at(0, 0), 0, 1},
        {"length of a record", at(4, 7), 4, 5},
        {"seal",
         [](const ManySegments& log) {
             flip_byte(log.middle_file, std::ssize(load(log.middle_file)) - 1);
         },
         0, 0},
        {"cut short",
         [](const ManySegments& log) {
             fs::resize_file(log.middle_file,
                             static_cast<std::uintmax_t>(
                                 position_of(log.path, log.middle, {log.middle.value + 5}) + 9));
         },
         5, -1},
        {"emptied", [](const ManySegments& log) { store(log.middle_file, ""); }, 0, -1},
        {"zeroed",
         [](const ManySegments& log) {
             store(log.middle_file, std::string(load(log.middle_file).size(), '\0'));
         },
         0, -1},
    };
    for (const Case& damage : cases) {
        SCOPED_TRACE(damage.name);
        ManySegments log;
        damage.hurt(log);
        const i64 from = log.middle.value + damage.lost_from;
        const i64 to = damage.lost_to < 0 ? log.behind.value : log.middle.value + damage.lost_to;
        const auto writer = open_writer(log.path);
        EXPECT_EQ(writer->recovery().set_aside.size(), 1u);
        const auto records = read_all(log.path);
        EXPECT_EQ(gaps_in(records).size(), from < to ? 1u : 0u);
        std::vector<i64> offsets, expected;
        for (const Copy& record : records)
            if (record.kind == RecordKind::frame) offsets.push_back(record.offset);
        for (i64 offset = 0; offset < count; ++offset)
            if (offset < from || offset >= to) expected.push_back(offset);
        EXPECT_EQ(offsets, expected);
    }
}

TEST(CorruptSegment, IsToldByAReaderThatCanGoOnBehindIt) {
    ManySegments log;
    const Offset damaged{log.middle.value + 2};
    flip_byte(log.middle_file, position_of(log.path, log.middle, damaged) + 30);
    const auto reader = open_reader(log.path);
    expect_records(drain(*reader), 0, damaged.value);
    const auto failed = reader->read(1);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().domain, Domain::external);
    EXPECT_NE(failed.error().what.find(log.middle_file.string()), std::string::npos);
    EXPECT_EQ(reader->position(), damaged);
    const auto hole = reader->skip_damage();
    ASSERT_TRUE(hole) << hole.error().what;
    EXPECT_EQ(hole->from, damaged);
    EXPECT_EQ(hole->to.value, damaged.value + 1);
    expect_records(drain(*reader), damaged.value + 1, count - damaged.value - 1);
    EXPECT_FALSE(reader->skip_damage());
}

TEST(CorruptSegment, DoesNotTroubleAReaderThatSeeksBehindTheDamage) {
    ManySegments log;
    flip_byte(log.middle_file, position_of(log.path, log.middle, log.middle) + 30);
    const auto reader = open_reader(log.path);
    ASSERT_TRUE(reader->seek({log.middle.value + 1}));
    expect_records(drain(*reader), log.middle.value + 1, count - log.middle.value - 1);
}

TEST(CorruptSegment, WithADamagedHeaderCanBeReadOnBehindTheError) {
    ManySegments log;
    flip_byte(log.middle_file, 20);
    const auto reader = open_reader(log.path);
    expect_records(drain(*reader), 0, log.middle.value);
    EXPECT_FALSE(reader->read(1));
    ASSERT_TRUE(reader->skip_damage());
    expect_records(drain(*reader), log.middle.value, count - log.middle.value);
}

TEST(CorruptSegment, FarFromTheEndIsFoundByAReaderAndSetAsideByTheNextWriter) {
    ManySegments log;
    WriterOptions options = small_segments();
    options.verify_bytes = 0;
    flip_byte(log.middle_file, 100);
    EXPECT_TRUE(open_writer(log.path, options)->recovery().set_aside.empty());
    const auto reader = open_reader(log.path);
    drain(*reader);
    EXPECT_FALSE(reader->read(1));
    EXPECT_TRUE(fs::exists(damage_note_path(log.path, log.middle)));
    EXPECT_EQ(open_writer(log.path, options)->recovery().set_aside.size(), 1u);
    EXPECT_FALSE(fs::exists(damage_note_path(log.path, log.middle)));
    EXPECT_EQ(std::ssize(read_all(log.path)), count);
}

TEST(CorruptSegment, ThatIsTheNewestAndHasNoHeaderIsSetAsideToo) {
    const TempFolder folder;
    make_log(folder.partition(), 10);
    flip_byte(segment_path(folder.partition(), {0}), 20);
    {
        const auto writer = open_writer(folder.partition());
        EXPECT_EQ(writer->end().value, 10);
        EXPECT_EQ(writer->recovery().set_aside.size(), 1u);
        append_records(*writer, 10);
    }
    expect_records(read_all(folder.partition()), 0, 20);
    const fs::path other = folder.path() / "other";
    fs::create_directory(other);
    store(segment_path(other, {7}), "nothing of a log is left in here");
    const auto writer = open_writer(other);
    EXPECT_EQ(writer->end().value, 7);
    EXPECT_EQ(load(other / writer->recovery().set_aside.at(0)), "nothing of a log is left in here");
}

TEST(CorruptSegment, LeavesOffsetsThatTruncationUnderstands) {
    ManySegments log;
    store(log.middle_file, "");
    const auto writer = open_writer(log.path);
    const Offset inside_hole{log.middle.value + 1};
    ASSERT_TRUE(writer->truncate(inside_hole));
    append_records(*writer, 5);
    const auto records = read_all(log.path);
    ASSERT_EQ(std::ssize(records), log.middle.value + 5);
    EXPECT_EQ(records.back().offset, inside_hole.value + 4);
}

// Appends for ever; tells through the pipe how far each flush came.
[[noreturn]] void append_until_killed(const fs::path& folder, int acknowledge) {
    WriterOptions options = small_segments(16 << 10);
    options.sync_interval = millis(1);
    auto writer = LogWriter::open(folder, options);
    if (!writer) ::_exit(1);
    for (int round = 0;; ++round) {
        for (int i = 0; i < 1 + round % 40; ++i) {
            const i64 next = (*writer)->end().value;
            if (!(*writer)->append(RecordKind::frame, time_of(next), payload_of(next))) ::_exit(2);
        }
        if (!(round % 5 == 0 ? (*writer)->sync() : (*writer)->flush())) ::_exit(3);
        const i64 end = (*writer)->end().value;
        if (::write(acknowledge, &end, sizeof end) != sizeof end) ::_exit(4);
    }
}

TEST(Crash, NeverLosesWhatWasAcknowledged) {
    const TempFolder folder;
    std::mt19937 random(7);
    i64 before = 0;
    for (int round = 0; round < 12; ++round) {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) append_until_killed(folder.partition(), ends[1]);
        ::close(ends[1]);
        i64 acknowledged = 0;
        for (unsigned wanted = 1 + static_cast<unsigned>(random() % 200); wanted > 0; --wanted)
            ASSERT_EQ(::read(ends[0], &acknowledged, sizeof acknowledged),
                      static_cast<ssize_t>(sizeof acknowledged));
        ::kill(child, SIGKILL);
        for (i64 more = 0; ::read(ends[0], &more, sizeof more) == sizeof more;) acknowledged = more;
        ::close(ends[0]);
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);

        const auto reader = open_reader(folder.partition());
        const auto seen = drain(*reader);
        EXPECT_EQ(reader->end().value().value, std::ssize(seen));
        const auto writer = open_writer(folder.partition(), small_segments(16 << 10));
        EXPECT_TRUE(writer->recovery().set_aside.empty());
        EXPECT_GT(acknowledged, before);
        EXPECT_GE(writer->end().value, acknowledged);
        expect_records(seen, 0, writer->end().value);
        before = writer->end().value;
    }
}

}  // namespace
}  // namespace tape::log::test
