#include "stream/checkpoint.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace tape::stream {
namespace {

namespace fs = std::filesystem;

class CheckpointTest : public testing::Test {
 protected:
    CheckpointTest() { fs::remove_all(folder_); }
    ~CheckpointTest() override { fs::remove_all(folder_); }

    void store(i64 input) {
        const Checkpoint checkpoint{.input = {input},
                                    .output = {input * 2},
                                    .epochs = {{.version = 3, .input = {0}, .output = {0}}},
                                    .state = "state of " + std::to_string(input)};
        ASSERT_TRUE(store_checkpoint(folder_, checkpoint));
    }
    std::vector<fs::path> files() const {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator(folder_)) found.push_back(entry.path());
        std::ranges::sort(found);
        return found;
    }
    static void change_byte(const fs::path& file, i64 at, char to) {
        std::fstream out(file, std::ios::in | std::ios::out | std::ios::binary);
        out.seekp(at);
        out.put(to);
    }

    const fs::path folder_ =
        fs::temp_directory_path() / ("tape-checkpoint-" + std::to_string(::getpid()) + "-" +
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(CheckpointTest, ANewFolderHasNone) {
    EXPECT_TRUE(load_checkpoints(folder_)->empty());
}

TEST_F(CheckpointTest, TheLastTwoAreKeptNewestFirst) {
    for (const i64 input : {10, 20, 30}) store(input);
    EXPECT_EQ(files().size(), 2U);
    const auto loaded = *load_checkpoints(folder_);
    ASSERT_EQ(loaded.size(), 2U);
    EXPECT_EQ(loaded[0].input, Offset{30});
    EXPECT_EQ(loaded[0].output, Offset{60});
    EXPECT_EQ(loaded[0].state, "state of 30");
    EXPECT_EQ(loaded[0].epochs,
              (std::vector<EpochStart>{{.version = 3, .input = {0}, .output = {0}}}));
    EXPECT_EQ(loaded[1].input, Offset{20});
}

TEST_F(CheckpointTest, ADamagedNewestFallsBackToThePrevious) {
    store(10);
    store(20);
    change_byte(files().back(), static_cast<i64>(fs::file_size(files().back())) - 1, '!');
    const auto loaded = *load_checkpoints(folder_);
    ASSERT_EQ(loaded.size(), 1U);
    EXPECT_EQ(loaded[0].input, Offset{10});
    fs::resize_file(files().back(), 5);
    EXPECT_EQ(load_checkpoints(folder_)->size(), 1U);
}

TEST_F(CheckpointTest, ANewerFormatIsRefusedByName) {
    store(10);
    change_byte(files().back(), 8, 9);
    const auto loaded = load_checkpoints(folder_);
    ASSERT_FALSE(loaded);
    EXPECT_NE(loaded.error().what.find(files().back().string()), std::string::npos);
    EXPECT_NE(loaded.error().what.find("version 9"), std::string::npos);
}

TEST_F(CheckpointTest, AHalfWrittenFileDoesNotCount) {
    store(10);
    std::ofstream(folder_ / "next.tmp") << "torn";
    EXPECT_EQ(load_checkpoints(folder_)->size(), 1U);
    store(20);
    EXPECT_EQ((*load_checkpoints(folder_))[0].input, Offset{20});
}

}  // namespace
}  // namespace tape::stream
