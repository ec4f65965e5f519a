// What a venue lists, asked once and outside of capture: whoever wants "all of a quote" has to know
// what that is before a slot can be planned.
#include <fmt/core.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <map>

#include "base/log.h"
#include "feed/event_sinks.h"
#include "feed/payloads.h"
#include "feed/plan.h"
#include "feed/rest_client.h"

namespace tape::feed {

namespace asio = boost::asio;

namespace {

class Listing final : public DeafSink {
 public:
    explicit Listing(std::string_view quote) : suffix_(fmt::format("-{}", quote)) {}
    /// Symbol → native symbol.
    std::map<std::string, std::string> symbols;
    std::string refused;

    void on_refused(std::string_view detail) override { refused = detail; }
    void on_listed(const Instrument& instrument, bool trading) override {
        if (trading && instrument.symbol.ends_with(suffix_))
            symbols.emplace(instrument.symbol, instrument.native_symbol);
    }

 private:
    const std::string suffix_;
};

asio::awaitable<void> ask(const PlannedSource* source, Nanos timeout, Listing* listing) {
    const auto decoder = source->venue->make_decoder();
    const std::vector<venues::RestRequest> requests = source->venue->instruments(source->spec);
    for (const venues::RestRequest& request : requests) {
        venues::RestRequest asked = request;
        const net::HttpResponse response = co_await fetch_once(*source, std::move(asked), timeout);
        if (response.status != 200)
            throw net::NetError(
                fmt::format("{} answers with status {}", request.target, response.status));
        const std::string payload =
            rest_payload(request.method, request.target, response.status, response.body);
        const log::Record record{.offset = {},
                                 .kind = log::RecordKind::rest,
                                 .ts_recv = wall_clock(),
                                 .payload = payload};
        if (const auto wrong = decoder->decode(record, *listing))
            throw net::NetError(wrong->detail);
        if (!listing->refused.empty()) throw net::NetError(listing->refused);
    }
}

// Not a symbol with letters that no request takes, or one that would be asked for under another
// name. A stream without a name carries all.
bool plan_has(const venues::Venue& venue, const venues::SourceSpec& spec, std::string_view native) {
    const auto connections = venue.plan(spec);
    return connections &&
           std::ranges::any_of(*connections, [&](const venues::Connection& connection) {
               return std::ranges::any_of(connection.streams, [&](const auto& stream) {
                   return stream.native_symbol == native || stream.native_symbol.empty();
               });
           });
}

}  // namespace

Result<std::vector<std::string>> listed_symbols(SourceOptions source, std::string_view quote,
                                                Nanos timeout) {
    // What is asked does not depend on the symbols, but a plan has some.
    source.spec.symbols = {fmt::format("BTC-{}", quote)};
    const auto planned = plan_sources({source});
    if (!planned) return planned.error();
    Listing listing(quote);
    std::exception_ptr failure;
    asio::io_context io;
    asio::co_spawn(io, ask(&planned->front(), timeout, &listing),
                   [&failure](std::exception_ptr error) { failure = std::move(error); });
    io.run();
    try {
        if (failure) std::rethrow_exception(failure);
    } catch (const std::exception& error) {
        return external_error(
            fmt::format("{}: no list of instruments: {}", source.spec.venue, error.what()),
            Retry::backoff);
    }
    if (listing.symbols.empty())
        return user_error(
            fmt::format("{} lists nothing that trades in '{}'", source.spec.venue, quote));

    std::vector<std::string> symbols;
    for (const auto& [symbol, native] : listing.symbols) {
        source.spec.symbols = {symbol};
        if (plan_has(*planned->front().venue, source.spec, native))
            symbols.push_back(symbol);
        else
            log_warn("{}: '{}' is listed as '{}', which cannot be asked for", source.spec.venue,
                     symbol, native);
    }
    return symbols;
}

}  // namespace tape::feed
