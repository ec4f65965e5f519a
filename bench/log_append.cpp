// Log append: batches of 1,000 records of about 250 bytes, each batch made durable, against the
// least that any log can do: one pwrite and one fdatasync of the same payload bytes into a file
// that is preallocated. A folder may be named to measure another disk than that of the temporary
// files.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "log/log.h"
#include "ratio.h"

namespace tape::bench {
namespace {

namespace fs = std::filesystem;
constexpr int runs = 21;
constexpr i64 batches = 40, batch_records = 1000;

void must(bool done, std::string_view what) {
    if (done) return;
    fmt::print(stderr, "log_append: {}\n", what);
    std::exit(4);
}
template <class T>
T must(Result<T> result) {
    must(result.has_value(), result ? "" : result.error().what);
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::vector<std::string> make_payloads() {
    std::mt19937_64 random(1);
    std::vector<std::string> payloads;
    for (i64 i = 0; i < batches * batch_records; ++i) {
        payloads.push_back(fmt::format(
            R"({{"arg":{{"channel":"trades","instId":"BTC-USDT"}},"data":[{{"instId":"BTC-USDT","tradeId":"{}","px":"{}.{}","sz":"0.{:08}","side":"{}","ts":"1652459225{:03}"}}],"id":"{:016x}","padding":"{}"}})",
            242'720'720 + i, 30'000 + random() % 1000, random() % 10, random() % 100'000'000,
            random() % 2 != 0 ? "buy" : "sell", random() % 1000, random(),
            std::string(random() % 60, '.')));
    }
    return payloads;
}

// Preallocated and used up in pieces of the log's segment size, so that both meet the file system
// in the same state.
class BareFile final {
 public:
    explicit BareFile(fs::path path) : path_(std::move(path)) { start_over(); }
    ~BareFile() { ::close(descriptor_); }
    BareFile(const BareFile&) = delete;
    BareFile& operator=(const BareFile&) = delete;

    void write_and_sync(std::string_view bytes) {
        if (position_ + std::ssize(bytes) > size_) start_over();
        must(::pwrite(descriptor_, bytes.data(), bytes.size(), position_) == std::ssize(bytes) &&
                 ::fdatasync(descriptor_) == 0,
             "the baseline cannot write");
        position_ += std::ssize(bytes);
    }
    std::string last(i64 bytes) const {
        std::string read(static_cast<std::size_t>(std::min(bytes, position_)), '\0');
        must(::pread(descriptor_, read.data(), read.size(), position_ - std::ssize(read)) ==
                 std::ssize(read),
             "the baseline cannot read");
        return read;
    }

 private:
    void start_over() {
        if (descriptor_ >= 0) ::close(descriptor_);
        ::unlink(path_.c_str());
        descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
        must(descriptor_ >= 0 && ::fallocate(descriptor_, 0, 0, size_) == 0,
             "no space for the baseline");
        position_ = 0;
    }
    const fs::path path_;
    const i64 size_ = log::WriterOptions{}.segment_bytes;
    int descriptor_ = -1;
    i64 position_{};
};

int run(const fs::path& folder) {
    const std::vector<std::string> payloads = make_payloads();
    std::string all;
    for (const std::string& payload : payloads) all += payload;
    BareFile bare(folder / "bare");
    const auto writer = must(log::LogWriter::open(folder / "log", {.sync_interval = {}}));
    must(writer->sync());

    const auto ours = [&] {
        for (i64 i = 0; i < std::ssize(payloads); ++i) {
            must(
                writer->append(log::RecordKind::frame, {i}, payloads[static_cast<std::size_t>(i)]));
            if ((i + 1) % batch_records == 0) must(writer->sync());
        }
    };
    const auto baseline = [&] {
        std::string batch;
        for (i64 i = 0; i < std::ssize(payloads); ++i) {
            batch += payloads[static_cast<std::size_t>(i)];
            if ((i + 1) % batch_records != 0) continue;
            bare.write_and_sync(batch);
            batch.clear();
        }
    };
    const auto [ours_seconds, baseline_seconds] = in_turns(runs, wall_seconds, ours, baseline);

    std::string read_back;
    const auto reader = must(log::LogReader::open(folder / "log"));
    must(reader->seek({writer->end().value - std::ssize(payloads)}));
    for (;;) {
        const auto records = must(reader->read(10'000));
        if (records.empty()) break;
        for (const log::Record& record : records) read_back += record.payload;
    }
    const bool equal = read_back == all && all.ends_with(bare.last(std::ssize(all))) &&
                       writer->durable() == writer->end();
    return report({"log append, 1,000-record batches, synced",
                   "bare pwrite + fdatasync of the same bytes", ours_seconds, baseline_seconds,
                   static_cast<double>(payloads.size()), "records", "at least 0.9 x its speed",
                   equal});
}

}  // namespace
}  // namespace tape::bench

int main(int argc, char** argv) {
    namespace fs = std::filesystem;
    std::string name =
        ((argc > 1 ? fs::path(argv[1]) : fs::temp_directory_path()) / "tape-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return 4;
    const int code = tape::bench::run(name);
    fs::remove_all(name);
    return code;
}
