#include "serve/gzip.h"

#include <zlib.h>

#include "base/result.h"

namespace tape::serve {
namespace {

constexpr int gzip_window = 15 + 16;  // zlib's largest window, in a gzip header.

void set_input(z_stream& stream, std::string_view bytes) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
}

}  // namespace

std::string gzip(std::string_view plain) {
    z_stream stream{};
    ensure(deflateInit2(&stream, 5, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) == Z_OK,
           "zlib starts");
    std::string packed(deflateBound(&stream, plain.size()), '\0');
    set_input(stream, plain);
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    ensure(deflate(&stream, Z_FINISH) == Z_STREAM_END, "deflateBound is enough");
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return packed;
}

std::string gunzip(std::string_view packed) {
    z_stream stream{};
    ensure(inflateInit2(&stream, gzip_window) == Z_OK, "zlib starts");
    set_input(stream, packed);
    std::string plain;
    int state = Z_OK;
    while (state == Z_OK) {
        char part[16'384];
        stream.next_out = reinterpret_cast<Bytef*>(part);
        stream.avail_out = sizeof part;
        state = inflate(&stream, Z_NO_FLUSH);
        plain.append(part, sizeof part - stream.avail_out);
    }
    inflateEnd(&stream);
    ensure(state == Z_STREAM_END, "what gzip made is whole");
    return plain;
}

}  // namespace tape::serve
