// Back-fill by hand: one symbol, from one time to another, into the log of its slot, without a
// running feed.
#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "feed/backfill.h"
#include "feed/feed.h"
#include "feed/payloads.h"
#include "feed/plan.h"
#include "feed/recorder.h"

namespace tape::feed {
namespace {

constexpr Nanos progress_interval = millis(100);

class RangeLog final : public AnswerLog {
 public:
    explicit RangeLog(Recorder& recorder) : recorder_(recorder) {}
    bool fits(std::string_view payload) const override { return recorder_.fits(payload); }
    asio::awaitable<void> record(log::RecordKind kind, std::string payload) override {
        recorder_.append(kind, wall_clock(), payload);
        co_return;
    }

 private:
    Recorder& recorder_;
};

struct Place {
    const PlannedSource* source{};
    const PlannedSlot* slot{};
    venues::Connection::Stream stream;
};

// The slot that carries trades of the symbol. A plan of that symbol alone tells how the venue names
// it.
Result<Place> find_place(const std::vector<PlannedSource>& planned, std::string_view venue,
                         std::string_view symbol) {
    for (const PlannedSource& source : planned) {
        if (source.venue->name() != venue ||
            std::ranges::find(source.spec.symbols, symbol) == source.spec.symbols.end())
            continue;
        venues::SourceSpec alone = source.spec;
        alone.symbols = {std::string(symbol)};
        const auto connections = source.venue->plan(alone);
        if (!connections) return connections.error();
        for (const venues::Connection& connection : *connections)
            for (const auto& stream : connection.streams) {
                if (source.venue->kind_of(stream.channel) != TickKind::trade) continue;
                for (const PlannedSlot& slot : source.slots)
                    for (const auto& carried : slot.connection.streams)
                        if (carried.channel == stream.channel &&
                            carried.native_symbol == stream.native_symbol)
                            return Place{&source, &slot, carried};
            }
    }
    return user_error(fmt::format("{}: no source has trades of '{}'", venue, symbol));
}

// A log that was never captured into does not know the instruments.
asio::awaitable<void> record_lists(std::shared_ptr<BackfillTarget> target) {
    for (const venues::RestRequest& request : target->venue.instruments(target->spec)) {
        const net::HttpResponse response = co_await target->rest->fetch(request);
        std::string payload =
            rest_payload(request.method, request.target, response.status, response.body);
        if (response.status == 200 && target->log->fits(payload))
            co_await target->log->record(log::RecordKind::rest, std::move(payload));
    }
}

asio::awaitable<void> work(std::shared_ptr<BackfillTarget> target, Backfill& backfill,
                           bool with_lists) {
    if (with_lists) co_await record_lists(target);
    co_await backfill.run();
}

BackfillReport report_of(const BackfillTarget& target, const venues::Connection::Stream& stream) {
    return {.slot = target.slot,
            .channel = stream.channel,
            .native_symbol = stream.native_symbol,
            .answers = target.answers,
            .trades = target.fetched,
            .reached = target.reached,
            .detail = target.last.detail,
            .given_up = target.last.given_up};
}

}  // namespace

Result<BackfillReport> backfill_range(
    const FeedOptions& options, std::string_view venue, std::string_view symbol, Nanos from,
    Nanos to, const std::function<bool(const BackfillReport& so_far)>& progress) {
    const auto planned = plan_sources(options.sources);
    if (!planned) return planned.error();
    const auto place = find_place(*planned, venue, symbol);
    if (!place) return place.error();
    const PlannedSource& source = *place->source;

    asio::io_context io{1};
    auto recorder = Recorder::open(io, options.log_root / place->slot->name, options.writer);
    if (!recorder) return recorder.error();
    const auto rest = make_client(options, source, make_limits(options, *source.venue));
    const auto target =
        std::make_shared<BackfillTarget>(place->slot->name, *source.venue, source.spec, rest,
                                         std::make_unique<RangeLog>(**recorder));
    Backfill backfill(io, {.patience = options.backfill_patience, .settle = {}});
    backfill.ask(target, {.native_symbol = place->stream.native_symbol,
                          .channel = place->stream.channel,
                          .from_ts = from,
                          .to_ts = to,
                          .cause = "by hand"});
    std::string failure;
    const bool fresh = (*recorder)->positions().readable == Offset{};
    asio::co_spawn(io, work(target, backfill, fresh), [&](std::exception_ptr error) {
        try {
            if (error) std::rethrow_exception(error);
        } catch (const std::exception& caught) {
            failure = caught.what();
        }
    });
    const auto run = [&] { io.run_for(std::chrono::nanoseconds(progress_interval.count)); };
    do run();
    while (target->open > 0 && failure.empty() && progress(report_of(*target, place->stream)));
    (*recorder)->sync();
    if (const auto& trouble = (*recorder)->trouble())
        return external_error(fmt::format("{}: {}", target->slot, *trouble));
    if (!failure.empty()) return external_error(fmt::format("{}: {}", venue, failure));
    return report_of(*target, place->stream);
}

}  // namespace tape::feed
