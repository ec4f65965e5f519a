// The config file: one TOML file says what to capture, what to compute and where it goes. Parsed
// once into an immutable Config; every fault of the file is reported at once, each with its place
// and the nearest known key.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/fields.h"
#include "base/result.h"
#include "ops/options.h"
#include "venues/venue.h"

namespace tape::app {

struct SourceConfig {
    std::string venue;
    std::string feed;
    std::vector<std::string> symbols;  // As the file has them: {"*"} where `quote` is given.
    std::string quote;
    std::vector<std::string> channels = {"trades", "tickers"};
    Nanos interval = seconds(30);
    std::map<std::string, std::string> ids;
    std::string api_key;
    i64 monthly_calls = 10'000;
    std::string websocket, rest, ca_file;
};

struct LogConfig {
    std::string uri = "file:log";
    Nanos sync = millis(200);
    Size segment{64 << 20};
    Size reserve{256 << 20};
    std::optional<Nanos> retention = seconds(30 * 86'400);
    std::optional<Size> retention_size;
    std::string unread = "keep";
};

struct StreamConfig {
    Nanos lateness = seconds(2), idle = seconds(5), max_skew = seconds(5);
    std::string late = "reemit";
    Nanos checkpoint = seconds(10);
};

struct WindowConfig {
    std::string name;
    Nanos size = seconds(30);
    std::optional<Nanos> slide;
    std::string input;
};

struct QualityConfig {
    std::string crossed = "flag", locked = "off", id_backwards = "flag", time_backwards = "flag",
                clock_skew = "flag", zero_price = "flag", zero_size = "flag", outlier = "flag";
    Nanos max_clock_skew = seconds(10);
    double outlier_percent = 2;
};

struct LakeConfig {
    std::string uri = "file:lake";
    Nanos roll_after = seconds(60);
    Size roll_size{64 << 20};
    i64 roll_rows = 1'000'000;
};

struct WarehouseConfig {
    std::string uri = "duckdb:warehouse.duckdb";
    Size memory{64 << 20};
    Nanos commit_after = seconds(1);
    std::optional<Nanos> retention_ticks, retention_windows;
};

struct ServeConfig {
    std::string listen = "127.0.0.1:8080";
};

struct Config {
    std::string data = "data";
    std::vector<SourceConfig> sources;
    LogConfig log;
    StreamConfig stream;
    std::vector<WindowConfig> windows;
    QualityConfig quality;
    LakeConfig lake;
    WarehouseConfig warehouse;
    ServeConfig serve;

    std::string text;  // The file as it was read: what the raw log's config records hold. Secrets
                       // stay ${NAME} in it.
};

/// Parses and validates `text`; `name` stands for the file in messages. Either a Config or every
/// problem found.
/// `${NAME}` in a string is replaced by that environment variable; an unset one is a problem.
std::expected<Config, std::vector<Problem>> parse_config(std::string text);

/// Reads the file at `path`, or the built-in default pipeline if it is empty. The error lists all
/// problems, one a line, each as "path:line:column: what".
Result<Config> load_config(const std::string& path);

/// The pipeline that `tape run` follows when no config is named: pipelines/default.toml, embedded.
std::string_view default_config_text();

/// The effective config as TOML, defaults included, secrets masked.
std::string print_config(const Config& config);
/// docs/reference/config.md, from the field tables.
std::string config_reference();

/// What the engine needs of it.
ops::PipelineOptions pipeline_options(const Config& config);
/// The same from the text of a recorded config, as the engine asks for it.
Result<ops::PipelineOptions> pipeline_options_of(std::string_view config_text);
venues::SourceSpec source_spec(const SourceConfig& source);

/// SHA-256 of the text, in hex: what a config record names.
std::string config_hash(std::string_view text);
/// When a config takes effect: at the start of a run, or while its sockets go on.
enum class ConfigMoment : u8 { start, reload };
/// The payload of a config record: {"hash":…,"text":…,"build":…,"simulated":…}, and "reload":true.
std::string config_record(const Config& config, bool simulated,
                          ConfigMoment moment = ConfigMoment::start);

}  // namespace tape::app
