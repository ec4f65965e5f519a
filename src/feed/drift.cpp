#include "feed/drift.h"

#include <fmt/ranges.h>

#include <array>

namespace tape::feed {
namespace {

constexpr std::string_view checksum = "\"checksum\":";
constexpr i64 checksums_min = 3;  // Before a constant is called one.

}  // namespace

DriftWatch::DriftWatch(const venues::Venue& venue,
                       const std::vector<venues::Connection::Stream>& streams)
    : decoder_(venue.make_decoder()) {
    for (const venues::Connection::Stream& stream : streams)
        if (is_watched(stream)) streams_.push_back({stream, venue.kind_of(stream.channel)});
}

void DriftWatch::take(log::RecordKind kind, std::string_view payload) {
    const log::Record record{
        .offset = {frames_}, .kind = kind, .ts_recv = wall_clock(), .payload = payload};
    const auto wrong = decoder_->decode(record, *this);
    if (wrong && wrong->reason == "missing_field") vanished_ = wrong->detail;
    if (kind == log::RecordKind::sent || kind == log::RecordKind::connected) return;
    ++frames_;
    const size_t at = payload.find(checksum);
    if (at == std::string_view::npos) return;
    ++checksums_;
    const std::string_view value = payload.substr(at + checksum.size(), 2);
    if (value.starts_with('0') && (value.size() < 2 || value[1] == ',' || value[1] == '}'))
        ++zero_checksums_;
}

void DriftWatch::on(const Tick& tick) {
    acknowledged_ = true;
    for (Stream& stream : streams_)
        if (stream.kind == tick.kind && stream.name.native_symbol == tick.instrument->native_symbol)
            stream.heard = true;
}

std::vector<venues::Connection::Stream> DriftWatch::unheard() const {
    std::vector<venues::Connection::Stream> names;
    for (const Stream& stream : streams_)
        if (!stream.heard) names.push_back(stream.name);
    return names;
}

bool DriftWatch::book_known() const {
    return checksums_ >= checksums_min || !book_refused_.empty();
}

std::string DriftWatch::notes() const {
    std::vector<std::string> notes;
    if (!unknown_.empty())
        notes.push_back(fmt::format("unknown message types: {}", fmt::join(unknown_, ", ")));
    if (checksums_ >= checksums_min && checksums_ == zero_checksums_)
        notes.push_back(
            fmt::format("the checksum is 0 in all {} messages that have one", checksums_));
    if (!book_refused_.empty())
        notes.push_back("no look at the order book: " + book_refused_);
    else if (book_ && checksums_ == 0)
        notes.push_back("no message of the order book has a checksum");
    return fmt::format("{}", fmt::join(notes, "; "));
}

bool wants_authentication(std::string_view words) {
    std::string lower(words);
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    constexpr std::array signs{"auth",       "log in",    "login",      "api key",   "apikey",
                               "permission", "signature", "credential", "status 401"};
    return std::ranges::any_of(
        signs, [&](std::string_view sign) { return lower.find(sign) != std::string::npos; });
}

}  // namespace tape::feed
