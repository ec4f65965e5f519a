// For tests: a venue of the simplest protocol, "test", and a server that speaks it and can be told
// to misbehave.
//   client: {"subscribe":"<channel>"}   server: {"ack":1}, then {"symbol":"A","n":<k>} as often as
//   told; of a market that goes on by itself {"channel":"trades","symbol":"A","n":<k>,"ts":<time>}
//   REST:   GET /instruments?all=1, {"listed":"A-Q","trading":1}, …; POST /token; GET /prices;
//           GET /trades?symbol=A&from=<id>&to=<id>, the newest of them, without bounds the newest
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>
#include <thread>

#include "feed/feed.h"
#include "net/net.h"

namespace tape::feed {

/// Settings of the test venue's plan; the venue is stateless, so they ride in SourceSpec::feed,
/// parted by commas: "silence=50ms", "keepalive=…", "pace=…" (between two texts), "replace=…" (age
/// of a connection), "poll=…" (no socket), "token", "welcome", "book" (there is one to look at).
venues::SourceSpec test_spec(std::string feed = "", std::vector<std::string> symbols = {"A"});

/// Listens on loopback, in a thread of its own.
class TestServer final {
 public:
    struct Behaviour {
        i64 frames = 3;            // After the acknowledgements.
        std::string extra;         // Then this frame …
        i64 extras = 1;            // … so often.
        bool close_after = false;  // Then cut, else stay.
        bool refuse = false;       // Answers {"refused":…} instead of an acknowledgement.
        std::string refusal = "no such symbol";
        int rest_status = 200;
        bool rest_hangs = false;
        std::string list = R"(["A"])";  // Of instruments.
        net::Headers rest_headers = {};

        Nanos every = {};                 // The market: a trade and a ticker so often.
        std::set<std::string> mute = {};  // Channels that are acknowledged and stay mute …
        bool heals = false;               // … until they are subscribed again, here or anew.
        bool silent = false;              // Acknowledges nothing.
        bool half_open = false;           // After the acknowledgements: no word, no end.
        bool welcome = false;             // {"welcome":1} comes first.
        i64 silent_until = 0;             // So are connections up to this number.
        i64 silent_from = 0;              // So are connections from this number on; 0: none.
        bool hang_up = false;             // Ends new connections at once.
        int token_status = 200;
        i64 page = 5;                        // Trades in one answer of /trades.
        std::vector<std::string> book = {};  // What {"book":1} is answered by.
    };
    explicit TestServer(Behaviour behaviour, net::ServerOptions options = {});
    ~TestServer();
    u16 port() const { return server_->port(); }
    /// What clients sent on all connections, in order, "<connection>:<text>".
    std::vector<std::string> received() const;
    i64 connections() const;
    i64 open_connections() const;
    /// Paths and queries of REST requests and of upgrades, in order: "POST /token", "WS
    /// /ws?token=1".
    std::vector<std::string> asked() const;
    /// Cuts the connection of that number.
    void cut(i64 connection);
    void set(Behaviour behaviour);
    /// Reads and answers nothing while the lock is held.
    std::unique_lock<std::mutex> freeze();
    /// Cuts all connections and listens no more.
    void stop() { server_->stop(); }

 private:
    net::asio::awaitable<net::Response> answer(net::Request request);
    net::asio::awaitable<void> talk(net::Request request, std::shared_ptr<net::WebSocket> socket);
    struct Talk;
    net::asio::awaitable<void> listen(std::shared_ptr<Talk> talk);
    net::asio::awaitable<void> answer_texts(std::shared_ptr<Talk> talk);
    net::asio::awaitable<void> run_market();
    std::string trades(const net::Request& request) const;
    bool is_cut(i64 connection) const;
    Behaviour behaviour() const;

    std::mutex freezer_;
    mutable std::mutex mutex_;
    Behaviour behaviour_;
    std::vector<std::string> received_, asked_;
    i64 cut_{};
    std::vector<Nanos> trades_;  // The times of all trades, by id.
    i64 connections_{}, open_connections_{};
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
