#include "app/config.h"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "app/config_fields.h"

namespace tape::app {
namespace {

// The number of edits that turn one word into another, to suggest the key that was meant.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
            diagonal = above;
        }
    }
    return row[b.size()];
}

std::string suggestion(std::string_view key, const std::vector<std::string_view>& known) {
    std::string_view nearest;
    std::size_t best = key.size() / 2 + 1;
    for (const std::string_view candidate : known) {
        const std::size_t edits = distance(key, candidate);
        if (edits < best) {
            best = edits;
            nearest = candidate;
        }
    }
    return nearest.empty() ? std::string() : fmt::format("; did you mean '{}'?", nearest);
}

// Reads one file; gathers problems instead of stopping at the first.
class Loader final {
 public:
    explicit Loader(Config& config) : config_(config) {}

    void load(const toml::table& root) {
        std::vector<std::string_view> sections = {"data"};
        for (const auto& [name, many] : section_names) sections.push_back(name);
        for (const auto& [key, node] : root) {
            if (std::ranges::find(sections, key.str()) == sections.end())
                fault(key.source(), fmt::format("unknown key '{}'{}", key.str(),
                                                suggestion(key.str(), sections)));
        }
        if (const auto* node = root.get("data")) read_string(*node, "data", config_.data);
        sections_of("source", root, config_.sources, source_fields);
        sections_of("window", root, config_.windows, window_fields);
        section("log", root, config_.log, log_fields);
        section("stream", root, config_.stream, stream_fields);
        section("quality", root, config_.quality, quality_fields);
        section("lake", root, config_.lake, lake_fields);
        section("warehouse", root, config_.warehouse, warehouse_fields);
        section("serve", root, config_.serve, serve_fields);
        check_sources(root);
        check_windows(root);
        check_rest(root);
    }

    std::vector<Problem> problems;

 private:
    void fault(const toml::source_region& where, std::string text) {
        problems.push_back({static_cast<i64>(where.begin.line),
                            static_cast<i64>(where.begin.column), std::move(text)});
    }

    template <class S, std::size_t N>
    void section(std::string_view name, const toml::table& root, S& out,
                 const std::array<Field<S>, N>& fields) {
        const toml::node* node = root.get(name);
        if (node == nullptr) return;
        if (const toml::table* table = node->as_table())
            read(name, *table, out, fields);
        else
            fault(node->source(), fmt::format("'{0}' must be a table: write [{0}]", name));
    }

    template <class S, std::size_t N>
    void sections_of(std::string_view name, const toml::table& root, std::vector<S>& out,
                     const std::array<Field<S>, N>& fields) {
        const toml::node* node = root.get(name);
        if (node == nullptr) return;
        const toml::array* array = node->as_array();
        for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
            const toml::table* table = (*array)[i].as_table();
            if (table == nullptr) {
                array = nullptr;
                break;
            }
            read(name, *table, out.emplace_back(), fields);
        }
        if (array == nullptr)
            fault(node->source(),
                  fmt::format("'{0}' must be a list of tables: write [[{0}]]", name));
    }

    template <class S, std::size_t N>
    void read(std::string_view section, const toml::table& table, S& out,
              const std::array<Field<S>, N>& fields) {
        std::vector<std::string_view> names;
        for (const Field<S>& field : fields) names.push_back(field.name);
        for (const auto& [key, node] : table) {
            const auto field = std::ranges::find(fields, key.str(), &Field<S>::name);
            if (field == fields.end()) {
                fault(key.source(), fmt::format("unknown key '{}' in [{}]{}", key.str(), section,
                                                suggestion(key.str(), names)));
                continue;
            }
            const std::string name = fmt::format("{}.{}", section, field->name);
            std::visit(
                [&, &n = node](auto member) { read_value(n, name, out.*member, field->one_of); },
                field->member);
        }
        for (const Field<S>& field : fields)
            if (field.presence == Presence::required && !table.contains(field.name))
                fault(table.source(), fmt::format("[{}] lacks '{}'", section, field.name));
    }

    bool read_string(const toml::node& node, std::string_view name, std::string& out) {
        const auto* text = node.as_string();
        if (text == nullptr) {
            fault(node.source(), fmt::format("{} must be a text in quotes", name));
            return false;
        }
        out = expand(node.source(), name, text->get());
        return true;
    }

    // Replaces each ${NAME} by the environment's value.
    std::string expand(const toml::source_region& where, std::string_view name,
                       const std::string& text) {
        std::string out;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t start = text.find("${", at),
                              stop = text.find('}', start == std::string::npos ? 0 : start);
            if (start == std::string::npos || stop == std::string::npos)
                return out + text.substr(at);
            out += text.substr(at, start - at);
            const std::string variable = text.substr(start + 2, stop - start - 2);
            if (const char* value = std::getenv(variable.c_str()))
                out += value;
            else
                fault(where,
                      fmt::format("{}: the environment variable '{}' is not set", name, variable));
            at = stop + 1;
        }
        return out;
    }

    void read_value(const toml::node& node, std::string_view name, std::string& out,
                    std::string_view one_of) {
        if (!read_string(node, name, out) || one_of.empty()) return;
        std::istringstream choices{std::string(one_of)};
        for (std::string choice; std::getline(choices, choice, '|');)
            if (choice == out) return;
        fault(node.source(), fmt::format("{} = '{}' must be one of {}", name, out, one_of));
    }
    void read_value(const toml::node& node, std::string_view name, i64& out, std::string_view) {
        if (const auto* number = node.as_integer(); number != nullptr && number->get() > 0)
            out = number->get();
        else
            fault(node.source(), fmt::format("{} must be a whole number above 0", name));
    }
    void read_value(const toml::node& node, std::string_view name, double& out, std::string_view) {
        if (const auto number = node.value<double>(); number && *number > 0)
            out = *number;
        else
            fault(node.source(), fmt::format("{} must be a number above 0", name));
    }
    template <class Value>
    void read_unit(const toml::node& node, std::string_view name,
                   Result<Value> (*parse)(std::string_view), Value& out) {
        std::string text;
        if (!read_string(node, name, text)) return;
        if (const auto value = parse(text))
            out = *value;
        else
            fault(node.source(), fmt::format("{}: {}", name, value.error().what));
    }
    void read_value(const toml::node& node, std::string_view name, Nanos& out, std::string_view) {
        read_unit<Nanos>(node, name, parse_duration, out);
    }
    void read_value(const toml::node& node, std::string_view name, Size& out, std::string_view) {
        read_unit<i64>(node, name, parse_size, out.bytes);
    }
    template <class Value>
    void read_value(const toml::node& node, std::string_view name, std::optional<Value>& out,
                    std::string_view one_of) {
        if (node.is_string() && *node.value<std::string_view>() == "never")
            out.reset();
        else
            read_value(node, name, out.emplace(), one_of);
    }
    void read_value(const toml::node& node, std::string_view name, std::vector<std::string>& out,
                    std::string_view) {
        out.clear();
        const toml::array* array = node.as_array();
        if (array == nullptr) {
            fault(node.source(), fmt::format("{} must be a list of texts", name));
            return;
        }
        for (const toml::node& element : *array) read_string(element, name, out.emplace_back());
    }

    void read_value(const toml::node& node, std::string_view name,
                    std::map<std::string, std::string>& out, std::string_view) {
        out.clear();
        const toml::table* table = node.as_table();
        if (table == nullptr) {
            fault(node.source(), fmt::format("{} must be a table of texts", name));
            return;
        }
        for (const auto& [key, value] : *table)
            read_string(value, fmt::format("{}.{}", name, key.str()), out[std::string(key.str())]);
    }

    // The place of the n-th table of a list, or of one of its keys.
    static toml::source_region place(const toml::table& root, std::string_view section,
                                     std::size_t n, std::string_view key) {
        const toml::table& table = *(*root.get_as<toml::array>(section))[n].as_table();
        const toml::node* node = table.get(key);
        return node == nullptr ? table.source() : node->source();
    }

    void check_sources(const toml::table& root) {
        std::set<std::pair<std::string, std::string>> taken;
        for (std::size_t n = 0; n < config_.sources.size(); ++n) {
            SourceConfig source = config_.sources[n];
            const auto at = [&](std::string_view key) { return place(root, "source", n, key); };
            const venues::Venue* venue = venues::find_venue(source.venue);
            if (venue == nullptr) {
                std::string known;
                for (const venues::Venue* each : venues::venue_table())
                    known += fmt::format("{}{}", known.empty() ? "" : ", ", each->name());
                if (!source.venue.empty())
                    fault(at("venue"), fmt::format("unknown venue '{}' (this build has {})",
                                                   source.venue, known));
                continue;
            }
            if (source.symbols.empty())
                fault(at("symbols"), fmt::format("source '{}' names no symbols", source.venue));
            const std::size_t before = problems.size();
            const bool all = std::ranges::find(source.symbols, "*") != source.symbols.end();
            if (all != !source.quote.empty() || (all && source.symbols.size() > 1)) {
                fault(at("symbols"),
                      "'*' is the only symbol of a source that has a quote, as in "
                      "symbols = [\"*\"] with quote = \"USDT\"");
                continue;
            }
            if (all) source.symbols = {fmt::format("*-{}", source.quote)};
            for (const std::string& symbol : source.symbols) {
                if (symbol != to_capitals(symbol) || symbol.find('-') == std::string::npos)
                    fault(at("symbols"),
                          fmt::format("symbol '{}' is not of the form BASE-QUOTE in capitals",
                                      symbol));
                else if (!taken.emplace(source.venue, symbol).second)
                    fault(at("symbols"),
                          fmt::format("symbol '{}' of '{}' is named twice", symbol, source.venue));
            }
            if (problems.size() > before) continue;
            if (all) source.symbols = {fmt::format("BTC-{}", source.quote)};
            if (const auto plan = venue->plan(source_spec(source)); !plan)
                fault(at("channels"), plan.error().what);
        }
    }

    void check_windows(const toml::table& root) {
        std::set<std::string> names;
        for (std::size_t n = 0; n < config_.windows.size(); ++n) {
            const WindowConfig& window = config_.windows[n];
            const Nanos slide = window.slide.value_or(window.size);
            const auto at = [&](std::string_view key) { return place(root, "window", n, key); };
            if (!names.insert(window.name).second)
                fault(at("name"), fmt::format("two windows are named '{}'", window.name));
            if (window.size.count <= 0)
                fault(at("size"), fmt::format("window '{}' has no size", window.name));
            else if (slide.count <= 0 || slide > window.size ||
                     window.size.count % slide.count != 0)
                fault(
                    at("slide"),
                    fmt::format("window '{}': the size {} is no multiple of the slide {}",
                                window.name, format_duration(window.size), format_duration(slide)));
            else if (window.size.count / slide.count > 100'000)
                fault(at("slide"),
                      fmt::format("window '{}': more than 100,000 slides of {} in {}", window.name,
                                  format_duration(slide), format_duration(window.size)));
        }
    }

    void check_uri(const toml::table& root, std::string_view section, std::string_view uri,
                   std::string_view scheme) {
        if (uri.starts_with(scheme) && uri.size() > scheme.size()) return;
        const toml::node* node = root.at_path(fmt::format("{}.uri", section)).node();
        fault(node == nullptr ? root.source() : node->source(),
              fmt::format("{}.uri = '{}': this build knows '{}PATH'", section, uri, scheme));
    }

    void check_rest(const toml::table& root) {
        check_uri(root, "log", config_.log.uri, "file:");
        check_uri(root, "lake", config_.lake.uri, "file:");
        check_uri(root, "warehouse", config_.warehouse.uri, "duckdb:");
        if (config_.stream.idle < config_.stream.lateness) {
            const toml::node* node = root.at_path("stream.idle").node();
            if (node == nullptr) node = root.at_path("stream.lateness").node();
            fault(node->source(), fmt::format("stream.idle = {} is less than stream.lateness = {}: "
                                              "ticks still awaited would be late",
                                              format_duration(config_.stream.idle),
                                              format_duration(config_.stream.lateness)));
        }
    }

    Config& config_;
};

}  // namespace

std::expected<Config, std::vector<Problem>> parse_config(std::string text) {
    Config config;
    Loader loader(config);
    try {
        const toml::table root = toml::parse(text);
        loader.load(root);
    } catch (const toml::parse_error& error) {
        const auto where = error.source().begin;
        loader.problems.push_back({static_cast<i64>(where.line), static_cast<i64>(where.column),
                                   std::string(error.description())});
    }
    if (!loader.problems.empty()) {
        std::ranges::sort(loader.problems, {}, [](const Problem& p) {
            return std::tuple(p.line, p.column, std::string_view(p.text));
        });
        return std::unexpected(std::move(loader.problems));
    }
    config.text = std::move(text);
    return config;
}

Result<Config> load_config(const std::string& path) {
    std::string text;
    if (path.empty()) {
        text = default_config_text();
    } else {
        std::ifstream file(path, std::ios::binary);
        if (!file) return user_error(fmt::format("cannot read the config '{}'", path));
        text.assign(std::istreambuf_iterator<char>(file), {});
    }
    auto config = parse_config(std::move(text));
    if (config) return std::move(*config);
    std::string what;
    for (const Problem& problem : config.error())
        what += fmt::format("{}{}:{}:{}: {}", what.empty() ? "" : "\n",
                            path.empty() ? "default.toml" : path, problem.line, problem.column,
                            problem.text);
    return user_error(std::move(what));
}

}  // namespace tape::app
