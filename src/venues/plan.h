// What the plans of all venues share: checking what the config names, and putting many symbols into
// few frames.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "venues/venue.h"

namespace tape::venues {

/// How a channel is called in the config and by the venue.
struct ChannelName {
    std::string_view config, native;
};

/// What the config may call the channels, in this order.
std::vector<std::string_view> config_names(std::span<const ChannelName> known);

/// The venue's names of `channels`, each once, in the order of `known`. Error: none given, or one
/// that `known` lacks.
Result<std::vector<std::string_view>> native_channels(std::string_view venue,
                                                      std::span<const ChannelName> known,
                                                      std::span<const std::string> channels);

/// Error: no symbol, or one with characters that no instrument's name has.
Result<void> check_symbols(std::string_view venue, std::span<const std::string> symbols);

/// Both for what `spec` names. Error: also a feed, for venues that have but one.
Result<std::vector<std::string_view>> channels_of_spec(std::string_view venue,
                                                       std::span<const ChannelName> known,
                                                       const SourceSpec& spec);

/// `wanted` with those of `had` in their places, so that they stay on their connections: what is
/// new takes the places of what is gone, then those behind. A place that stays free has an empty
/// symbol.
std::vector<std::string> keep_places(std::span<const std::string> had,
                                     std::span<const std::string> wanted);
/// The symbols without the free places.
std::vector<std::string> present(std::span<const std::string> symbols);

/// `items` in groups of at most `limit`.
std::vector<std::span<const std::string>> batches(std::span<const std::string> items,
                                                  std::size_t limit);

/// "BTCUSDT" → "btcusdt".
std::string to_small_letters(std::string_view text);

/// The items with commas between them.
std::string joined(std::span<const std::string> items);
/// "a","b" as JSON, for items that need no escapes.
std::string quoted_list(std::span<const std::string> items);

}  // namespace tape::venues
