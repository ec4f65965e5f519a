// Where a broken invariant ends the process.

#include <cstdio>
#include <cstdlib>

#include "base/result.h"

namespace tape {

void ensure_failed(const char* why, const std::source_location& where) {
    std::fprintf(stderr, "tape: broken invariant at %s:%u: %s\n", where.file_name(), where.line(),
                 why);
    std::fflush(nullptr);
    std::abort();
}

}  // namespace tape
