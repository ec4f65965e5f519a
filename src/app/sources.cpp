#include "app/sources.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "base/log.h"
#include "venues/plan.h"

namespace tape::app {
namespace {

// {"binance":{"USDT":["BTC-USDT",…]},"coinbase advanced":{…}}; a free place is "".
using Json = nlohmann::json;

Json read_memory(const std::filesystem::path& path) {
    std::ifstream file(path);
    Json memory = Json::parse(file, nullptr, false);
    return memory.is_object() ? memory : Json::object();
}

// Set aside and renamed: a crash leaves the last one. Without it nothing is lost but an order.
void write_memory(const std::filesystem::path& path, const Json& memory) {
    std::filesystem::path aside = path;
    aside += ".tmp";
    std::error_code failed;
    if (std::ofstream file(aside); !(file << memory.dump() << std::flush))
        failed = std::make_error_code(std::errc::io_error);
    else
        std::filesystem::rename(aside, path, failed);
    if (failed) log_warn("cannot write '{}': {}", path.string(), failed.message());
}

}  // namespace

std::vector<feed::SourceOptions> source_options(const Config& config) {
    std::vector<feed::SourceOptions> sources;
    for (const SourceConfig& source : config.sources)
        sources.push_back({source_spec(source), source.websocket, source.rest, source.ca_file});
    return sources;
}

bool lists_symbols(const Config& config) {
    return std::ranges::any_of(config.sources, [](const auto& s) { return !s.quote.empty(); });
}

Result<void> find_symbols(Config& config, const std::filesystem::path& memory, Nanos timeout) {
    if (!lists_symbols(config)) return {};
    Json remembered = memory.empty() ? Json::object() : read_memory(memory);
    for (SourceConfig& source : config.sources) {
        if (source.quote.empty()) continue;
        Json& known = remembered[fmt::format("{}{}{}", source.venue, source.feed.empty() ? "" : " ",
                                             source.feed)][source.quote];
        const auto had =
            known.is_array() ? known.get<std::vector<std::string>>() : std::vector<std::string>();
        const auto listed = feed::listed_symbols(
            {source_spec(source), source.websocket, source.rest, source.ca_file}, source.quote,
            timeout);
        if (!listed && had.empty()) return listed.error();
        if (!listed)
            log_warn("{}; going on with the {} of last time", listed.error().what,
                     venues::present(had).size());
        source.symbols = listed ? venues::keep_places(had, *listed) : had;
        known = source.symbols;
    }
    if (!memory.empty()) write_memory(memory, remembered);

    // Who names a symbol says more about it than who takes all.
    std::set<std::pair<std::string, std::string>> named;
    for (const SourceConfig& source : config.sources)
        if (source.quote.empty())
            for (const std::string& symbol : source.symbols) named.emplace(source.venue, symbol);
    for (SourceConfig& source : config.sources)
        if (!source.quote.empty())
            for (std::string& symbol : source.symbols)
                if (named.contains({source.venue, symbol})) symbol.clear();
    return {};
}

}  // namespace tape::app
