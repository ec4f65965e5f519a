#include "sinks/runner.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <thread>

#include "log/log.h"
#include "sinks/test_rows.h"

namespace tape::sinks {
namespace {

// What a store holds; it outlives the sinks that fill it.
struct Store {
    std::mutex mutex;
    std::map<std::string, std::vector<std::string>>
        rows;                      // By partition; as many as its position says.
    int failures = 0;              // The next so many commits fail …
    Retry retry = Retry::backoff;  // … in this way.
    int lost_answers = 0;          // The next so many commits succeed and say they failed.

    std::size_t size(const std::string& partition) {
        const std::lock_guard lock(mutex);
        return rows[partition].size();
    }
};

class MemorySink final : public Sink {
 public:
    explicit MemorySink(Store& store) : store_(store) {}
    std::string_view name() const override { return "memory"; }
    Result<Offset> resume(std::string_view partition) override {
        const std::lock_guard lock(store_.mutex);
        if (broken_) pending_.clear();
        broken_ = false;
        return Offset{std::ssize(store_.rows[std::string(partition)])};
    }
    Result<void> write(std::string_view partition, std::span<const log::Record> records) override {
        ensure(!broken_, "a failed sink is resumed before it is written to");
        for (const auto& record : records)
            pending_[std::string(partition)].emplace_back(record.payload);
        return {};
    }
    bool due(Nanos) override { return !pending_.empty(); }
    Result<void> commit() override {
        const std::lock_guard lock(store_.mutex);
        if (store_.failures > 0) {
            --store_.failures;
            return fail();
        }
        for (auto& [partition, rows] : pending_) {
            auto& all = store_.rows[partition];
            all.insert(all.end(), rows.begin(), rows.end());
        }
        pending_.clear();
        if (store_.lost_answers == 0) return {};
        --store_.lost_answers;
        return fail();
    }

 private:
    Error fail() {
        broken_ = true;
        pending_.clear();
        return external_error("the store is away", store_.retry);
    }

    Store& store_;
    std::map<std::string, std::vector<std::string>> pending_;
    bool broken_{};
};

class Runners : public testing::Test {
 protected:
    std::unique_ptr<log::LogWriter> writer(const char* partition) {
        auto opened = log::LogWriter::open(folder_.path() / partition,
                                           {.segment_bytes = 1 << 20, .reserve_bytes = 0});
        EXPECT_TRUE(opened) << opened.error().what;
        return std::move(*opened);
    }
    static void append(log::LogWriter& to, int count) {
        for (int i = 0; i < count; ++i)
            ASSERT_TRUE(
                to.append(log::RecordKind::tick, test::noon, std::to_string(to.end().value)));
        ASSERT_TRUE(to.flush());
    }
    std::unique_ptr<SinkRunner> runner() {
        RunnerOptions options{.derived = folder_.path(),
                              .batch_records = 7,
                              .poll = millis(1),
                              .rescan = millis(5),
                              .remember = millis(1),
                              .backoff_min = millis(1),
                              .backoff_max = millis(4)};
        auto made = std::make_unique<SinkRunner>(std::make_unique<MemorySink>(store_), options,
                                                 [this]() -> Result<void> {
                                                     ++barriers_;
                                                     return {};
                                                 });
        made->start();
        return made;
    }
    template <class Condition>
    static bool within_bound(Condition condition) {
        for (int i = 0; i < 20'000; ++i) {
            if (condition()) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return false;
    }
    void expect_all_in_order(const std::string& partition, std::size_t count) {
        const std::lock_guard lock(store_.mutex);
        const auto& rows = store_.rows[partition];
        ASSERT_EQ(rows.size(), count);
        for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(rows[i], std::to_string(i));
    }

    test::TempFolder folder_;
    Store store_;
    std::atomic<int> barriers_{};
};

TEST_F(Runners, EveryPartitionIsFollowedAlsoOneThatComesLater) {
    auto okx = writer("okx-1");
    append(*okx, 100);
    auto running = runner();
    ASSERT_TRUE(within_bound([&] { return store_.size("okx-1") == 100; }));
    auto coinbase = writer("coinbase-1");
    append(*coinbase, 50);
    append(*okx, 20);
    ASSERT_TRUE(within_bound(
        [&] { return store_.size("okx-1") == 120 && store_.size("coinbase-1") == 50; }));
    EXPECT_TRUE(within_bound([&] { return running->status().rows == 170; }));
    EXPECT_TRUE(running->status().running);
    running->stop();
    EXPECT_FALSE(running->status().running);
    EXPECT_EQ(running->status().lag_records, 0);
    EXPECT_GE(barriers_, running->status().commits);
    EXPECT_EQ((*log::load_position(folder_.path() / "okx-1", "memory"))->value, 120);
    expect_all_in_order("okx-1", 120);
}

TEST_F(Runners, AFailureThatPassesLosesAndDoublesNothing) {
    store_.failures = 3;
    store_.lost_answers = 2;
    auto okx = writer("okx-1");
    append(*okx, 200);
    auto running = runner();
    ASSERT_TRUE(within_bound([&] { return running->status().errors >= 5; }));
    append(*okx, 100);
    running->stop();
    EXPECT_EQ(running->status().errors, 5);
    EXPECT_EQ(running->status().last_error, "");
    expect_all_in_order("okx-1", 300);
}

TEST_F(Runners, AnErrorThatCannotPassStopsTheSinkAndIsTold) {
    store_.failures = 1;
    store_.retry = Retry::never;
    auto okx = writer("okx-1");
    append(*okx, 10);
    auto running = runner();
    ASSERT_TRUE(within_bound([&] { return !running->status().running; }));
    EXPECT_EQ(running->status().last_error, "the store is away");
    EXPECT_EQ(store_.size("okx-1"), 0u);
}

TEST_F(Runners, StopTakesWhatIsThereAndAStartGoesOnFromIt) {
    auto okx = writer("okx-1");
    for (int round = 1; round <= 3; ++round) {
        append(*okx, 100);
        runner()->stop();
        expect_all_in_order("okx-1", static_cast<std::size_t>(100 * round));
    }
}

TEST_F(Runners, StopDoesNotWaitForAStoreThatIsAway) {
    store_.failures = 1'000'000;
    auto okx = writer("okx-1");
    append(*okx, 10);
    auto running = std::make_unique<SinkRunner>(std::make_unique<MemorySink>(store_),
                                                RunnerOptions{.derived = folder_.path(),
                                                              .poll = millis(1),
                                                              .backoff_max = seconds(3600),
                                                              .drain_limit = millis(10)},
                                                [] { return Result<void>{}; });
    running->start();
    ASSERT_TRUE(within_bound([&] { return running->status().errors > 0; }));
    running->stop();
    EXPECT_EQ(store_.size("okx-1"), 0u);
}

}  // namespace
}  // namespace tape::sinks
