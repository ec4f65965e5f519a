// The feed's thread: what runs on it, how it starts and how it ends.
#include "feed/feed.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <map>
#include <random>
#include <thread>

#include "base/log.h"
#include "feed/instrument_lists.h"
#include "feed/plan.h"
#include "feed/rest_client.h"
#include "feed/slot.h"

namespace tape::feed {
namespace {

constexpr Nanos closing_limit =
    millis(1'500);  // For the closing handshakes of all sockets together.

// Nothing may throw out of a slot: what does is a broken invariant, and ends the process.
void expect_no_exception(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
}

asio::awaitable<void> run_slot(InstrumentLists& lists, Slot& slot) {
    co_await lists.wait();
    co_await slot.run();
}

}  // namespace

// Coroutines that are under way when the io_context ends are destroyed with it, after the slots
// they refer to; they hold no guards that would touch those.
struct Feed::Impl {
    explicit Impl(FeedOptions o) : options(std::move(o)) {}

    Result<void> open(std::vector<PlannedSource> sources);
    std::shared_ptr<RestClient> make_client(const PlannedSource& source);
    void spawn_all();
    asio::awaitable<void> beat();
    asio::awaitable<void> close_slot(Slot& slot);
    asio::awaitable<void> finish();

    const FeedOptions options;
    asio::io_context io{1};
    FeedContext context{io, options};
    std::map<const venues::Venue*, std::shared_ptr<Limiter>> limiters;
    std::vector<std::string> names;
    std::vector<std::unique_ptr<Slot>> slots;
    struct SourceRun {
        std::shared_ptr<RestClient> rest;
        std::unique_ptr<InstrumentLists> lists;
        std::vector<Slot*> slots;
    };
    std::vector<SourceRun> sources;
    i64 closing = 0;
    std::thread thread;
};

Result<void> Feed::Impl::open(std::vector<PlannedSource> planned) {
    for (PlannedSource& source : planned) {
        SourceRun run;
        run.rest = make_client(source);
        for (PlannedSlot& slot : source.slots) {
            auto recorder = Recorder::open(io, options.log_root / slot.name, options.writer);
            if (!recorder) return recorder.error();
            names.push_back(slot.name);
            Slot::Plan plan{.name = slot.name,
                            .venue = source.venue,
                            .connection = std::move(slot.connection),
                            .url = std::move(slot.url),
                            .ca_file = source.ca_file,
                            .rest = run.rest,
                            .spec = source.spec};
            slots.push_back(std::make_unique<Slot>(context, std::move(plan), std::move(*recorder),
                                                   options.config_payload));
            run.slots.push_back(slots.back().get());
        }
        run.lists =
            std::make_unique<InstrumentLists>(context, std::move(source), run.rest, run.slots);
        sources.push_back(std::move(run));
    }
    return {};
}

std::shared_ptr<RestClient> Feed::Impl::make_client(const PlannedSource& source) {
    std::shared_ptr<Limiter>& limiter = limiters[source.venue];
    if (!limiter)
        limiter =
            std::make_shared<Limiter>(source.venue->rest_budget(),
                                      Limiter::Options{.backfill_share = options.backfill_share,
                                                       .backoff_min = options.backoff_min,
                                                       .backoff_max = options.backoff_max},
                                      std::random_device{}());
    return std::make_shared<RestClient>(
        RestClient::Options{.venue = std::string(source.venue->name()),
                            .endpoint = source.rest,
                            .ca_file = source.ca_file,
                            .max_body_bytes = options.answer_bytes},
        limiter);
}

void Feed::Impl::spawn_all() {
    for (const SourceRun& source : sources) {
        asio::co_spawn(io, source.lists->run(), expect_no_exception);
        for (Slot* slot : source.slots)
            asio::co_spawn(io, run_slot(*source.lists, *slot), expect_no_exception);
    }
    asio::co_spawn(io, beat(), expect_no_exception);
    thread = std::thread([this] { io.run(); });
}

// Beats keep their distance from the start, so that n seconds have n heartbeats; those a suspended
// machine missed are not made up for.
asio::awaitable<void> Feed::Impl::beat() {
    asio::steady_timer timer(io);
    const std::chrono::nanoseconds interval(options.heartbeat.count);
    auto next = std::chrono::steady_clock::now();
    for (;;) {
        next = std::max(next + interval, std::chrono::steady_clock::now());
        timer.expires_at(next);
        co_await timer.async_wait(asio::use_awaitable);
        for (const auto& slot : slots) slot->tick();
    }
}

asio::awaitable<void> Feed::Impl::close_slot(Slot& slot) {
    co_await slot.close_socket();
    --closing;
}

asio::awaitable<void> Feed::Impl::finish() {
    for (const auto& slot : slots) {
        slot->stop();
        ++closing;
        asio::co_spawn(io, close_slot(*slot), expect_no_exception);
    }
    const Nanos deadline = steady_clock() + closing_limit;
    while (closing > 0 && steady_clock() < deadline) co_await net::sleep_for(millis(2));
    io.stop();
}

Result<std::unique_ptr<Feed>> Feed::start(FeedOptions options) {
    auto planned = plan_sources(options.sources);
    if (!planned) return planned.error();
    std::unique_ptr<Feed> feed(new Feed);
    feed->impl_ = std::make_unique<Impl>(std::move(options));
    if (auto opened = feed->impl_->open(std::move(*planned)); !opened) return opened.error();
    feed->impl_->spawn_all();
    return feed;
}

Feed::Feed() = default;
Feed::~Feed() {
    stop();
}

const std::vector<std::string>& Feed::slots() const {
    return impl_->names;
}

std::vector<SlotStatus> Feed::status() const {
    std::vector<SlotStatus> all;
    for (const auto& slot : impl_->slots) all.push_back(slot->status());
    return all;
}

void Feed::ring_on_flush(std::string_view slot, Doorbell& bell) {
    ensure(impl_->thread.joinable(), "the feed runs");
    const auto known = std::ranges::find(
        impl_->slots, slot, [](const auto& each) -> std::string_view { return each->name(); });
    ensure(known != impl_->slots.end(), "the slot is one of slots()");
    std::promise<void> done;
    asio::post(impl_->io, [&] {
        (*known)->recorder().ring_on_flush(bell);
        done.set_value();
    });
    done.get_future().wait();
}

void Feed::backfill(std::string_view, venues::Missing) {}
Result<void> Feed::reload(std::vector<SourceOptions>, std::string) {
    return internal_error("not yet");
}

void Feed::stop() {
    if (!impl_->thread.joinable()) return;
    asio::post(impl_->io, [impl = impl_.get()] {
        asio::co_spawn(impl->io, impl->finish(), expect_no_exception);
    });
    impl_->thread.join();
    for (const auto& slot : impl_->slots) slot->recorder().sync();
}

}  // namespace tape::feed
