// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of every record: the processor computes
// it at memory speed where it has SSE4.2; elsewhere tables give the same values.
#pragma once

#include <string_view>

#include "base/types.h"

namespace tape::log {

/// The checksum of `bytes` behind those that gave `crc` (0 for none): crc32c(crc32c(0, a), b) is
/// that of a and b joined.
u32 crc32c(u32 crc, std::string_view bytes);

/// The same value by tables alone.
u32 crc32c_portable(u32 crc, std::string_view bytes);

}  // namespace tape::log
