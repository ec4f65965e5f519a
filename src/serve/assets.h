// The page's files, which web/embed.mjs compiles into the binary.
#pragma once

#include <span>
#include <string_view>

namespace tape::serve {

struct Asset {
    std::string_view path;  // "/assets/index-3f2a.js"; the page itself is "/".
    std::string_view content_type;
    std::string_view etag;    // With its quotes.
    std::string_view packed;  // gzip.
};

std::span<const Asset> assets();

}  // namespace tape::serve
