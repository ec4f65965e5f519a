#include "venues/plan.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace tape::venues {

std::vector<std::string_view> config_names(std::span<const ChannelName> known) {
    std::vector<std::string_view> names;
    for (const ChannelName& name : known) names.push_back(name.config);
    return names;
}

Result<std::vector<std::string_view>> native_channels(std::string_view venue,
                                                      std::span<const ChannelName> known,
                                                      std::span<const std::string> channels) {
    const std::vector<std::string_view> names = config_names(known);
    if (channels.empty())
        return user_error(fmt::format("{}: no channel is configured; there are {}", venue,
                                      fmt::join(names, ", ")));
    for (const std::string& channel : channels)
        if (std::ranges::find(names, channel) == names.end())
            return user_error(fmt::format("{}: no channel '{}'; there are {}", venue, channel,
                                          fmt::join(names, ", ")));
    std::vector<std::string_view> chosen;
    for (const ChannelName& name : known)
        if (std::ranges::find(channels, name.config) != channels.end() &&
            std::ranges::find(chosen, name.native) == chosen.end())
            chosen.push_back(name.native);
    return chosen;
}

Result<void> check_symbols(std::string_view venue, std::span<const std::string> symbols) {
    if (symbols.empty()) return user_error(fmt::format("{}: no symbol is configured", venue));
    constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    for (const std::string& symbol : symbols)
        if (symbol.find_first_not_of(allowed) != std::string::npos)
            return user_error(fmt::format("{}: '{}' is no symbol such as BTC-USD", venue, symbol));
    return {};
}

Result<std::vector<std::string_view>> channels_of_spec(std::string_view venue,
                                                       std::span<const ChannelName> known,
                                                       const SourceSpec& spec) {
    if (!spec.feed.empty())
        return user_error(fmt::format("{}: no feed '{}'; there is only one", venue, spec.feed));
    if (auto checked = check_symbols(venue, spec.symbols); !checked) return checked.error();
    return native_channels(venue, known, spec.channels);
}

std::vector<std::string> keep_places(std::span<const std::string> had,
                                     std::span<const std::string> wanted) {
    std::vector<std::string> places(had.begin(), had.end()), fresh;
    for (std::string& place : places)
        if (std::ranges::find(wanted, place) == wanted.end()) place.clear();
    for (const std::string& symbol : wanted)
        if (!symbol.empty() && std::ranges::find(places, symbol) == places.end())
            fresh.push_back(symbol);
    auto next = fresh.begin();
    for (std::string& place : places)
        if (place.empty() && next != fresh.end()) place = std::move(*next++);
    places.insert(places.end(), next, fresh.end());
    while (!places.empty() && places.back().empty()) places.pop_back();
    return places;
}

std::vector<std::string> present(std::span<const std::string> symbols) {
    std::vector<std::string> named;
    std::ranges::copy_if(symbols, std::back_inserter(named),
                         [](const std::string& symbol) { return !symbol.empty(); });
    return named;
}

std::vector<std::span<const std::string>> batches(std::span<const std::string> items,
                                                  std::size_t limit) {
    std::vector<std::span<const std::string>> groups;
    for (; items.size() > limit; items = items.subspan(limit)) groups.push_back(items.first(limit));
    if (!items.empty()) groups.push_back(items);
    return groups;
}

std::string to_small_letters(std::string_view text) {
    std::string small(text);
    for (char& c : small)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return small;
}

std::string joined(std::span<const std::string> items) {
    return fmt::format("{}", fmt::join(items, ","));
}

std::string quoted_list(std::span<const std::string> items) {
    return items.empty() ? "" : fmt::format("\"{}\"", fmt::join(items, "\",\""));
}

}  // namespace tape::venues
