#include "ops/fake_venue.h"

#include <map>
#include <sstream>

namespace tape::ops {
namespace {

class FakeDecoder final : public venues::Decoder {
 public:
    std::optional<venues::DecodeError> decode(const log::Record& record,
                                              venues::EventSink& out) override {
        std::istringstream lines{std::string(record.payload)};
        i32 index = 0;
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string what, symbol;
            words >> what;
            if (what == "broken") return venues::DecodeError{"malformed", "fake: broken"};
            if (what == "unknown") out.on_unknown(what);
            if (what == "refused") out.on_refused(line);
            if (what == "ack") {
                std::string channel;
                words >> channel;
                const bool named = static_cast<bool>(words >> symbol);
                out.on_subscribed(channel, named ? &table_.intern("fake", symbol) : nullptr);
            }
            if (what == "lost") out.on_lost_messages(1, 2);
            if (what == "last") {
                u64 id = 0;
                i64 time_ms = 0;
                words >> symbol >> id >> time_ms;
                out.on_last_trade(table_.intern("fake", symbol), id, millis(time_ms));
            }
            if (what == "trade" || what == "ticker" || what == "poll")
                out.on(tick(record, what, words, index++));
        }
        return std::nullopt;
    }
    void save(std::string& out) const override {
        for (const Instrument& instrument : table_.all()) out += instrument.native_symbol + " ";
    }
    Result<void> load(std::string_view state) override {
        std::istringstream words{std::string(state)};
        table_ = {};
        for (std::string symbol; words >> symbol;) table_.intern("fake", symbol);
        return {};
    }
    InstrumentTable& instruments() override { return table_; }

 private:
    Tick tick(const log::Record& record, std::string_view what, std::istringstream& words,
              i32 index) {
        std::string symbol, price, size;
        i64 time_ms = 0;
        Tick tick;
        words >> symbol >> price;
        if (what == "trade") {
            u64 id = 0;
            words >> size >> id >> time_ms;
            words >> tick.covers;
            if (!words) tick.covers = 1;
            tick.size = *Decimal::parse(size);
            tick.identity = id;
        } else {
            tick.kind = what == "poll" ? TickKind::poll : TickKind::ticker;
            words >> time_ms;
        }
        tick.instrument = &table_.intern("fake", symbol);
        tick.price = *Decimal::parse(price);
        tick.ts_event = millis(time_ms);
        tick.ts_recv = record.ts_recv;
        tick.source_offset = record.offset;
        tick.source_index = index;
        return tick;
    }

    InstrumentTable table_;
};

class FakeVenue final : public venues::Venue {
 public:
    FakeVenue(i32 version, bool consecutive) : version_(version), consecutive_(consecutive) {}
    std::string_view name() const override { return "fake"; }
    i32 decoder_version() const override { return version_; }
    std::string_view default_websocket(std::string_view) const override { return ""; }
    std::string_view default_rest(std::string_view) const override { return ""; }
    std::vector<std::string_view> channels(std::string_view) const override {
        return {"trades", "tickers"};
    }
    venues::IdentityRule identity() const override { return {.consecutive = consecutive_}; }
    std::vector<venues::RestRequest> instruments(const venues::SourceSpec&) const override {
        return {};
    }
    Result<std::vector<venues::Connection>> plan(const venues::SourceSpec&) const override {
        return std::vector<venues::Connection>{};
    }
    TickKind kind_of(std::string_view channel) const override {
        return channel == "tickers" ? TickKind::ticker : TickKind::trade;
    }
    std::unique_ptr<venues::Decoder> make_decoder() const override {
        return std::make_unique<FakeDecoder>();
    }

 private:
    i32 version_;
    bool consecutive_;
};

}  // namespace

const venues::Venue& fake_venue(i32 version, FakeIds ids) {
    static std::map<std::pair<i32, FakeIds>, FakeVenue> venues;
    return venues.try_emplace({version, ids}, version, ids == FakeIds::consecutive).first->second;
}

}  // namespace tape::ops
