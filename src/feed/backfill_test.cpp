// What is missing is fetched over REST, whatever the venue answers.
#include "feed/backfill.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <deque>

#include "base/log.h"
#include "base/metrics.h"
#include "feed/test_venue.h"

namespace tape::feed {
namespace {

using Lines = std::vector<std::string>;
using venues::Missing;

// The REST endpoint of a venue that has the trades 1 to 100 of every symbol, trade k in second k.
class History final {
 public:
    struct Word {
        int status = 200;
        std::string retry_after, body;
        bool hangs = false;
    };
    History() {
        net::Handlers handlers;
        handlers.http = [this](net::Request request) { return answer(std::move(request)); };
        auto server = net::Server::start(io_, {}, std::move(handlers));
        EXPECT_TRUE(server);
        server_ = std::move(*server);
        thread_ = std::thread([this] { io_.run(); });
    }
    ~History() {
        io_.stop();
        thread_.join();
    }
    u16 port() const { return server_->port(); }

    /// Trades that it has no more.
    void lose(i64 from, i64 to) {
        const std::lock_guard lock(mutex_);
        for (i64 id = from; id <= to; ++id) lost_.insert(id);
    }
    /// What the next requests for trades are answered with.
    void say(std::deque<Word> words) {
        const std::lock_guard lock(mutex_);
        words_ = std::move(words);
    }
    /// And all that follow them.
    void always_say(Word word) {
        const std::lock_guard lock(mutex_);
        always_ = std::move(word);
    }
    /// The queries of requests for trades.
    Lines asked() const {
        const std::lock_guard lock(mutex_);
        return asked_;
    }
    std::vector<Nanos> times() const {
        const std::lock_guard lock(mutex_);
        return times_;
    }

 private:
    asio::awaitable<net::Response> answer(net::Request request) {
        net::Response response;
        response.body = "[]";
        if (request.path != "/trades") co_return response;
        const Word word = next_word(request);
        if (word.hangs) co_await net::sleep_for(seconds(60));
        response.status = word.status;
        if (!word.retry_after.empty())
            response.headers.emplace_back("Retry-After", word.retry_after);
        response.body = word.body.empty() ? trades(request) : word.body;
        co_return response;
    }
    Word next_word(const net::Request& request) {
        const std::lock_guard lock(mutex_);
        asked_.push_back(request.query);
        times_.push_back(steady_clock());
        if (words_.empty()) return always_;
        const Word word = words_.front();
        words_.pop_front();
        return word;
    }
    std::string trades(const net::Request& request) const {
        const std::lock_guard lock(mutex_);
        const auto bound = [&](std::string_view name, i64 otherwise) {
            const auto text = request.parameter(name);
            return text ? std::stoll(*text) : otherwise;
        };
        std::string body;
        i64 listed = 0;
        for (i64 id = std::min<i64>(bound("to", 100), 100); id >= bound("from", 1) && listed < 5;
             --id) {
            if (lost_.contains(id)) continue;
            ++listed;
            body += fmt::format(R"({}{{"symbol":"{}","n":{},"ts":{}}})", body.empty() ? "" : ",",
                                *request.parameter("symbol"), id, seconds(id).count);
        }
        return "[" + body + "]";
    }

    mutable std::mutex mutex_;
    std::set<i64> lost_;
    std::deque<Word> words_;
    Word always_;
    Lines asked_;
    std::vector<Nanos> times_;
    asio::io_context io_{1};
    std::unique_ptr<net::Server> server_;
    std::thread thread_;
};

// Nobody listens on the WebSocket's port: the socket is down all the time.
FeedOptions options_for(const TempFolder& folder, const History& history) {
    FeedOptions options = quick_options(folder.path(), 1);
    options.sources[0].rest = fmt::format("http://127.0.0.1:{}", history.port());
    options.backfill_share = 100;
    options.backfill_settle = millis(20);
    return options;
}

std::unique_ptr<Feed> start(FeedOptions options) {
    set_log_level(LogLevel::off);
    auto feed = Feed::start(std::move(options));
    EXPECT_TRUE(feed) << (feed ? "" : feed.error().what);
    return feed ? std::move(*feed) : nullptr;
}

Missing ids(u64 from, std::optional<u64> to) {
    return {.native_symbol = "A",
            .channel = "trades",
            .from_id = from,
            .to_id = to,
            .from_ts = seconds(static_cast<i64>(from)),
            .to_ts = seconds(static_cast<i64>(to.value_or(100)))};
}

// The answers and verdicts that were recorded, without the instrument list.
Lines told(const TempFolder& folder) {
    Lines lines = recorded(folder.path(), "test-1");
    std::erase_if(lines, [](const std::string& line) {
        return !line.starts_with("gap ") && line.find("/trades") == std::string::npos;
    });
    return lines;
}

std::string verdict(const Missing& missing, std::string_view detail) {
    const auto id = [](std::optional<u64> value) {
        return value ? std::to_string(*value) : std::string("null");
    };
    return fmt::format(
        R"(gap {{"cause":"fetched","channel":"{}","symbol":"A","from_ts":{},"to_ts":{},)"
        R"("from_id":{},"to_id":{},"detail":"{}"}})",
        missing.channel, missing.from_ts.count, missing.to_ts.count, id(missing.from_id),
        id(missing.to_id), detail);
}

// Asks, and waits for the verdict; whether it is the last record, and the expected one.
void expect_verdict(const TempFolder& folder, Feed& feed, const Missing& missing,
                    std::string_view detail) {
    feed.backfill("test-1", missing);
    ASSERT_TRUE(eventually([&] { return count_of(told(folder), "gap ") == 1; }));
    EXPECT_EQ(told(folder).back(), verdict(missing, detail));
    EXPECT_TRUE(eventually([&] { return feed.status()[0].backfills == 0; }));
}

TEST(Backfill, FillsAGapOverSeveralPages) {
    const TempFolder folder;
    History history;
    const auto feed = start(options_for(folder, history));
    expect_verdict(folder, *feed, ids(40, 52), "");
    EXPECT_EQ(history.asked(), (Lines{"symbol=A&from=40&to=52", "symbol=A&from=40&to=47",
                                      "symbol=A&from=40&to=42"}));
    const Lines lines = told(folder);
    ASSERT_EQ(lines.size(), 4);
    EXPECT_TRUE(lines[2].starts_with(
        R"(rest {"method":"GET","target":"/trades?symbol=A&from=40&to=42","status":200,"body":)"))
        << lines[2];
    EXPECT_FALSE(feed->status()[0].connected);
}

TEST(Backfill, BeginsWithTheNewestPageWhereTheEndIsUnknown) {
    const TempFolder folder;
    History history;
    const auto feed = start(options_for(folder, history));
    expect_verdict(folder, *feed, ids(93, std::nullopt), "");
    EXPECT_EQ(history.asked(), (Lines{"symbol=A&from=93", "symbol=A&from=93&to=95"}));
}

TEST(Backfill, GoesBackInTimeWhereNoIdIsKnown) {
    const TempFolder folder;
    History history;
    const auto feed = start(options_for(folder, history));
    const Missing missing{.native_symbol = "A",
                          .channel = "trades",
                          .from_ts = seconds(88) + millis(1),
                          .to_ts = seconds(99)};
    expect_verdict(folder, *feed, missing, "");
    EXPECT_EQ(history.asked(), (Lines{"symbol=A", "symbol=A&to=95", "symbol=A&to=90"}));
}

TEST(Backfill, GivesUpExactlyWhatTheVenueLacks) {
    const TempFolder folder;
    History history;
    history.lose(44, 46);
    const auto feed = start(options_for(folder, history));
    expect_verdict(folder, *feed, ids(40, 50), "the venue has 3 of the trades no more");
    std::string all;
    for (const std::string& line : told(folder)) all += line;
    for (i64 id = 40; id <= 50; ++id)
        EXPECT_EQ(all.find(fmt::format(R"(\"n\":{},)", id)) == std::string::npos,
                  id >= 44 && id <= 46)
            << id;
}

TEST(Backfill, WaitsAsLongAsTheVenueAsks) {
    for (const int status : {429, 418}) {
        const TempFolder folder;
        History history;
        history.say({{.status = status, .retry_after = "1"}});
        const auto feed = start(options_for(folder, history));
        expect_verdict(folder, *feed, ids(40, 41), "");
        ASSERT_EQ(history.times().size(), 2);
        EXPECT_GE(history.times()[1] - history.times()[0], seconds(1));
        EXPECT_EQ(told(folder).size(), 2);
    }
}

TEST(Backfill, AsksAgainAfterErrors) {
    const TempFolder folder;
    History history;
    history.say({{.status = 500},
                 {.status = 502, .body = "<html>"},
                 {.body = R"({"refused":"too busy"})"},
                 {.body = R"({"broken":1})"},
                 {.status = 503}});
    const auto feed = start(options_for(folder, history));
    expect_verdict(folder, *feed, ids(40, 41), "");
    EXPECT_EQ(history.asked().size(), 6);
    EXPECT_EQ(told(folder).size(), 2);
}

TEST(Backfill, TakesARefusalForTheLastWord) {
    const TempFolder folder;
    History history;
    history.always_say({.status = 404});
    const auto feed = start(options_for(folder, history));
    expect_verdict(folder, *feed, ids(40, 41), "status 404");
    EXPECT_EQ(history.asked().size(), 1);
}

TEST(Backfill, LosesPatience) {
    const TempFolder folder;
    History history;
    history.always_say({.status = 503});
    FeedOptions options = options_for(folder, history);
    options.backfill_patience = millis(100);
    const Counter given_up = counter("tape_feed_backfills_given_up_total", {{"slot", "test-1"}});
    const i64 before = given_up.value();
    const auto feed = start(std::move(options));
    expect_verdict(folder, *feed, ids(40, 41), "status 503");
    EXPECT_EQ(given_up.value(), before + 1);
}

TEST(Backfill, LosesPatienceWithABan) {
    const TempFolder folder;
    History history;
    history.always_say({.status = 418, .retry_after = "86400"});
    FeedOptions options = options_for(folder, history);
    options.backfill_patience = millis(100);
    const auto feed = start(std::move(options));
    expect_verdict(folder, *feed, ids(40, 41), "the venue bars this address for a while");
    EXPECT_EQ(history.asked().size(), 1);
}

TEST(Backfill, SaysAtOnceWhereTheVenueHasNoHistory) {
    const TempFolder folder;
    History history;
    const auto feed = start(options_for(folder, history));
    Missing missing = ids(40, 41);
    missing.channel = "tickers";
    expect_verdict(folder, *feed, missing, "the venue offers no history of tickers");
    EXPECT_TRUE(history.asked().empty());
}

TEST(Backfill, FetchesOnceWhatIsAskedForTwice) {
    const TempFolder folder;
    History history;
    history.say({{.status = 503}});
    const auto feed = start(options_for(folder, history));
    feed->backfill("test-1", ids(40, 41));
    feed->backfill("test-1", ids(42, 43));
    feed->backfill("test-1", ids(40, 41));
    ASSERT_TRUE(eventually([&] { return count_of(told(folder), "gap ") == 2; }));
    feed->stop();
    EXPECT_EQ(count_of(told(folder), "gap "), 2);
    EXPECT_EQ(history.asked().back(), "symbol=A&from=40&to=43");
    EXPECT_EQ(count_of(told(folder), "rest "), 1);
}

TEST(Backfill, LeavesGapsBeyondItsQueue) {
    const TempFolder folder;
    History history;
    history.always_say({.status = 503});
    FeedOptions options = options_for(folder, history);
    options.backfill_queue = 2;
    const auto feed = start(std::move(options));
    for (u64 id = 10; id <= 30; id += 10) feed->backfill("test-1", ids(id, id));
    ASSERT_TRUE(eventually([&] { return count_of(told(folder), "gap ") == 1; }));
    EXPECT_EQ(told(folder).back(), verdict(ids(30, 30), "too many gaps wait to be fetched"));
    EXPECT_TRUE(eventually([&] { return feed->status()[0].backfills == 2; }));
}

TEST(Backfill, StopsInTimeWhileItAsks) {
    const TempFolder folder;
    History history;
    history.always_say({.hangs = true});
    const auto feed = start(options_for(folder, history));
    feed->backfill("test-1", ids(40, 41));
    ASSERT_TRUE(eventually([&] { return history.asked().size() == 1; }));
    const Nanos begin = steady_clock();
    feed->stop();
    EXPECT_LT(steady_clock() - begin, seconds(15)) << "less than a request may take";
    EXPECT_EQ(count_of(told(folder), "gap "), 0);
}

TEST(Backfill, IgnoresSlotsThatAreNotThere) {
    const TempFolder folder;
    History history;
    const auto feed = start(options_for(folder, history));
    feed->backfill("test-9", ids(40, 41));
    expect_verdict(folder, *feed, ids(50, 51), "");
    EXPECT_EQ(history.asked().size(), 1);
}

const auto go_on = [](const BackfillReport&) { return true; };

TEST(BackfillRange, FetchesATimeByHand) {
    const TempFolder folder;
    History history;
    const FeedOptions options = options_for(folder, history);
    const auto report =
        backfill_range(options, "test", "A", seconds(50) + millis(1), seconds(61), go_on);
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_EQ(report->slot, "test-1");
    EXPECT_EQ(report->channel, "trades");
    EXPECT_EQ(report->trades, 11);
    EXPECT_EQ(report->reached, seconds(46));
    EXPECT_EQ(report->detail, "");
    EXPECT_FALSE(report->given_up);
    const Lines lines = recorded(folder.path(), "test-1");
    EXPECT_TRUE(lines.front().starts_with(R"(rest {"method":"GET","target":"/instruments)"));
    EXPECT_TRUE(lines.back().starts_with(R"(gap {"cause":"fetched","channel":"trades")"));
    EXPECT_EQ(count_of(lines, "rest "), report->answers + 1);
    const auto again = backfill_range(options, "test", "A", seconds(98), seconds(99), go_on);
    ASSERT_TRUE(again);
    EXPECT_EQ(count_of(recorded(folder.path(), "test-1"),
                       R"(rest {"method":"GET","target":"/instruments)"),
              1);
}

TEST(BackfillRange, StopsWhenTold) {
    const TempFolder folder;
    History history;
    history.always_say({.status = 503});
    const auto report = backfill_range(options_for(folder, history), "test", "A", seconds(50),
                                       seconds(61), [](const BackfillReport&) { return false; });
    ASSERT_TRUE(report);
    EXPECT_EQ(report->answers, 0);
}

TEST(BackfillRange, SaysWhatItCannotDo) {
    const TempFolder folder;
    History history;
    FeedOptions options = options_for(folder, history);
    const auto unknown = backfill_range(options, "test", "B", seconds(1), seconds(2), go_on);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().what, "test: no source has trades of 'B'");
    const auto feed = start(options);
    EXPECT_FALSE(backfill_range(options, "test", "A", seconds(1), seconds(2), go_on));
}

}  // namespace
}  // namespace tape::feed
