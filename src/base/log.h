// The program's own log lines: levels, one line an event, to standard error. Not to be confused
// with the record logs of src/log.
#pragma once

#include <fmt/core.h>

#include <string_view>

#include "base/types.h"

namespace tape {

enum class LogLevel : u8 { debug, info, warn, error, off };

/// Lines below `level` are dropped. Default: info.
void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);
void log_line(LogLevel level, std::string_view text);

template <class... Args>
void log_at(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (log_enabled(level)) log_line(level, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_debug(fmt::format_string<Args...> f, Args&&... a) {
    log_at(LogLevel::debug, f, std::forward<Args>(a)...);
}
template <class... Args>
void log_info(fmt::format_string<Args...> f, Args&&... a) {
    log_at(LogLevel::info, f, std::forward<Args>(a)...);
}
template <class... Args>
void log_warn(fmt::format_string<Args...> f, Args&&... a) {
    log_at(LogLevel::warn, f, std::forward<Args>(a)...);
}
template <class... Args>
void log_error(fmt::format_string<Args...> f, Args&&... a) {
    log_at(LogLevel::error, f, std::forward<Args>(a)...);
}

}  // namespace tape
