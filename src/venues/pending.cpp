#include "venues/pending.h"

#include <algorithm>

#include "venues/state.h"

namespace tape::venues {
namespace {

// A venue that answers nothing is not remembered without end.
constexpr std::size_t requests_max = 1'000;

}  // namespace

void PendingRequests::add(std::string_view id, std::vector<Connection::Stream> streams) {
    if (requests_.size() == requests_max) requests_.pop_front();
    requests_.push_back({std::string(id), std::move(streams)});
}

std::optional<std::vector<Connection::Stream>> PendingRequests::take(std::string_view id) {
    const auto place = std::ranges::find(requests_, id, &Request::id);
    if (place == requests_.end()) return std::nullopt;
    std::vector<Connection::Stream> streams = std::move(place->streams);
    requests_.erase(place);
    return streams;
}

void PendingRequests::save(std::string& out) const {
    put(out, static_cast<u32>(requests_.size()));
    for (const Request& request : requests_) {
        put_text(out, request.id);
        put(out, static_cast<u32>(request.streams.size()));
        for (const Connection::Stream& stream : request.streams) {
            put_text(out, stream.channel);
            put_text(out, stream.native_symbol);
        }
    }
}

bool PendingRequests::load(std::string_view& state) {
    requests_.clear();
    u32 requests = 0;
    if (!venues::take(state, requests)) return false;
    for (u32 i = 0; i < requests; ++i) {
        std::string_view id, channel, native_symbol;
        u32 streams = 0;
        if (!take_text(state, id) || !venues::take(state, streams)) return false;
        Request& request = requests_.emplace_back(std::string(id));
        for (u32 j = 0; j < streams; ++j) {
            if (!take_text(state, channel) || !take_text(state, native_symbol)) return false;
            request.streams.push_back({std::string(channel), std::string(native_symbol)});
        }
    }
    return true;
}

}  // namespace tape::venues
