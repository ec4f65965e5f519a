// How things fail. An error says who has to act and whether trying again can help; a broken
// invariant ends the process at once, because restart is recovery.
#pragma once

#include <expected>
#include <source_location>
#include <string>
#include <utility>

#include "base/types.h"

namespace tape {

enum class Domain : u8 { user, external, internal };  // Who has to act.
enum class Retry : u8 { never, backoff };             // What the supervisor does.

struct Error {
    Domain domain;
    Retry retry;
    std::string what;
};

/// The user's input, config or command line is wrong.
inline Error user_error(std::string what) {
    return {Domain::user, Retry::never, std::move(what)};
}
/// Something outside failed (a disk, a socket, a server); `retry` says whether it may pass.
inline Error external_error(std::string what, Retry retry = Retry::backoff) {
    return {Domain::external, retry, std::move(what)};
}
/// Stored data or a component broke a promise that the program relies on.
inline Error internal_error(std::string what) {
    return {Domain::internal, Retry::never, std::move(what)};
}

/// A value or an Error. A struct and not an alias, so that the compiler warns of a dropped one.
template <class T>
struct [[nodiscard]] Result : std::expected<T, Error> {
    using std::expected<T, Error>::expected;
    Result(Error error) : std::expected<T, Error>(std::unexpected(std::move(error))) {}
};

/// Ends the process with `why` and the place when `condition` is false; on in release builds too.
void ensure_failed(const char* why, const std::source_location& where);
inline void ensure(bool condition, const char* why,
                   std::source_location where = std::source_location::current()) {
    if (!condition) [[unlikely]]
        ensure_failed(why, where);
}

}  // namespace tape
