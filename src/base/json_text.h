// Text as a JSON string. One escaping rule for all output: only what JSON demands is escaped,
// everything else is the raw UTF-8, so that equal text always gives equal bytes (contract.md,
// "Capture interchange").
#pragma once

#include <string>
#include <string_view>

namespace tape {

/// Appends `text` in quotes: \" \\ \b \f \n \r \t, other control characters as \u00xx in lower
/// case, all else as it is. `text` must be UTF-8; see is_utf8().
std::string& append_json_string(std::string& out, std::string_view text);
std::string json_quoted(std::string_view text);

/// Whether `text` is well-formed UTF-8 (no overlong forms, surrogates or values above U+10FFFF).
bool is_utf8(std::string_view text);

}  // namespace tape
