#include "base/json_text.h"

#include <simdjson.h>

namespace tape {
namespace {

constexpr char hex[] = "0123456789abcdef";

}  // namespace

std::string& append_json_string(std::string& out, std::string_view text) {
    out += '"';
    std::size_t copied = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\') [[likely]]
            continue;
        out.append(text, copied, i - copied);
        copied = i + 1;
        out += '\\';
        switch (c) {
            case '"':
                out += '"';
                break;
            case '\\':
                out += '\\';
                break;
            case '\b':
                out += 'b';
                break;
            case '\f':
                out += 'f';
                break;
            case '\n':
                out += 'n';
                break;
            case '\r':
                out += 'r';
                break;
            case '\t':
                out += 't';
                break;
            default:
                out.append("u00").append(1, hex[c >> 4]).append(1, hex[c & 15]);
        }
    }
    out.append(text, copied, std::string_view::npos);
    out += '"';
    return out;
}

std::string json_quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

// Of simdjson the product calls this one plain function alone: Arrow's libparquet exports another
// version of simdjson under the same names, which may answer in its stead, so nothing may depend on
// the layout of simdjson's types.
bool is_utf8(std::string_view text) {
    return simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace tape
