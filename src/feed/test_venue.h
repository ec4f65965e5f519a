// For tests: a venue of the simplest protocol, "test", and a server that speaks it and can be told
// to misbehave.
//   client: {"subscribe":"<channel>"}   server: {"ack":"<channel>"}, then {"symbol":"A","n":<k>} as
//   often as told
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "feed/feed.h"
#include "net/net.h"

namespace tape::feed {

/// Settings of the test venue's plan; the venue is stateless, so they ride in SourceSpec::feed:
/// "silence=50ms".
venues::SourceSpec test_spec(std::string feed = "", std::vector<std::string> symbols = {"A"});

/// Listens on loopback, in a thread of its own.
class TestServer final {
 public:
    struct Behaviour {
        i64 frames = 3;            // After the acknowledgements.
        std::string extra;         // Then this frame.
        bool close_after = false;  // Then cut, else stay.
        bool refuse = false;       // Answers {"refused":…} instead of an acknowledgement.
        int rest_status = 200;
        bool rest_hangs = false;
    };
    explicit TestServer(Behaviour behaviour, net::ServerOptions options = {});
    ~TestServer();
    u16 port() const { return server_->port(); }
    /// What clients sent on all connections, in order, "<connection>:<text>".
    std::vector<std::string> received() const;
    i64 connections() const;
    void set(Behaviour behaviour);
    /// Cuts all connections and listens no more.
    void stop() { server_->stop(); }

 private:
    net::asio::awaitable<net::Response> answer(net::Request request);
    net::asio::awaitable<void> talk(net::Request request, std::shared_ptr<net::WebSocket> socket);
    Behaviour behaviour() const;

    mutable std::mutex mutex_;
    Behaviour behaviour_;
    std::vector<std::string> received_;
    i64 connections_{};
    net::asio::io_context io_{1};
    std::unique_ptr<net::Server> server_;
    std::thread thread_;
};

/// A folder that is gone at the end.
class TempFolder final {
 public:
    explicit TempFolder(
        const std::filesystem::path& parent = std::filesystem::temp_directory_path());
    ~TempFolder();
    const std::filesystem::path& path() const { return path_; }

 private:
    std::filesystem::path path_;
};

/// Whether `condition` came true within 20 s; looks every few milliseconds.
bool eventually(const std::function<bool()>& condition);

/// "kind payload" of each record of a slot, heartbeats left out.
std::vector<std::string> recorded(const std::filesystem::path& log_root, const std::string& slot);
/// How many of `lines` begin with `start`.
i64 count_of(const std::vector<std::string>& lines, std::string_view start);

/// Quick settings against `port`, recording below `folder`.
FeedOptions quick_options(const std::filesystem::path& folder, u16 port,
                          venues::SourceSpec spec = test_spec());

}  // namespace tape::feed
