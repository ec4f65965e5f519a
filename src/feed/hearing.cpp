#include "feed/hearing.h"

#include <algorithm>

#include "base/log.h"
#include "feed/payloads.h"

namespace tape::feed {
namespace {

Liveness::Options liveness_options(const FeedOptions& options) {
    return {.silence_min = options.silence_min,
            .silence_unknown = options.stale_after,
            .margin = options.mute_margin};
}

std::string words(const venues::Connection::Stream& stream) {
    return stream.channel + " of " + stream.native_symbol;
}

}  // namespace

std::optional<venues::RestRequest> newest_trades(
    const venues::Venue& venue, const venues::SourceSpec& spec,
    const std::vector<venues::Connection::Stream>& streams, const std::string& native_symbol) {
    std::vector<std::string_view> channels = venue.channels(spec.feed);
    for (const venues::Connection::Stream& stream : streams)
        channels.insert(channels.begin(), stream.channel);
    for (const std::string_view channel : channels) {
        if (venue.kind_of(channel) != TickKind::trade) continue;
        const venues::Missing missing{.native_symbol = native_symbol,
                                      .channel = std::string(channel)};
        if (auto request = venue.backfill(spec, missing)) return request;
    }
    return std::nullopt;
}

// Marks what a frame names.
class Hearing::Listener final : public DeafSink {
 public:
    Listener(Hearing& hearing, Nanos ts_recv, Seen& seen)
        : hearing_(hearing), ts_recv_(ts_recv), seen_(seen) {}

    void on(const Tick& tick) override {
        const auto known = hearing_.by_symbol_.find(tick.instrument->native_symbol);
        if (known == hearing_.by_symbol_.end()) return;
        for (const size_t index : known->second) {
            if (hearing_.streams_[index].kind != tick.kind) continue;
            hearing_.hear(index, tick.ts_event, ts_recv_);
            seen_.mark(index);
        }
    }
    // No channel or instrument stands for all of them.
    void on_subscribed(std::string_view channel, const Instrument* instrument) override {
        for (size_t index = 0; index < hearing_.streams_.size(); ++index) {
            Stream& stream = hearing_.streams_[index];
            if (!channel.empty() && stream.name.channel != channel) continue;
            if (instrument != nullptr && stream.name.native_symbol != instrument->native_symbol)
                continue;
            stream.last_recv = ts_recv_;
            seen_.mark(index);
        }
    }

 private:
    Hearing& hearing_;
    const Nanos ts_recv_;
    Seen& seen_;
};

Hearing::Hearing(Slot& slot)
    : slot_(slot),
      decoder_(slot.plan().venue->make_decoder()),
      probes_total_(counter("tape_feed_probes_total", {{"slot", slot.name()}})) {
    take_plan();
}

void Hearing::take_plan() {
    std::vector<Stream> before = std::move(streams_);
    streams_.clear();
    by_symbol_.clear();
    for (const venues::Connection::Stream& name : slot_.plan().connection.streams) {
        if (!is_watched(name)) continue;
        const TickKind kind = slot_.plan().venue->kind_of(name.channel);
        std::vector<size_t>& same_symbol = by_symbol_[name.native_symbol];
        const auto kind_at = [this](size_t index) { return streams_[index].kind; };
        // Of two streams that frames do not tell apart the first stands for both.
        if (std::ranges::find(same_symbol, kind, kind_at) != same_symbol.end()) continue;
        same_symbol.push_back(streams_.size());
        const auto known = std::ranges::find_if(before, [&](const Stream& old) {
            return old.name.channel == name.channel && old.name.native_symbol == name.native_symbol;
        });
        if (known != before.end()) {
            streams_.push_back(std::move(*known));
            continue;
        }
        streams_.push_back({.name = name,
                            .kind = kind,
                            .liveness = Liveness(liveness_options(slot_.context().options)),
                            .last_heard = steady_clock(),
                            .last_recv = wall_clock()});
        streams_.back().liveness.on_connected(steady_clock());
    }
    unheard_ = std::ssize(streams_);
}

void Hearing::on_connected(Nanos now) {
    for (Stream& stream : streams_) {
        stream.last_heard = now;
        stream.last_recv = wall_clock();
        stream.event_known = false;
        stream.liveness.on_connected(now);
    }
    unheard_ = std::ssize(streams_);
}

void Hearing::listen(venues::Decoder& decoder, const log::Record& record, Seen& seen) {
    Listener listener(*this, record.ts_recv, seen);
    (void)decoder.decode(record, listener);  // What is wrong with it, others will tell.
}

void Hearing::hear(size_t index, Nanos ts_event, Nanos ts_recv) {
    Stream& stream = streams_[index];
    stream.last_event = stream.event_known ? std::max(stream.last_event, ts_event) : ts_event;
    stream.event_known = true;
    if (stream.liveness.heard_since_tick()) return;
    stream.last_recv = ts_recv;
    stream.liveness.on_heard(steady_clock());
    --unheard_;
}

std::vector<Hearing::Finding> Hearing::on_tick(Nanos now) {
    std::vector<Finding> findings;
    for (Stream& stream : streams_) {
        if (stream.liveness.heard_since_tick()) stream.last_heard = now;
        const Liveness::Step step = stream.liveness.on_tick(now);
        if (step == Liveness::Step::ask)
            to_ask_.push_back(stream.name);
        else if (step != Liveness::Step::none)
            findings.push_back({stream.name, step, stream.last_recv});
    }
    unheard_ = std::ssize(streams_);
    if (!to_ask_.empty() && !asking_) slot_.spawn(ask_markets());
    return findings;
}

// One symbol after the other, so that a whole market's halt does not make a flood of requests.
asio::awaitable<void> Hearing::ask_markets() {
    asking_ = true;
    while (!to_ask_.empty() && !slot_.stopped()) {
        const venues::Connection::Stream name = to_ask_.front();
        const Stream* const stream = find(name);
        std::optional<Nanos> newest;
        if (stream != nullptr && !trades_go_on(*stream))
            newest = co_await newest_trade(name.native_symbol);
        for (const venues::Connection::Stream& asked : to_ask_)
            if (asked.native_symbol == name.native_symbol) judge(asked, newest);
        std::erase_if(to_ask_, [&](const venues::Connection::Stream& asked) {
            return asked.native_symbol == name.native_symbol;
        });
    }
    asking_ = false;
}

// The newest trade is compared with what was heard by the venue's own clock; where nothing was
// heard of this connection, with what a first answer said.
void Hearing::judge(const venues::Connection::Stream& name, std::optional<Nanos> newest) {
    Stream* const stream = find(name);
    if (stream == nullptr) return;  // No longer wanted.
    Liveness::Market market = Liveness::Market::unknown;
    if (trades_go_on(*stream)) {
        market = Liveness::Market::traded;
    } else if (newest && !stream->event_known) {
        stream->last_event = *newest;
        stream->event_known = true;
        market = Liveness::Market::noted;
    } else if (newest) {
        const bool later = *newest > stream->last_event + slot_.context().options.mute_margin;
        market = later ? Liveness::Market::traded : Liveness::Market::quiet;
    }
    stream->liveness.on_answer(steady_clock(), market);
}

// None: the venue cannot be asked, or gave no answer that can be read.
asio::awaitable<std::optional<Nanos>> Hearing::newest_trade(std::string native_symbol) {
    const Slot::Plan& plan = slot_.plan();
    const std::optional<venues::RestRequest> request =
        newest_trades(*plan.venue, plan.spec, plan.connection.streams, native_symbol);
    if (!request) co_return std::nullopt;
    probes_total_.add();
    std::string payload;
    try {
        const std::shared_ptr<RestClient> rest = plan.rest;  // The plan may change meanwhile.
        venues::RestRequest asked = *request;
        const net::HttpResponse response = co_await rest->fetch(std::move(asked));
        if (response.status == 200)
            payload = rest_payload(request->method, request->target, 200, response.body);
    } catch (const std::exception& error) {
        log_warn("{}: cannot ask whether {} trades: {}", slot_.name(), native_symbol, error.what());
    }
    if (payload.empty() || !slot_.recorder().fits(payload)) co_return std::nullopt;
    NewestTrade newest(native_symbol);
    const log::Record record{
        .offset = {}, .kind = log::RecordKind::rest, .ts_recv = wall_clock(), .payload = payload};
    const auto wrong = decoder_->decode(record, newest);
    // Elsewhere they are another slot's, and would be there twice.
    const bool carried = std::ranges::any_of(streams_, [&](const Stream& stream) {
        return stream.kind == TickKind::trade && stream.name.native_symbol == native_symbol;
    });
    if (carried) co_await slot_.record_answer(payload);
    if (wrong || newest.ts_event == Nanos{}) co_return std::nullopt;
    co_return newest.ts_event;
}

// A stream of another kind is judged by the trades of the same symbol, where they are heard.
bool Hearing::trades_go_on(const Stream& stream) const {
    if (stream.kind == TickKind::trade) return false;
    return std::ranges::any_of(streams_, [&](const Stream& other) {
        return other.kind == TickKind::trade &&
               other.name.native_symbol == stream.name.native_symbol &&
               other.last_recv > stream.last_recv + slot_.context().options.mute_margin;
    });
}

Hearing::Stream* Hearing::find(const venues::Connection::Stream& name) {
    const auto found = std::ranges::find_if(streams_, [&](const Stream& stream) {
        return stream.name.channel == name.channel &&
               stream.name.native_symbol == name.native_symbol;
    });
    return found == streams_.end() ? nullptr : &*found;
}

std::vector<std::string> Hearing::stale(Nanos now) const {
    std::vector<std::string> names;
    for (const Stream& stream : streams_)
        if (now - stream.last_heard > slot_.context().options.stale_after)
            names.push_back(words(stream.name));
    return names;
}

std::vector<std::string> Hearing::mute() const {
    std::vector<std::string> names;
    for (const Stream& stream : streams_)
        if (stream.liveness.mute()) names.push_back(words(stream.name));
    return names;
}

}  // namespace tape::feed
