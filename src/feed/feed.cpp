// The feed's thread: what runs on it, how it starts, changes and ends.
#include "feed/feed.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <future>
#include <thread>

#include "feed/plan.h"
#include "feed/roster.h"

namespace tape::feed {
namespace {

constexpr Nanos closing_limit =
    millis(1'500);  // For the closing handshakes of all sockets together.
constexpr Nanos succession_limit =
    seconds(10);  // For a slot that ends, so that another one can take its log.

}  // namespace

// Coroutines that are under way when the io_context ends are destroyed with it, after what they
// refer to; they hold no guards that would touch that.
struct Feed::Impl {
    explicit Impl(FeedOptions o) : options(std::move(o)), sources(options.sources) {}

    asio::awaitable<void> beat();
    asio::awaitable<void> finish();
    /// Runs `task` on the feed's thread and waits for its end; `control` is held.
    void on_thread(const std::function<void()>& task);

    const FeedOptions options;
    asio::io_context io{1};
    FeedContext context{io, options};
    Roster roster{context};
    std::mutex control;                  // One at a time starts, changes or ends it.
    std::vector<SourceOptions> sources;  // As they are now.
    std::thread thread;
};

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
        roster.tick();
    }
}

asio::awaitable<void> Feed::Impl::finish() {
    co_await roster.stop(steady_clock() + closing_limit);
    io.stop();
}

void Feed::Impl::on_thread(const std::function<void()>& task) {
    std::promise<void> done;
    asio::post(io, [&] {
        task();
        done.set_value();
    });
    done.get_future().wait();
}

Result<std::unique_ptr<Feed>> Feed::start(FeedOptions options) {
    auto planned = plan_sources(options.sources);
    if (!planned) return planned.error();
    std::unique_ptr<Feed> feed(new Feed);
    feed->impl_ = std::make_unique<Impl>(std::move(options));
    Impl& impl = *feed->impl_;
    auto logs = impl.roster.open_logs(*planned);
    if (!logs) return logs.error();
    impl.roster.follow(*planned, std::move(*logs), impl.options.config_payload);
    asio::co_spawn(impl.io, impl.beat(), expect_no_exception);
    impl.thread = std::thread([&impl] { impl.io.run(); });
    return feed;
}

Feed::Feed() = default;
Feed::~Feed() {
    stop();
}

std::vector<std::string> Feed::slots() const {
    return impl_->roster.names();
}

std::vector<SourceOptions> Feed::sources() const {
    const std::lock_guard lock(impl_->control);
    return impl_->sources;
}

std::vector<SlotStatus> Feed::status() const {
    return impl_->roster.status();
}

void Feed::ring_on_flush(std::string_view slot, Doorbell& bell) {
    const std::lock_guard lock(impl_->control);
    ensure(impl_->thread.joinable(), "the feed runs");
    impl_->on_thread([&] { impl_->roster.ring_on_flush(slot, bell); });
}

void Feed::backfill(std::string_view slot, venues::Missing missing) {
    asio::post(impl_->io, [impl = impl_.get(), name = std::string(slot),
                           missing = std::move(missing)] { impl->roster.backfill(name, missing); });
}

Result<void> Feed::reload(std::vector<SourceOptions> sources, std::string config_payload) {
    const std::lock_guard lock(impl_->control);
    if (!impl_->thread.joinable()) return internal_error("the feed has stopped");
    Roster& roster = impl_->roster;
    keep_places(sources, impl_->sources);
    const auto planned = plan_sources(sources);
    if (!planned) return planned.error();
    auto logs = roster.open_logs(*planned);
    if (!logs) return logs.error();
    impl_->sources = std::move(sources);
    impl_->on_thread([&] { roster.follow(*planned, std::move(*logs), config_payload); });

    const Nanos deadline = steady_clock() + succession_limit;
    while (roster.waits(*planned) && steady_clock() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (roster.waits(*planned))
        return external_error("a slot takes long to end; reload again to begin its successor");
    logs = roster.open_logs(*planned);
    if (!logs) return logs.error();
    if (!logs->empty())
        impl_->on_thread([&] { roster.follow(*planned, std::move(*logs), config_payload); });
    return {};
}

void Feed::stop() {
    const std::lock_guard lock(impl_->control);
    if (!impl_->thread.joinable()) return;
    asio::post(impl_->io, [impl = impl_.get()] {
        asio::co_spawn(impl->io, impl->finish(), expect_no_exception);
    });
    impl_->thread.join();
    impl_->roster.sync_logs();
}

}  // namespace tape::feed
