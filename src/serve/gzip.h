// Compressed bodies, for browsers that accept them: all do, and a history of prices shrinks to a
// tenth.
#pragma once

#include <string>
#include <string_view>

namespace tape::serve {

std::string gzip(std::string_view plain);
/// The text of what gzip made; it is trusted to be whole.
std::string gunzip(std::string_view packed);

}  // namespace tape::serve
