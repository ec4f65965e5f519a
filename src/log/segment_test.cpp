#include "log/segment.h"

#include "log/crc32c.h"
#include "log/test_support.h"

namespace tape::log::test {
namespace {

TEST(Crc32c, GivesThePublishedValues) {  // RFC 3720, appendix B.4.
    std::string ascending, descending;
    for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i);
    for (int i = 31; i >= 0; --i) descending += static_cast<char>(i);
    EXPECT_EQ(crc32c(0, "123456789"), 0xe3069283u);
    EXPECT_EQ(crc32c(0, std::string(32, '\0')), 0x8a9136aau);
    EXPECT_EQ(crc32c(0, std::string(32, '\xff')), 0x62a8ab43u);
    EXPECT_EQ(crc32c(0, ascending), 0x46dd794eu);
    EXPECT_EQ(crc32c(0, descending), 0x113fdb5cu);
}

TEST(Crc32c, IsTheSameByTablesAndInPieces) {
    std::string bytes;
    for (int i = 0; i < 300; ++i) bytes += static_cast<char>(i * 37);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const std::string_view part = std::string_view(bytes).substr(0, size);
        EXPECT_EQ(crc32c(7, part), crc32c_portable(7, part));
        EXPECT_EQ(crc32c(crc32c(7, part), std::string_view(bytes).substr(size)), crc32c(7, bytes));
    }
}

TEST(RecordKind, HasANameThatParsesBackWhereItIsRaw) {
    for (int value = 1; value <= 8; ++value) {
        const RecordKind kind{static_cast<u8>(value)};
        RecordKind parsed{};
        EXPECT_TRUE(parse_kind(to_string(kind), parsed));
        EXPECT_EQ(parsed, kind);
    }
    RecordKind kind = RecordKind::frame;
    EXPECT_EQ(to_string(RecordKind::dead_letter), "dead_letter");
    EXPECT_EQ(to_string(RecordKind{200}), "unknown");
    EXPECT_FALSE(parse_kind("tick", kind));
    EXPECT_FALSE(parse_kind("", kind));
    EXPECT_EQ(kind, RecordKind::frame);
}

TEST(Segment, HasTheBytesThatTheFormatSays) {
    std::string bytes = encode_header({5}, {0x0102030405060708});
    encode_record(bytes, {5}, {6}, static_cast<u8>(RecordKind::frame), {9}, "abc");
    ASSERT_EQ(bytes.size(), 64u + 24u + 8u);
    EXPECT_EQ(bytes.substr(0, 16), std::string("tapelog\0\1\0\0\0\x40\0\0\0", 16));
    EXPECT_EQ(bytes.substr(16, 16), std::string("\5\0\0\0\0\0\0\0\x08\7\6\5\4\3\2\1", 16));
    EXPECT_EQ(bytes.substr(64 + 4, 28),
              std::string("\3\0\0\0\1\0\0\0\4\0\0\0\x09\0\0\0\0\0\0\0abc\0\0\0\0\0", 28));
}

TEST(Segment, RefusesARecordOfAnotherSegmentOrPlace) {
    const TempFolder folder;
    const fs::path path = segment_path(folder.path(), {100});
    const auto step_for = [&](Offset base, Offset offset) {
        std::string bytes = encode_header({100}, {});
        encode_record(bytes, base, offset, static_cast<u8>(RecordKind::frame), {}, "stale");
        store(path, bytes);
        SegmentCursor cursor(std::make_shared<const File>(File::open(path, O_RDONLY).value()),
                             {100});
        Record record;
        return cursor.next(record).value();
    };
    EXPECT_EQ(step_for({100}, {100}), SegmentCursor::Step::record);
    EXPECT_EQ(step_for({100}, {101}), SegmentCursor::Step::broken);
    EXPECT_EQ(step_for({200}, {200}), SegmentCursor::Step::broken);
}

TEST(Segment, NoticesEveryChangedByteOfARecord) {
    const TempFolder folder;
    const fs::path path = segment_path(folder.path(), {0});
    std::string bytes = encode_header({0}, {});
    encode_record(bytes, {0}, {0}, static_cast<u8>(RecordKind::frame), {1}, "payload");
    for (std::size_t i = 64; i < bytes.size(); ++i) {
        std::string changed = bytes;
        changed[i] ^= 1;
        store(path, changed);
        SegmentCursor cursor(std::make_shared<const File>(File::open(path, O_RDONLY).value()), {0});
        Record record;
        EXPECT_EQ(cursor.next(record).value(), SegmentCursor::Step::broken) << i;
    }
}

TEST(Segment, SealTellsItsEndAndLastTime) {
    const TempFolder folder;
    const fs::path path = segment_path(folder.path(), {10});
    std::string bytes = encode_header({10}, {});
    encode_record(bytes, {10}, {10}, static_cast<u8>(RecordKind::frame), {77}, "x");
    store(path, bytes);
    EXPECT_FALSE(read_seal(File::open(path, O_RDONLY).value(), {10}).value());
    encode_seal(bytes, {10}, {11}, {77});
    store(path, bytes);
    const auto seal = read_seal(File::open(path, O_RDONLY).value(), {10}).value();
    ASSERT_TRUE(seal);
    EXPECT_EQ(seal->end.value, 11);
    EXPECT_EQ(seal->last_ts.count, 77);
}

TEST(Inspect, PrintsALineForEachRecordAndHowItEnds) {
    const TempFolder folder;
    {
        const auto writer = open_writer(folder.partition());
        ASSERT_TRUE(
            writer->append(RecordKind::frame, {1'652'459'225'503'749'100}, "{\"a\":\"\n\"}"));
        ASSERT_TRUE(writer->append(RecordKind::heartbeat, {1'652'459'226'000'000'000}, ""));
    }
    std::vector<std::string> lines;
    const auto print = [&](std::string_view line) { lines.emplace_back(line); };
    ASSERT_TRUE(inspect(segment_path(folder.partition(), {0}), print));
    ASSERT_EQ(lines.size(), 4u);
    EXPECT_TRUE(lines[0].starts_with("segment 0 format 1 header good"));
    EXPECT_EQ(lines[1], "0 frame 2022-05-13T16:27:05.503749100Z 9 {\"a\":\"\\x0a\"}");
    EXPECT_EQ(lines[2], "1 heartbeat 2022-05-13T16:27:06Z 0 ");
    EXPECT_EQ(lines[3], "live: 2 records in 128 bytes");
}

}  // namespace
}  // namespace tape::log::test
