// Settings as tables. Each config struct has one table of its fields: name, member, meaning.
// Reading a file, refusing unknown keys, printing the effective config and the reference page all
// walk that table, so that a setting is added in one line and cannot be undocumented.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "base/types.h"

namespace tape::app {

/// A number of bytes, written "64MiB" in a config.
struct Size {
    i64 bytes{};
    bool operator==(const Size&) const = default;
};

template <class S>
using Member = std::variant<std::string S::*, i64 S::*, double S::*, Nanos S::*,
                            std::optional<Nanos> S::*, Size S::*, std::optional<Size> S::*,
                            std::vector<std::string> S::*, std::map<std::string, std::string> S::*>;

enum class Presence : u8 { optional, required };
enum class Secrecy : u8 { shown, masked };

template <class S>
struct Field {
    std::string_view name;
    Member<S> member;
    std::string_view doc;
    std::string_view one_of = {};  // "drop|reemit|side"; empty: anything.
    Presence presence = Presence::optional;
    Secrecy secrecy = Secrecy::shown;
};

/// A fault in a config file, at a place of it (from 1; 0 where there is none).
struct Problem {
    i64 line{}, column{};
    std::string text;
};

}  // namespace tape::app
