// Each kind is a row of a table: its name and the keys that it understands. Reading, refusing
// unknown keys and the test of the reference page all go by it.
#include "sim/fault_script.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>

namespace tape::sim {
namespace {

struct KindInfo {
    std::string_view name;
    FaultKind kind;
    std::string_view keys;      // Besides kind and venue.
    std::string_view required;  // One of these must be there; empty: none.
};

constexpr std::array<KindInfo, 21> kinds = {{
    {"drop_ids", FaultKind::drop_ids,
     " symbol at after_messages for count probability from_id to_id ", ""},
    {"drop_ids_everywhere", FaultKind::drop_ids_everywhere,
     " symbol at after_messages for count probability from_id to_id ", ""},
    {"clock_step", FaultKind::clock_step, " at for ms ", "ms"},
    {"delist", FaultKind::delist, " symbol at ", "symbol"},
    {"rename", FaultKind::rename, " symbol at to ", "to"},
    {"duplicate", FaultKind::duplicate, " symbol at after_messages for count probability ", ""},
    {"reorder", FaultKind::reorder, " symbol at after_messages for count probability distance ",
     ""},
    {"delay", FaultKind::delay, " symbol at after_messages for count probability by ", "by"},
    {"mute", FaultKind::mute, " symbol at after_messages ", "symbol"},
    {"truncate", FaultKind::truncate, " symbol at after_messages for count probability ", ""},
    {"unknown_field", FaultKind::unknown_field, " symbol at after_messages for count probability ",
     ""},
    {"checksum_zero", FaultKind::checksum_zero, " symbol at after_messages for count probability ",
     ""},
    {"slow", FaultKind::slow, " at after_messages for bytes_per_second path ", ""},
    {"close", FaultKind::close, " symbol at after_messages code ", ""},
    {"reset", FaultKind::reset, " symbol at after_messages ", ""},
    {"half_open", FaultKind::half_open, " symbol at after_messages ", ""},
    {"day_end", FaultKind::day_end, " symbol at after_messages for ", ""},
    {"token_expiry", FaultKind::token_expiry, " at ", ""},
    {"rate_limit", FaultKind::rate_limit,
     " at after_messages for count probability retry_after path ", ""},
    {"ban", FaultKind::ban, " at after_messages for count probability retry_after path ", ""},
    {"server_error", FaultKind::server_error,
     " at after_messages for count probability retry_after status path ", ""},
}};

bool understands(const KindInfo& info, std::string_view key) {
    return key == "kind" || key == "venue" ||
           info.keys.find(fmt::format(" {} ", key)) != std::string_view::npos;
}

std::string in_words(std::string_view keys) {
    std::string words = "kind, venue";
    for (std::size_t at = 1; at < keys.size();) {
        const std::size_t end = keys.find(' ', at);
        words += fmt::format(", {}", keys.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

class Reader final {
 public:
    explicit Reader(std::span<const std::string_view> venues) : venues_(venues) {}

    void read(const toml::table& root) {
        for (const auto& [key, node] : root) {
            if (key.str() == "seed") {
                i64 seed = 0;
                if (integer(node, "seed", 0, seed)) script.seed = static_cast<u64>(seed);
            } else if (key.str() == "fault") {
                read_faults(node);
            } else {
                fault(key.source(),
                      fmt::format("unknown key '{}'; there are seed and [[fault]]", key.str()));
            }
        }
    }

    void fault(const toml::source_region& where, std::string what) {
        problems.push_back({where.begin.line, where.begin.column, std::move(what)});
    }

    struct Problem {
        u32 line{}, column{};
        std::string what;
        auto operator<=>(const Problem&) const = default;
    };
    FaultScript script;
    std::vector<Problem> problems;

 private:
    void read_faults(const toml::node& node) {
        const toml::array* list = node.as_array();
        const bool tables = list != nullptr && std::ranges::all_of(*list, &toml::node::is_table);
        if (!tables) return fault(node.source(), "'fault' must be a list of tables: [[fault]]");
        for (const toml::node& entry : *list) read_fault(*entry.as_table());
    }

    void read_fault(const toml::table& table) {
        Fault made;
        std::string kind;
        const toml::node* kind_node = table.get("kind");
        if (kind_node == nullptr) return fault(table.source(), "[[fault]] lacks 'kind'");
        if (!text(*kind_node, "kind", kind)) return;
        const auto info = std::ranges::find(kinds, kind, &KindInfo::name);
        if (info == kinds.end()) {
            std::string known;
            for (const KindInfo& each : kinds)
                known += fmt::format("{}{}", known.empty() ? "" : ", ", each.name);
            return fault(kind_node->source(),
                         fmt::format("unknown kind '{}'; there are {}", kind, known));
        }
        made.kind = info->kind;
        for (const auto& [key, node] : table) {
            if (understands(*info, key.str()))
                read_key(key.str(), node, made);
            else
                fault(key.source(), fmt::format("'{}' takes no '{}'; it takes {}", kind, key.str(),
                                                in_words(info->keys)));
        }
        for (const std::string_view key : {std::string_view("venue"), info->required})
            if (!key.empty() && !table.contains(key))
                fault(table.source(), fmt::format("'{}' lacks '{}'", kind, key));
        if (made.kind == FaultKind::rename && !table.contains("symbol"))
            fault(table.source(), "'rename' lacks 'symbol'");
        if (table.contains("at") && table.contains("after_messages"))
            fault(table.source(), "'at' and 'after_messages' exclude each other");
        if (made.from_id.has_value() != made.to_id.has_value() ||
            (made.from_id && *made.from_id > *made.to_id))
            fault(table.source(), "'from_id' and 'to_id' go together, the smaller first");
        script.faults.push_back(std::move(made));
    }

    void read_key(std::string_view key, const toml::node& node, Fault& made) {
        if (key == "venue") {
            if (!text(node, key, made.venue)) return;
            if (std::ranges::find(venues_, made.venue) == venues_.end())
                fault(node.source(), fmt::format("unknown venue '{}'", made.venue));
        } else if (key == "at") {
            moment(node, made);
        } else if (key == "for") {
            duration(node, key, made.lasts);
        } else if (key == "by") {
            duration(node, key, made.by);
        } else if (key == "retry_after") {
            std::optional<Nanos> span;
            duration(node, key, span);
            if (span) made.retry_after_s = (span->count + 999'999'999) / seconds(1).count;
        } else if (key == "probability") {
            const auto value = node.value<double>();
            if (value && *value > 0 && *value <= 1)
                made.probability = *value;
            else
                fault(node.source(), "probability must be a number above 0 and at most 1");
        } else if (key == "symbol") {
            text(node, key, made.symbol);
        } else if (key == "path") {
            text(node, key, made.path);
        } else if (key == "to") {
            text(node, key, made.to);
        } else {
            read_number(key, node, made);
        }
    }

    void read_number(std::string_view key, const toml::node& node, Fault& made) {
        if (key == "after_messages") integer(node, key, 0, made.after_messages.emplace());
        if (key == "count") integer(node, key, 1, made.count.emplace());
        if (key == "from_id") integer(node, key, 1, made.from_id.emplace());
        if (key == "to_id") integer(node, key, 1, made.to_id.emplace());
        if (key == "distance") integer(node, key, 1, made.distance, 1'000);
        if (key == "ms") integer(node, key, -86'400'000, made.ms, 86'400'000);
        if (key == "bytes_per_second") integer(node, key, 1, made.bytes_per_second);
        if (key == "status") integer(node, key, 500, made.status, 599);
        if (key == "code") integer(node, key, 1'000, made.code, 4'999);
    }

    bool text(const toml::node& node, std::string_view key, std::string& out) {
        const auto* value = node.as_string();
        if (value == nullptr || value->get().empty()) {
            fault(node.source(), fmt::format("{} must be a text in quotes", key));
            return false;
        }
        out = value->get();
        return true;
    }

    bool integer(const toml::node& node, std::string_view key, i64 least, i64& out,
                 i64 most = std::numeric_limits<i64>::max()) {
        const auto* value = node.as_integer();
        if (value == nullptr || value->get() < least || value->get() > most) {
            fault(node.source(),
                  most == std::numeric_limits<i64>::max()
                      ? fmt::format("{} must be a whole number from {} on", key, least)
                      : fmt::format("{} must be a whole number from {} to {}", key, least, most));
            return false;
        }
        out = value->get();
        return true;
    }

    void duration(const toml::node& node, std::string_view key, std::optional<Nanos>& out) {
        std::string value;
        if (!text(node, key, value)) return;
        const auto span = parse_duration(value);
        if (span)
            out = *span;
        else
            fault(node.source(), fmt::format("{}: {}", key, span.error().what));
    }

    void moment(const toml::node& node, Fault& made) {
        std::string value;
        if (!text(node, "at", value)) return;
        if (const auto span = parse_duration(value)) {
            made.at = *span;
        } else if (const auto time = parse_rfc3339(value)) {
            made.at = *time;
            made.at_is_moment = true;
        } else {
            fault(node.source(), fmt::format("at = '{}' is neither a span after the start, such as "
                                             "\"5s\", nor a time \"2026-01-01T00:00:00Z\"",
                                             value));
        }
    }

    std::span<const std::string_view> venues_;
};

}  // namespace

std::string_view to_string(FaultKind kind) {
    return std::ranges::find(kinds, kind, &KindInfo::kind)->name;
}

std::expected<FaultScript, std::vector<std::string>> parse_fault_script(
    std::string_view text, std::span<const std::string_view> venues) {
    Reader reader(venues);
    try {
        reader.read(toml::parse(text));
    } catch (const toml::parse_error& error) {
        reader.fault(error.source(), std::string(error.description()));
    }
    if (reader.problems.empty()) return std::move(reader.script);
    std::ranges::sort(reader.problems);
    std::vector<std::string> lines;
    for (const auto& problem : reader.problems)
        lines.push_back(fmt::format("{}:{}: {}", problem.line, problem.column, problem.what));
    return std::unexpected(std::move(lines));
}

}  // namespace tape::sim
