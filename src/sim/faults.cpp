#include "sim/faults.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace tape::sim {
namespace {

constexpr i64 no_end = std::numeric_limits<i64>::max();

// Ids that a fault takes away: those it names, or as many as come in its time.
TradeFaults::Drop drop_of(const ArmedFault& armed, const TradeSequence& trades, Nanos start) {
    const Fault& fault = armed.fault;
    TradeFaults::Drop drop{.last = no_end,
                           .from_rest = fault.kind == FaultKind::drop_ids_everywhere,
                           .probability = fault.probability,
                           .key = armed.key};
    if (fault.from_id) {
        drop.first = *fault.from_id;
        drop.last = *fault.to_id;
        return drop;
    }
    drop.first = fault.after_messages ? trades.last_at(start) + 1 + *fault.after_messages
                                      : trades.last_at(*armed.began) + 1;
    if (fault.lasts)
        drop.last = trades.last_at((fault.after_messages ? trades.time(drop.first) : *armed.began) +
                                   *fault.lasts);
    if (fault.count) drop.last = std::min(drop.last, drop.first + *fault.count - 1);
    return drop;
}

TradeFaults trade_faults(const VenueFaults& faults, const TradeSequence& trades) {
    TradeFaults made;
    const Listing& listing = trades.listing();
    for (const ArmedFault& armed : faults.all()) {
        const Fault& fault = armed.fault;
        const bool concerned = fault.symbol.empty() || fault.symbol == listing.native_symbol ||
                               fault.symbol == listing.formerly;
        if (!concerned) continue;
        if (fault.kind == FaultKind::drop_ids || fault.kind == FaultKind::drop_ids_everywhere)
            made.drops.push_back(drop_of(armed, trades, faults.start()));
        if (fault.kind == FaultKind::clock_step)
            made.clock_steps.push_back(
                {.from = *armed.began,
                 .to = fault.lasts ? *armed.began + *fault.lasts : Nanos{no_end},
                 .by = millis(fault.ms)});
        const bool ends = fault.kind == FaultKind::delist || fault.kind == FaultKind::rename;
        if (ends && fault.symbol == listing.native_symbol) made.ends = armed.began;
    }
    return made;
}

// "POL-USDT" or "POLUSDT" with the quote "USDT": the base is "POL".
std::string_view base_of(std::string_view symbol, std::string_view quote) {
    if (!symbol.ends_with(quote)) return symbol;
    symbol.remove_suffix(quote.size());
    const std::size_t end = symbol.find_last_not_of("-/_");
    return symbol.substr(0, end == std::string_view::npos ? 0 : end + 1);
}

bool concerns_answers(FaultKind kind) {
    return kind == FaultKind::rate_limit || kind == FaultKind::ban ||
           kind == FaultKind::server_error;
}

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

}  // namespace

bool ArmedFault::in_force(Nanos now) const {
    return began && now >= *began && (!fault.lasts || now < *began + *fault.lasts) &&
           (!fault.count || struck < *fault.count);
}

bool ArmedFault::strikes(u64 what, Nanos now) {
    if (!in_force(now) || !by_chance(fault.probability, key, what)) return false;
    ++struck;
    return true;
}

VenueFaults::VenueFaults(const FaultScript& script, const SimVenue& venue, Nanos start)
    : venue_(venue), start_(start) {
    for (std::size_t number = 0; number < script.faults.size(); ++number) {
        const Fault& fault = script.faults[number];
        if (fault.venue != venue.name()) continue;
        ArmedFault armed{.fault = fault,
                         .number = number,
                         .key = (script.seed + 1) * 0x9e3779b97f4a7c15 + number};
        if (!fault.after_messages) armed.began = fault.at_is_moment ? fault.at : start + fault.at;
        armed_.push_back(std::move(armed));
    }
}

void VenueFaults::count_frame(Nanos now) {
    ++frames_;
    for (ArmedFault& armed : armed_)
        if (!armed.began && frames_ > *armed.fault.after_messages) armed.began = now;
}

std::optional<net::Response> VenueFaults::refuse(const net::Request& request, Nanos now) {
    for (ArmedFault& armed : armed_) {
        const Fault& fault = armed.fault;
        if (!concerns_answers(fault.kind) || !request.path.starts_with(fault.path)) continue;
        const u64 what = hash_text(request.query, hash_text(request.path)) ^
                         static_cast<u64>(now.count);  // The same request may come again.
        if (!armed.strikes(what, now)) continue;
        const Nanos rest = fault.lasts ? *armed.began + *fault.lasts - now : seconds(1);
        const i64 until_end = (rest.count + seconds(1).count - 1) / seconds(1).count;
        const i64 retry_after_s = fault.retry_after_s.value_or(until_end);
        if (fault.kind != FaultKind::server_error)
            return throttle(venue_, fault.kind == FaultKind::ban, retry_after_s, now);
        net::Response response{.body = R"({"error":"service unavailable"})"};
        response.status = static_cast<int>(fault.status);
        if (fault.retry_after_s)
            response.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
        return response;
    }
    return std::nullopt;
}

i64 VenueFaults::answer_speed(const net::Request& request, Nanos now) const {
    for (const ArmedFault& armed : armed_)
        if (armed.fault.kind == FaultKind::slow && armed.in_force(now) &&
            request.path.starts_with(armed.fault.path))
            return armed.fault.bytes_per_second;
    return 0;
}

Markets::Markets(const SimVenue& venue, const MarketOptions& options, const VenueFaults& faults) {
    std::vector<const ArmedFault*> changes;
    for (const ArmedFault& armed : faults.all())
        if (armed.fault.kind == FaultKind::delist || armed.fault.kind == FaultKind::rename)
            changes.push_back(&armed);
    std::ranges::sort(changes, {}, [](const ArmedFault* armed) { return *armed->began; });

    std::vector<Listing> listings(venue.listings().begin(), venue.listings().end());
    const auto begin_era = [&](Nanos from) {
        Market& market =
            eras_.emplace_back(Era{from, Market(venue.name(), listings, options)}).market;
        for (std::size_t place = 0; place < listings.size(); ++place) {
            TradeSequence& trades = market.sequence(place);
            trades.set_faults(trade_faults(faults, trades));
        }
        for (const ArmedFault& armed : faults.all())
            if (armed.fault.kind == FaultKind::token_expiry) market.end_tokens_at(*armed.began);
    };
    begin_era(Nanos{std::numeric_limits<i64>::min()});
    for (const ArmedFault* change : changes) {
        const Fault& fault = change->fault;
        const auto listing = std::ranges::find(listings, fault.symbol, &Listing::native_symbol);
        if (listing == listings.end()) continue;
        if (fault.kind == FaultKind::rename) {
            listing->formerly =
                listing->formerly.empty() ? listing->native_symbol : listing->formerly;
            listing->native_symbol = fault.to;
            listing->base = base_of(fault.to, listing->quote);
        } else {
            listings.erase(listing);
        }
        begin_era(*change->began);
    }
}

const Market& Markets::at(Nanos now) const {
    const Era* current = &eras_.front();
    for (const Era& era : eras_)
        if (era.from <= now) current = &era;
    return current->market;
}

bool mentions(std::string_view text, std::string_view symbol) {
    const auto same = [](char a, char b) {
        const auto lower = [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        };
        return lower(a) == lower(b);
    };
    for (auto at = text.begin();;) {
        at = std::search(at, text.end(), symbol.begin(), symbol.end(), same);
        if (at == text.end()) return false;
        const auto end = at + static_cast<std::ptrdiff_t>(symbol.size());
        const bool begins = at == text.begin() || !is_word_character(*(at - 1));
        if (begins && (end == text.end() || !is_word_character(*end))) return true;
        ++at;
    }
}

}  // namespace tape::sim
