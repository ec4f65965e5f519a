#include "log/crc32c.h"

#include <array>
#include <cstring>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace tape::log {
namespace {

constexpr u32 polynomial = 0x82f63b78;  // Bit-reversed 0x1edc6f41.

// tables[k][b]: what byte b does to the checksum when k more bytes follow it, so that eight bytes
// cost eight look-ups that do not wait for each other ("slicing by 8", Kounavis and Berry, 2005).
using Tables = std::array<std::array<u32, 256>, 8>;
constexpr Tables make_tables() {
    Tables tables{};
    for (u32 byte = 0; byte < 256; ++byte) {
        u32 value = byte;
        for (int bit = 0; bit < 8; ++bit)
            value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
        tables[0][byte] = value;
    }
    for (u32 byte = 0; byte < 256; ++byte) {
        for (std::size_t k = 1; k < tables.size(); ++k) {
            const u32 before = tables[k - 1][byte];
            tables[k][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
    return tables;
}
constexpr Tables tables = make_tables();

u64 first_word(std::string_view bytes) {
    u64 word = 0;
    std::memcpy(&word, bytes.substr(0, sizeof word).data(), sizeof word);
    return word;
}

}  // namespace

u32 crc32c_portable(u32 crc, std::string_view bytes) {
    u32 value = ~crc;
    while (bytes.size() >= 8) {
        const u64 word = first_word(bytes) ^ value;
        value = 0;
        for (unsigned k = 0; k < 8; ++k) value ^= tables[7 - k][(word >> (8 * k)) & 0xff];
        bytes.remove_prefix(8);
    }
    for (const char byte : bytes)
        value = (value >> 8) ^ tables[0][(value ^ static_cast<u8>(byte)) & 0xff];
    return ~value;
}

#ifdef __SSE4_2__
u32 crc32c(u32 crc, std::string_view bytes) {
    u64 value = static_cast<u32>(~crc);
    while (bytes.size() >= 8) {
        value = _mm_crc32_u64(value, first_word(bytes));
        bytes.remove_prefix(8);
    }
    auto last = static_cast<u32>(value);
    for (const char byte : bytes) last = _mm_crc32_u8(last, static_cast<u8>(byte));
    return ~last;
}
#else
u32 crc32c(u32 crc, std::string_view bytes) {
    return crc32c_portable(crc, bytes);
}
#endif

}  // namespace tape::log
