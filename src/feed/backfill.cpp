#include "feed/backfill.h"

#include <algorithm>
#include <tuple>

#include "base/log.h"
#include "feed/doze.h"
#include "feed/event_sinks.h"
#include "feed/payloads.h"

namespace tape::feed {
namespace {

constexpr Nanos longest_nap = seconds(1);  // While a venue bars: then patience is looked at.

// Answers to keep asking after: the venue, or what is between, has a bad time. Other 4xx are its
// last word on that request.
bool may_pass(int status) {
    constexpr int passing[] = {401, 403, 408, 418, 425, 429};
    return status >= 500 || std::ranges::find(passing, status) != std::end(passing);
}

class Collector final : public DeafSink {
 public:
    std::vector<FetchedTrade> trades;
    std::string refused;

    void on(const Tick& tick) override {
        if (tick.kind != TickKind::trade || !tick.identity) return;
        const u64 last = *tick.identity;
        trades.push_back({last - std::min<u64>(last, tick.covers - 1), last, tick.ts_event});
    }
    void on_refused(std::string_view detail) override { refused = detail; }
    void on_unknown(std::string_view what) override {
        refused = "an answer of an unknown kind: " + std::string(what);
    }
};

}  // namespace

BackfillTarget::BackfillTarget(std::string slot_name, const venues::Venue& of,
                               venues::SourceSpec source, std::shared_ptr<RestClient> client,
                               std::unique_ptr<AnswerLog> records)
    : slot(std::move(slot_name)),
      venue(of),
      spec(std::move(source)),
      rest(std::move(client)),
      log(std::move(records)),
      decoder(of.make_decoder()) {
    const Labels labels{{"slot", slot}};
    open_gauge = gauge("tape_feed_backfills_open", labels);
    requests_total = counter("tape_feed_backfill_requests_total", labels);
    trades_total = counter("tape_feed_backfill_trades_total", labels);
    given_up_total = counter("tape_feed_backfills_given_up_total", labels);
}

void BackfillTarget::count_open(i64 change) {
    open_gauge.set(static_cast<double>(open += change));
}

// An answer as the hunt needs it: trades, or why there are none and whether asking again may help.
struct Backfill::Answer {
    enum class Kind : u8 { trades, passing, final } kind{};
    std::string why;
    std::vector<FetchedTrade> trades;
};

void Backfill::ask(const std::shared_ptr<BackfillTarget>& target, venues::Missing missing) {
    i64 waiting = std::ssize(verdicts_);
    for (const auto& stream : streams_) waiting += stream->hunt.size();
    if (waiting >= options_.queue) {
        log_error("{}: too many gaps wait to be fetched: {} of {} is left as it is", target->slot,
                  missing.channel, missing.native_symbol);
        if (waiting >= 2 * options_.queue) return;
        target->count_open(1);
        verdicts_.push_back(
            {target, {std::move(missing), "too many gaps wait to be fetched", true}});
        wake_.cancel();
        return;
    }
    auto known = std::ranges::find_if(streams_, [&](const auto& stream) {
        return stream->target == target && stream->channel == missing.channel &&
               stream->native_symbol == missing.native_symbol;
    });
    if (known == streams_.end()) {
        auto made = std::make_unique<Stream>(
            Stream{.target = target,
                   .channel = missing.channel,
                   .native_symbol = missing.native_symbol,
                   .hunt = StreamHunt(target->venue.identity(), options_.settle)});
        known = streams_.insert(streams_.end(), std::move(made));
    }
    if (!(*known)->hunt.add(std::move(missing), steady_clock())) return;
    target->count_open(1);
    wake_.cancel();
}

void Backfill::forget(const BackfillTarget& target) {
    for (const auto& stream : streams_) {
        if (stream->target.get() != &target) continue;
        stream->target->count_open(-stream->hunt.size());
        stream->hunt = StreamHunt(target.venue.identity(), options_.settle);
    }
}

asio::awaitable<void> Backfill::run() {
    for (;;) {
        collect_done();
        co_await record_verdicts();
        std::erase_if(streams_, [](const auto& stream) { return stream->hunt.empty(); });
        Nanos wait = longest_nap;
        Stream* const stream = pick(wait);
        if (stream != nullptr)
            co_await step(*stream);
        else if (verdicts_.empty())
            co_await nap(wait);
    }
}

asio::awaitable<void> Backfill::nap(Nanos span) {
    return doze(wake_, span);
}

// The stream with the oldest gap, among those that failed the longest time ago; or none, and how
// long to wait at most.
Backfill::Stream* Backfill::pick(Nanos& wait) const {
    const Nanos now = steady_clock();
    Stream* best = nullptr;
    for (const auto& stream : streams_) {
        if (stream->not_before > now) {
            wait = std::min(wait, stream->not_before - now);
            continue;
        }
        if (best == nullptr || std::tuple(stream->turn, stream->hunt.oldest_ts()) <
                                   std::tuple(best->turn, best->hunt.oldest_ts()))
            best = stream.get();
    }
    return best;
}

asio::awaitable<void> Backfill::step(Stream& stream) {
    BackfillTarget& target = *stream.target;
    const Nanos now = steady_clock();
    const StreamHunt::Request request = stream.hunt.next(now);
    if (request.due > now) {
        stream.not_before = request.due;
        co_return;
    }
    std::optional<venues::RestRequest> words = target.venue.backfill(target.spec, request.missing);
    if (!words) {
        stream.hunt.refuse(request, "the venue offers no history of " + stream.channel);
        co_return;
    }
    // The same question again: the venue cannot be asked for what is older.
    if (stream.answered_gap == request.gap && stream.answered_target == words->target) {
        stream.hunt.on_answer(request, {});
        co_return;
    }
    const Nanos ready = target.rest->ready_at(now, words->weight, RestUse::backfill);
    if (ready <= now) {
        co_await fetch(stream, request, std::move(*words));
        co_return;
    }
    if (target.rest->barred()) note_failure(stream, "the venue bars this address for a while");
    give_up_old(now);
    co_await nap(std::min(ready - now, longest_nap));
}

asio::awaitable<void> Backfill::fetch(Stream& stream, StreamHunt::Request request,
                                      venues::RestRequest words) {
    const std::shared_ptr<BackfillTarget> target = stream.target;
    const std::shared_ptr<RestClient> rest = target->rest;
    target->requests_total.add();
    Answer answer{Answer::Kind::passing, {}, {}};
    std::string payload;
    try {
        const net::HttpResponse response = co_await rest->fetch(words, RestUse::backfill);
        payload = rest_payload(words.method, words.target, response.status, response.body);
        answer = read(*target, response, payload);
        if (answer.kind == Answer::Kind::passing && response.status == 200)
            rest->refused(RestUse::backfill);
    } catch (const std::exception& error) {
        answer.why = error.what();
    }
    if (answer.kind == Answer::Kind::passing) {
        note_failure(stream, answer.why);
        give_up_old(steady_clock());
        co_return;
    }
    failing_since_.reset();
    stream.turn = 0;
    if (answer.kind == Answer::Kind::final) {
        stream.hunt.refuse(request, answer.why);
        co_return;
    }
    if (stream.hunt.may_lag(request, answer.trades, steady_clock())) {
        stream.not_before = steady_clock() + Nanos{options_.settle.count / 2};
        co_return;
    }
    ++target->answers;
    for (const FetchedTrade& trade : answer.trades)
        target->reached =
            target->reached == Nanos{} ? trade.ts : std::min(target->reached, trade.ts);
    co_await target->log->record(log::RecordKind::rest, std::move(payload));
    const i64 fetched = stream.hunt.on_answer(request, answer.trades);
    target->fetched += fetched;
    target->trades_total.add(fetched);
    stream.answered_gap = request.gap;
    stream.answered_target = std::move(words.target);
}

// Answers that bring nothing are not recorded: they are no news to who reads the log.
Backfill::Answer Backfill::read(BackfillTarget& target, const net::HttpResponse& response,
                                std::string_view payload) {
    using enum Answer::Kind;
    if (response.status != 200)
        return {may_pass(response.status) ? passing : final,
                fmt::format("status {}", response.status),
                {}};
    if (!target.log->fits(payload))
        return {final, fmt::format("an answer of {} bytes", payload.size()), {}};
    Collector collector;
    const log::Record record{
        .kind = log::RecordKind::rest, .ts_recv = wall_clock(), .payload = payload};
    if (const auto error = target.decoder->decode(record, collector))
        return {passing, fmt::format("an answer that cannot be read: {}", error->detail), {}};
    if (!collector.refused.empty()) return {passing, collector.refused, {}};
    return {trades, {}, std::move(collector.trades)};
}

void Backfill::note_failure(Stream& stream, const std::string& why) {
    const Nanos now = steady_clock();
    if (why != last_failure_)
        log_warn("{}: {} of {} is not fetched: {}", stream.target->slot, stream.channel,
                 stream.native_symbol, why);
    last_failure_ = why;
    if (!failing_since_) failing_since_ = now;
    stream.turn = ++turns_;
    stream.hunt.on_failure(now);
}

void Backfill::give_up_old(Nanos now) {
    for (const auto& stream : streams_)
        stream->hunt.give_up(now, options_.patience, failing_since_, last_failure_);
}

void Backfill::collect_done() {
    for (const auto& stream : streams_)
        for (StreamHunt::Done& done : stream->hunt.take_done())
            verdicts_.push_back({stream->target, std::move(done)});
}

asio::awaitable<void> Backfill::record_verdicts() {
    while (!verdicts_.empty()) {
        const Verdict verdict = std::move(verdicts_.front());
        verdicts_.pop_front();
        BackfillTarget& target = *verdict.target;
        if (verdict.done.given_up) target.given_up_total.add();
        target.last = verdict.done;
        std::string payload = fetched_payload(verdict.done.asked, verdict.done.detail);
        co_await target.log->record(log::RecordKind::gap, std::move(payload));
        target.count_open(-1);
    }
}

}  // namespace tape::feed
