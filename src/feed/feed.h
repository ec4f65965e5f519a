// The network edge: keeps each slot's socket open for ever and writes what comes, verbatim and
// stamped, to the slot's raw log. It parses nothing. Sockets, clocks and retries live here and
// nowhere right of the log; Asio stays inside.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/doorbell.h"
#include "base/result.h"
#include "base/time.h"
#include "log/log.h"
#include "venues/venue.h"

namespace tape::feed {

/// What to capture of one venue, and where. An empty endpoint is the venue's own.
struct SourceOptions {
    venues::SourceSpec spec;
    std::string websocket;  // "wss://host:port", for the simulator or a regional site.
    std::string rest;       // "https://host:port"
    std::string ca_file;    // PEM of private authorities; empty: the system's.
};

struct FeedOptions {
    std::vector<SourceOptions> sources;
    std::filesystem::path log_root;  // Slot "okx-1" is recorded in log_root/okx-1.
    log::WriterOptions writer;
    std::string config_payload;  // Of the `config` record that opens each slot's run.
    Nanos heartbeat =
        seconds(1);  // Between `heartbeat` records; also how often silence is looked for.
    Nanos backoff_min = millis(200), backoff_max = seconds(30);  // Between attempts to connect.
    Nanos healthy_after =
        seconds(60);  // A connection this long makes the next back-off start from the minimum.
    Nanos lists_wait = seconds(5);    // How long a first connection waits for the instrument lists.
    Nanos stale_after = seconds(60);  // A stream that no frame named for so long is stale.
    Nanos silence_min =
        seconds(10);  // A stream silent for so long, and for long by its own pace, may be mute.
    Nanos mute_margin = seconds(3);    // A trade so fresh may still be on its way to us.
    Nanos welcome_wait = seconds(10);  // For a venue that speaks first.
    Nanos overlap_wait = seconds(10);  // How long a new socket may take to carry every stream
                                       // before the old one is closed all the same …
    Nanos overlap_rest = seconds(1);   // … and how long both are heard once it does.
    Nanos disk_check = seconds(1);     // How often a paused slot looks whether it can write again.
    Nanos lists_every = seconds(86'400);  // Between two fetches of the instrument lists.
    i64 answer_bytes = 16 << 20;  // Of REST; larger ones are given up. Lists have megabytes.
    double backfill_share = 0.5;  // Of a venue's REST budget; the rest is for others.
    Nanos backfill_patience = seconds(600);  // A gap is left as it is when REST fails for so long.
    Nanos backfill_settle = seconds(2);  // REST may lag so far behind the sockets: only later is it
                                         // believed which trades are the newest, or gone.
    i64 backfill_queue = 1'000;          // Gaps of one venue that may wait; further ones are left.
};

/// One slot as it is now.
struct SlotStatus {
    std::string slot, venue, address;  // The address is the remote end, while connected.
    bool connected{};
    bool paused{};      // The disk is full; nothing is captured.
    std::string cause;  // Why it is not connected; empty before the first attempt ended, and while
                        // connected.
    i64 session{};      // How many connections this process opened.
    Nanos last_recv;    // Of the last frame; 0: none yet.
    i64 frames{};       // Of this process.
    i64 backfills{};    // Gaps that are being fetched, or wait for it.
    i64 stale{};        // Streams that were not heard for stale_after.
    bool replacing{};   // A second socket is being opened, to follow the first.
    std::vector<std::string> mute;   // "trades of BTC-USDT": silent although the market trades.
    i64 polls{}, polls_unchanged{};  // Of this process, where the slot polls; the second are those
                                     // that brought nothing new.
    Nanos next_poll;                 // By the wall clock.
    Offset readable, durable;        // Of the slot's log.
};

/// Runs all sources on one thread of its own.
class Feed final {
 public:
    /// Opens every slot's log and starts to connect. Errors: an unknown venue, channel or feed
    /// (user); a bad endpoint (user); a log that cannot be opened (as LogWriter::open).
    static Result<std::unique_ptr<Feed>> start(FeedOptions options);
    /// Stops.
    ~Feed();

    /// The slots in the order of the config: "<venue>-<n>", n counting from 1 over all sources of
    /// the venue.
    std::vector<std::string> slots() const;
    /// What is followed now, each symbol in the place that its slot follows from. Thread-safe.
    std::vector<SourceOptions> sources() const;
    /// Thread-safe.
    std::vector<SlotStatus> status() const;
    /// Rings `bell` whenever records of `slot` become readable, from the feed's thread; the bell
    /// must outlive the feed. Any number of bells a slot, also of one that comes with a reload.
    /// Returns when it is in force; not after stop().
    void ring_on_flush(std::string_view slot, Doorbell& bell);
    /// Fetches what is missing in `slot` over REST, as far as the venue still has it, and records
    /// the answers and then the verdict in the slot's log. Thread-safe; asking again for what is
    /// being fetched has no effect.
    void backfill(std::string_view slot, venues::Missing missing);
    /// Follows other sources from now on: the sockets of unchanged slots stay as they are, a
    /// changed slot gets a new one before its old one is closed, and symbols stay on their slots.
    /// All slots record `config_payload`, also those that end. Errors as those of start(); nothing
    /// has changed then (but for a log that cannot be opened again right after its slot ended).
    /// Thread-safe.
    Result<void> reload(std::vector<SourceOptions> sources, std::string config_payload);
    /// Closes the sockets, records why, syncs the logs and ends the thread: within 5 s, disks
    /// willing. Idempotent.
    void stop();

 private:
    Feed();
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// The slots that `sources` will have, without connecting: "<venue>-<n>". Errors as those of
/// Feed::start.
Result<std::vector<std::string>> plan_slots(const std::vector<SourceOptions>& sources);

/// What a back-fill by hand has brought so far.
struct BackfillReport {
    std::string slot, channel, native_symbol;
    i64 answers{}, trades{};  // Recorded, and how many trades of the time asked for were in them.
    Nanos reached;            // The oldest time that was listed; 0: nothing yet.
    std::string detail;       // At the end: why not everything came, or what the venue says.
    bool given_up{};          // At the end: the venue could not be asked.
};
/// Fetches the trades of `symbol` ("BTC-USDT") from `from` to `to` that the venue still has, and
/// records them and a verdict in the log of the slot that carries it, without a running feed.
/// `progress` is called ten times a second, and ends it by returning false. Blocks. Errors: those
/// of Feed::start; no source of the venue has trades of the symbol (user); the log is in use
/// (external); the disk is full (external).
Result<BackfillReport> backfill_range(
    const FeedOptions& options, std::string_view venue, std::string_view symbol, Nanos from,
    Nanos to, const std::function<bool(const BackfillReport& so_far)>& progress);

/// The symbols that the venue of `source` lists and trades now against `quote` ("USDT"), sorted;
/// those of the source do not matter. Blocks, for `timeout` a list at most. Errors: the venue
/// cannot be asked (external); it lists none, or a source as the feed refuses it (user).
Result<std::vector<std::string>> listed_symbols(SourceOptions source, std::string_view quote,
                                                Nanos timeout);

/// One step on the way to captured data, and what to do about it where it failed.
struct ProbeStep {
    std::string what;  // "DNS", "TCP", "TLS", "WebSocket", "subscription", "data", "drift", "REST";
                       // also "token", "welcome", "poll" and, of a wrong source, "config".
    bool ok{};
    std::string detail, advice;
};
/// Tries the way to each of a source's connections, once, within twice `timeout` a connection: the
/// steps up to the first that failed, with the REST endpoint last. Where the venue has an order
/// book with a checksum, that is looked at too. Blocks; records nothing; from any thread.
std::vector<ProbeStep> probe(const SourceOptions& source, Nanos timeout);
/// Whether all steps are ok, and there are any.
bool passed(const std::vector<ProbeStep>& steps);

}  // namespace tape::feed
