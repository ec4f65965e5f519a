// A venue: what to subscribe, how to stay alive, how to decode. Sans I/O: nothing here opens a
// socket or asks a clock, so the same code serves the live feed, a replay and a test. One file a
// venue; it registers itself in venue_table().
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "log/record.h"
#include "market/instrument.h"
#include "market/rows.h"

namespace tape::venues {

/// What the config asks of a venue, symbols normalised.
struct SourceSpec {
    std::string venue;
    std::string feed;                   // Coinbase: "exchange" (default) or "advanced"; else empty.
    std::vector<std::string> symbols;   // "BTC-USDT"; empty: a place kept free (see plan.h).
    std::vector<std::string> channels;  // The venue's names; contract.md: "trades", "tickers", …

    // Of polled channels.
    Nanos interval = seconds(30);            // Between two polls of the same.
    std::map<std::string, std::string> ids;  // CoinGecko's: "BTC-USD" → "bitcoin".
    std::string api_key;
    i64 monthly_calls = 10'000;  // CoinGecko's budget, spread over the month; 0: none.
};

struct RestRequest {
    std::string method = "GET";
    std::string target;  // Path and query.
    std::string body;
    i64 weight = 1;  // Of the venue's RestBudget.
    std::vector<std::pair<std::string, std::string>> headers =
        {};  // An API key's, say; never recorded.
};

/// What a venue allows an address to ask for over REST, or to connect.
struct RestBudget {
    i64 weight = 10;               // The sum of the requests' weights …
    Nanos per = seconds(1);        // … within this time.
    std::string_view used_header;  // Of answers: how much of it is used, by the venue's own count.
};

/// Trades of one instrument that were not received and may still be had.
struct Missing {
    std::string native_symbol, channel;
    std::optional<u64> from_id, to_id;  // Both included. None: unknown, or up to the newest.
    Nanos from_ts, to_ts;    // Where they lie, by the venue's clock, about. Both move with the ids
                             // as answers come: some venues page by time.
    Nanos last_ts = {};      // Of the newest trade before them; 0: unknown.
    std::string cause = {};  // Of the gap; for messages.
};

/// One slot to keep connected: where, what to say first, and which (channel, native symbol) it then
/// carries. One with polls has no socket: it asks for each of them every interval.
struct Connection {
    std::string websocket_path;          // Added to the endpoint's path; "/ws/v5/public".
    std::vector<std::string> subscribe;  // Text frames, sent in this order after the handshake.
    struct Stream {
        std::string channel, native_symbol;
        std::string feed = {};  // Where a venue's feeds must be told apart: SourceSpec::feed.
    };
    std::vector<Stream> streams;
    /// Sent anew before each connection; Venue::admit() reads from its answer where to connect.
    std::optional<RestRequest> token;
    bool welcome{};            // The venue speaks first: subscribe after Venue::is_welcome().
    Nanos subscribe_interval;  // At least this long between two texts that are sent.
    /// The venue ends a connection of this age: it is replaced before, by one that overlaps it.
    std::optional<Nanos> replace_after;
    std::vector<RestRequest> polls;
    Nanos poll_interval = seconds(30);
    /// Sent when nothing was received or sent for `after`; none: WebSocket pings suffice.
    struct Keepalive {
        std::string text;
        Nanos after;
        bool always = false;  // Also while frames come: the venue wants to hear of us.
    };
    std::optional<Keepalive> keepalive;
    Nanos silence_limit = seconds(30);  // A socket this silent is dead.
};

/// What a decoder finds in a record.
class EventSink {
 public:
    virtual ~EventSink() = default;
    virtual void on(const Tick& tick) = 0;
    /// The venue acknowledged a subscription: from this record on, (channel, instrument) is
    /// observed. An instrument of null stands for all that the slot carries.
    virtual void on_subscribed(std::string_view channel, const Instrument* instrument) = 0;
    /// The venue refused a subscription or reported an error in words.
    virtual void on_refused(std::string_view detail) = 0;
    /// A channel, message type or event that is not decoded; counted.
    virtual void on_unknown(std::string_view what) = 0;
    /// The venue said which trade id came last without sending it (Coinbase's heartbeat).
    virtual void on_last_trade(const Instrument& instrument, u64 trade_id, Nanos ts_event) = 0;
    /// A list of instruments names one; `trading`: it can be traded now.
    virtual void on_listed(const Instrument& /*instrument*/, bool /*trading*/) {}
    /// A candle that the venue computed itself.
    virtual void on_candle(const Candle& /*candle*/) {}
    /// The venue numbers the messages of a connection, and this one does not follow the last.
    virtual void on_lost_messages(i64 /*from*/, i64 /*to*/) {}
};

/// What went wrong with a record, for its dead letter.
struct DecodeError {
    std::string_view
        reason;          // "malformed" (also binary) | "missing_field" | "bad_value" | "too_long"
    std::string detail;  // Names the venue, the field and the value.
};

/// Turns the raw records of one partition into events. Not thread-safe; its state (the instrument
/// list) comes only from the records it is given, so a replay decodes alike.
class Decoder {
 public:
    virtual ~Decoder() = default;
    /// Events of `record` (frame or rest; others give none, but `sent` and `connected` may have to
    /// be known to understand later ones). Either all of the record's ticks are delivered or none:
    /// none, and why, when it cannot be decoded. Ticks have everything set but nothing
    /// de-duplicated.
    virtual std::optional<DecodeError> decode(const log::Record& record, EventSink& out) = 0;
    /// The decoder's state as bytes, and back, for checkpoints: the instruments it has interned, in
    /// order, and what the venue's decoder has to remember.
    virtual void save(std::string& out) const = 0;
    virtual Result<void> load(std::string_view state) = 0;
    virtual InstrumentTable& instruments() = 0;
};

/// How a venue's trades are identified.
struct IdentityRule {
    bool consecutive = true;  // Ids of one instrument count up by one: duplicates are an interval
                              // set. Else a bounded set.
};

class Venue {
 public:
    virtual ~Venue() = default;
    virtual std::string_view name() const = 0;
    /// Bumped whenever the same frames would give other events: a new one starts a new epoch.
    virtual i32 decoder_version() const = 0;
    virtual std::string_view default_websocket(
        std::string_view feed) const = 0;  // "wss://ws.okx.com:8443"
    virtual std::string_view default_rest(std::string_view feed) const = 0;
    virtual std::vector<std::string_view> channels(
        std::string_view feed) const = 0;  // What `channels` may name.
    virtual IdentityRule identity() const = 0;
    /// Requests whose answers list the instruments; recorded before the first connection.
    virtual std::vector<RestRequest> instruments(const SourceSpec& spec) const = 0;
    /// The connections that carry `spec`, in a stable order (the n-th is slot n). Errors: an
    /// unknown channel or feed.
    virtual Result<std::vector<Connection>> plan(const SourceSpec& spec) const = 0;
    /// Where to connect, by the answer to Connection::token. `connection_id` is any text that was
    /// not used before. Error: the answer is not what the venue documents.
    struct Admission {
        std::string websocket;               // The whole URL.
        std::optional<Nanos> ping_interval;  // Replaces that of the connection's keepalive.
    };
    virtual Result<Admission> admit(std::string_view answer, std::string_view connection_id) const;
    /// Whether `frame` is the one that Connection::welcome waits for.
    virtual bool is_welcome(std::string_view frame) const;
    /// Whether `frame` says that the venue will end the connection soon: it is replaced before.
    virtual bool announces_end(std::string_view frame) const;
    /// Texts that end and renew the subscription of one stream alone; empty: the venue cannot.
    virtual std::vector<std::string> resubscribe(const Connection::Stream& stream) const;
    /// A text that subscribes, on `connection`, the order book of its first symbol whose frames
    /// carry a checksum: for a look by the doctor alone, nothing decodes them. None: the venue has
    /// no such book there.
    virtual std::optional<std::string> look_at_book(const Connection& connection) const;
    /// A request whose answer has trades of `missing`, as many as one answer can: the newest where
    /// it has no to_id, else such that asking again for what is then still missing goes on. None:
    /// the venue offers no such thing.
    virtual std::optional<RestRequest> backfill(const SourceSpec& spec,
                                                const Missing& missing) const;
    virtual RestBudget rest_budget() const { return {}; }
    /// How many WebSocket connections an address may begin; of OKX's size unless a venue says so.
    virtual RestBudget connect_budget() const { return {.weight = 3, .per = seconds(1)}; }
    /// An answer the protocol demands to a received frame (none of OKX's or Coinbase's does).
    virtual std::optional<std::string> reply(std::string_view frame) const;
    /// Whether a channel carries trades, tickers, quotes or polls: the default input of windows.
    virtual TickKind kind_of(std::string_view channel) const = 0;
    virtual std::unique_ptr<Decoder> make_decoder() const = 0;
};

/// Every venue of this build, sorted by name.
const std::vector<const Venue*>& venue_table();
/// Null when there is none of that name.
const Venue* find_venue(std::string_view name);
/// "okx-1" → "okx".
std::string_view venue_of_slot(std::string_view slot);

/// Registers a venue at program start: `const Registration okx{std::make_unique<Okx>()};` at the
/// end of its file.
struct Registration {
    explicit Registration(std::unique_ptr<Venue> venue);
};

}  // namespace tape::venues
