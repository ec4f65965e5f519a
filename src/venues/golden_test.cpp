// Golden cases: tests/golden/<venue>/<case>.in holds records, <case>.out the events they must give.
// A case is added by adding the two files. A line of .in is a frame, as it stands; or `rest STATUS
// TARGET BODY`, `sent TEXT` or `connected PAYLOAD`; or, after `#`, a remark. TAPE_GOLDEN_WRITE=1
// writes the .out files instead, for reading over what changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "venues/test_events.h"

namespace tape::venues {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> read_lines(const fs::path& path) {
    std::vector<std::string> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
}

// The record's kind and payload of a line of a case; none of a remark or an empty line.
std::optional<std::pair<log::RecordKind, std::string>> parse_line(const std::string& line) {
    if (line.empty() || line[0] == '#') return std::nullopt;
    if (line.starts_with("sent ")) return std::pair(log::RecordKind::sent, line.substr(5));
    if (line.starts_with("connected "))
        return std::pair(log::RecordKind::connected, line.substr(10));
    if (!line.starts_with("rest ")) return std::pair(log::RecordKind::frame, line);
    std::istringstream words(line.substr(5));
    int status = 0;
    std::string target, body;
    words >> status >> target;
    std::getline(words >> std::ws, body);
    return std::pair(log::RecordKind::rest, rest_payload(target, status, body));
}

enum class Restore : u8 { never, between_records };

std::vector<std::string> events_of(const fs::path& in, Restore restore) {
    const Venue& venue = *find_venue(in.parent_path().filename().string());
    auto decoder = venue.make_decoder();
    std::vector<std::string> lines;
    i64 offset = 0;
    for (const std::string& line : read_lines(in)) {
        const auto parsed = parse_line(line);
        if (!parsed) continue;
        EventLog events;
        const log::Record record{.offset = {offset},
                                 .kind = parsed->first,
                                 .ts_recv = seconds(1'700'000'000 + offset),
                                 .payload = parsed->second};
        if (const auto error = decoder->decode(record, events)) events.on_error(*error);
        lines.insert(lines.end(), events.lines.begin(), events.lines.end());
        ++offset;
        if (restore == Restore::never) continue;
        std::string state;
        decoder->save(state);
        decoder = venue.make_decoder();
        EXPECT_TRUE(decoder->load(state));
    }
    return lines;
}

std::vector<fs::path> cases() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator("tests/golden"))
        if (entry.path().extension() == ".in") found.push_back(entry.path());
    std::ranges::sort(found);
    return found;
}

TEST(Golden, EachCaseGivesItsEvents) {
    for (const fs::path& in : cases()) {
        SCOPED_TRACE(in.string());
        ASSERT_NE(find_venue(in.parent_path().filename().string()), nullptr)
            << "the folder is the venue's name";
        const auto lines = events_of(in, Restore::never);
        const fs::path out = fs::path(in).replace_extension(".out");
        if (std::getenv("TAPE_GOLDEN_WRITE")) {
            std::ofstream file(out);
            for (const std::string& line : lines) file << line << '\n';
        }
        EXPECT_EQ(lines, read_lines(out));
    }
    EXPECT_FALSE(cases().empty());
}

TEST(Golden, ARestoreBetweenRecordsChangesNothing) {
    for (const fs::path& in : cases())
        EXPECT_EQ(events_of(in, Restore::between_records),
                  read_lines(fs::path(in).replace_extension(".out")))
            << in;
}

}  // namespace
}  // namespace tape::venues
