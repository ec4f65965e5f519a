#include "sim/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/json_text.h"
#include "sim/text.h"

namespace tape::sim {
namespace {

constexpr i64 trades_at_once = 20'000;
// An instrument's first trades lie this many before it was asked for: subscriptions begin with
// those that went before.
constexpr i64 trades_before = 2'000;

std::string_view text_after(std::string_view line, std::string_view key) {
    const std::size_t at = line.find(key);
    if (at == std::string_view::npos) return {};
    line.remove_prefix(at + key.size());
    return line.substr(0, line.find_first_of("\",}"));
}

i64 number_after(std::string_view line, std::string_view key) {
    const std::string_view digits = text_after(line, key);
    i64 value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

}  // namespace

Result<std::unique_ptr<Ledger>> Ledger::open(const std::string& path, Nanos now) {
    Nanos start = now;
    std::map<std::string, i64> written;
    std::error_code failed;
    if (std::filesystem::exists(path, failed)) {
        std::ifstream file(path, std::ios::binary);
        std::uintmax_t whole = 0;  // Without a torn last line.
        for (std::string line; std::getline(file, line) && !file.eof(); whole += line.size() + 1) {
            if (whole == 0 && !line.starts_with(R"({"start_ns":)"))
                return user_error(fmt::format("'{}' is no ledger of the simulator", path));
            if (whole == 0) start = Nanos{number_after(line, R"("start_ns":)")};
            if (!line.starts_with(R"({"venue":")")) continue;
            written[fmt::format("{} {}", text_after(line, R"("venue":")"),
                                text_after(line, R"("symbol":")"))] =
                number_after(line, R"("id":)");
        }
        file.close();
        std::filesystem::resize_file(path, whole, failed);
    }
    std::FILE* file = std::fopen(path.c_str(), "ab");
    if (file == nullptr)
        return external_error(fmt::format("cannot write the ledger '{}'", path), Retry::never);
    std::unique_ptr<Ledger> ledger(new Ledger(file));
    ledger->start_ = start;
    ledger->written_ = std::move(written);
    if (std::ftell(file) == 0)
        fmt::print(file, "{{\"start_ns\":{},\"start\":\"{}\"}}\n", start.count,
                   format_rfc3339(start));
    std::fflush(file);
    return ledger;
}

Ledger::~Ledger() {
    std::fclose(file_);
}

void Ledger::follow(std::string_view venue, const Markets& markets, VenueFaults& faults) {
    followed_.push_back(
        {std::string(venue), &markets, &faults, std::vector<bool>(faults.all().size()), {}});
}

void Ledger::note_violation(std::string_view venue, std::string_view what, std::string_view limit,
                            Nanos now) {
    fmt::print(file_,
               R"({{"violation":{},"limit":{},"venue":"{}","ts_ns":{}}})"
               "\n",
               json_quoted(what), json_quoted(limit), venue, now.count);
}

bool Ledger::advance(Nanos now) {
    i64 left = trades_at_once;
    for (Followed& followed : followed_) {
        tell_faults(followed, now);
        for (const Markets::Era& era : followed.markets->eras())
            for (const TradeSequence* trades : era.market.found()) {
                auto place = followed.next.find(trades->symbol());
                if (place == followed.next.end())
                    place =
                        followed.next.emplace(trades->symbol(), first_of(followed, *trades, now))
                            .first;
                for (const i64 last = trades->last_at(now); place->second <= last && left > 0;
                     --left)
                    write_trade(followed.venue, *trades, place->second++);
            }
    }
    std::fflush(file_);
    return left > 0;
}

i64 Ledger::first_of(const Followed& followed, const TradeSequence& trades, Nanos now) const {
    const auto before = written_.find(fmt::format("{} {}", followed.venue, trades.symbol()));
    if (before != written_.end()) return before->second + 1;
    return std::max<i64>(1, trades.last_at(now) - trades_before);
}

void Ledger::tell_faults(Followed& followed, Nanos now) {
    for (std::size_t i = 0; i < followed.told.size(); ++i) {
        const ArmedFault& armed = followed.faults->all()[i];
        if (followed.told[i] || !armed.began || *armed.began > now) continue;
        followed.told[i] = true;
        fmt::print(file_,
                   R"({{"fault":{},"kind":"{}","venue":"{}","symbol":{},"ts_ns":{}}})"
                   "\n",
                   armed.number, to_string(armed.fault.kind), followed.venue,
                   json_quoted(armed.fault.symbol), armed.began->count);
    }
}

void Ledger::write_trade(const std::string& venue, const TradeSequence& trades, i64 id) {
    const Listing& listing = trades.listing();
    const SimTrade trade = trades.trade(id);
    line_.clear();
    fmt::format_to(
        std::back_inserter(line_),
        R"({{"venue":"{}","symbol":"{}","id":{},"ts_ns":{},"price":"{}","size":"{}","side":"{}","sequence":{},)"
        R"("order":{},"socket":{},"rest":{}}})"
        "\n",
        venue, listing.native_symbol, id, trades.stamp(trade.time).count,
        number(trade.price, listing.price_decimals), number(trade.size, listing.size_decimals),
        to_string(trade.side), trades.sequence(id), trades.order_number(id), trades.on_socket(id),
        trades.on_rest(id));
    std::fwrite(line_.data(), 1, line_.size(), file_);
}

}  // namespace tape::sim
