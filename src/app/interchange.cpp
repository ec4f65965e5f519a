#include "app/interchange.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <istream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <queue>

#include "base/json_text.h"
#include "log/log.h"
#include "venues/venue.h"

namespace tape::app {
namespace {

constexpr std::size_t problems_kept = 100;

std::string base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

bool from_base64(std::string_view text, std::string& bytes) {
    if (text.size() % 4 != 0) return false;
    bytes.resize(text.size() / 4 * 3);
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) return false;
    // OpenSSL counts the padding as bytes.
    const auto padding = static_cast<std::size_t>(text.ends_with("==")  ? 2
                                                  : text.ends_with('=') ? 1
                                                                        : 0);
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return true;
}

struct Line {
    std::string conn, payload;
    Nanos ts_recv;
    log::RecordKind kind{};
};

// Fills `line`, or says what is wrong with the text.
std::string parse_line(const std::string& text, std::string_view venue, Line& line) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_discarded()) return "no JSON";
    if (!json.is_object()) return "no JSON object";
    const auto time = json.find("ts_recv"), conn = json.find("conn"), kind = json.find("kind");
    if (time == json.end() || !time->is_number_integer())
        return "'ts_recv' is no whole number of nanoseconds";
    if (conn == json.end() || !conn->is_string()) return "'conn' is no text";
    if (kind == json.end() || !kind->is_string()) return "'kind' is no text";
    line.ts_recv = {time->get<i64>()};
    line.conn = conn->get<std::string>();
    if (venues::venue_of_slot(line.conn) != venue ||
        line.conn.find_first_of("/\\.") != std::string::npos)
        return fmt::format("conn '{}' is no slot of {}: expected {}-1, {}-2, …", line.conn, venue,
                           venue, venue);
    if (!log::parse_kind(kind->get<std::string>(), line.kind))
        return fmt::format("unknown kind '{}'", kind->get<std::string>());
    const auto payload = json.find("payload"), encoded = json.find("payload_base64");
    if (payload != json.end()) {
        if (payload->is_string())
            line.payload = payload->get<std::string>();
        else
            return "'payload' is no text";
    } else if (encoded == json.end() || !encoded->is_string() ||
               !from_base64(encoded->get<std::string>(), line.payload)) {
        return "neither 'payload' nor a valid 'payload_base64'";
    }
    return {};
}

// One partition's records, one at a time, for the merge.
struct Stream {
    std::string conn;
    std::unique_ptr<log::LogReader> reader;
    std::vector<log::Record> records;  // Views into the reader's buffer.
    std::size_t next = 0;

    const log::Record& front() const { return records[next]; }
    Result<bool> advance() {
        if (++next < records.size()) return true;
        auto batch = reader->read(1024);
        if (!batch) return batch.error();
        records.assign(batch->begin(), batch->end());
        next = 0;
        return !records.empty();
    }
};

}  // namespace

Result<ImportReport> import_capture(std::istream& in, std::string_view venue,
                                    const std::filesystem::path& raw) {
    ImportReport report;
    std::map<std::string, std::unique_ptr<log::LogWriter>, std::less<>> writers;
    Line line;
    for (std::string text; std::getline(in, text);) {
        ++report.lines;
        if (const std::string problem = parse_line(text, venue, line); !problem.empty()) {
            ++report.bad_lines;
            if (report.problems.size() < problems_kept)
                report.problems.push_back(fmt::format("line {}: {}", report.lines, problem));
            continue;
        }
        auto& writer = writers[line.conn];
        if (!writer) {
            auto opened = log::LogWriter::open(raw / line.conn, {.sync_interval = {0}});
            if (!opened) return opened.error();
            writer = std::move(*opened);
        }
        if (const auto offset = writer->append(line.kind, line.ts_recv, line.payload); !offset)
            return offset.error();
        if (++report.records % 4096 != 0) continue;
        for (auto& [slot, each] : writers)
            if (const auto flushed = each->flush(); !flushed) return flushed.error();
    }
    for (auto& [slot, writer] : writers) {
        if (const auto synced = writer->sync(); !synced) return synced.error();
        report.slots.push_back(slot);
    }
    return report;
}

void append_capture_line(std::string& out, std::string_view conn, const log::Record& record) {
    fmt::format_to(std::back_inserter(out), R"({{"ts_recv":{},"conn":)", record.ts_recv.count);
    append_json_string(out, conn);
    fmt::format_to(std::back_inserter(out), R"(,"kind":"{}",)", to_string(record.kind));
    if (is_utf8(record.payload))
        append_json_string(out += "\"payload\":", record.payload);
    else
        out += "\"payload_base64\":\"" + base64(record.payload) + '"';
    out += '}';
}

Result<i64> export_capture(const std::filesystem::path& raw, std::string_view venue,
                           std::ostream& out) {
    const auto slots = log::list_partitions(raw);
    if (!slots) return slots.error();
    std::vector<Stream> streams;
    for (const std::string& slot : *slots) {
        if (!venue.empty() && venues::venue_of_slot(slot) != venue) continue;
        auto reader = log::LogReader::open(raw / slot);
        if (!reader) return reader.error();
        streams.push_back({slot, std::move(*reader), {}, 0});
    }
    const auto later = [&](std::size_t a, std::size_t b) {
        const auto key = [](const Stream& s) {
            return std::tuple(s.front().ts_recv, std::string_view(s.conn), s.front().offset);
        };
        return key(streams[a]) > key(streams[b]);
    };
    std::priority_queue<std::size_t, std::vector<std::size_t>, decltype(later)> queue(later);
    for (std::size_t i = 0; i < streams.size(); ++i) {
        const auto any = streams[i].advance();
        if (!any) return any.error();
        if (*any) queue.push(i);
    }
    i64 count = 0;
    for (std::string text; !queue.empty(); ++count) {
        const std::size_t i = queue.top();
        queue.pop();
        text.clear();
        append_capture_line(text, streams[i].conn, streams[i].front());
        out << text << '\n';
        if (!out) return external_error("cannot write the export", Retry::never);
        const auto more = streams[i].advance();
        if (!more) return more.error();
        if (*more) queue.push(i);
    }
    return count;
}

}  // namespace tape::app
