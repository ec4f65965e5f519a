// Every setting, with its meaning: the only description of the config there is.
#pragma once

#include <array>

#include "app/config.h"

namespace tape::app {

inline constexpr std::array<Field<SourceConfig>, 12> source_fields = {{
    {"venue",
     &SourceConfig::venue,
     "The exchange: `okx`, `kucoin`, `coingecko`, `binance`, `coinbase` or `kraken`.",
     {},
     Presence::required},
    {"feed", &SourceConfig::feed,
     "Coinbase only: `exchange` (default) or `advanced`, one feed a symbol."},
    {"symbols",
     &SourceConfig::symbols,
     "Instruments, as `BASE-QUOTE` in capitals; derivatives keep the exchange's suffix. `[\"*\"]` "
     "with a `quote` stands for all that trade against it, but for those that other sources of the "
     "exchange name; the list is asked for at the start, at a reload and once a day.",
     {},
     Presence::required},
    {"quote", &SourceConfig::quote,
     "With `symbols = [\"*\"]`: what they trade against, `USDT`. Not CoinGecko, which has no such "
     "list."},
    {"channels", &SourceConfig::channels,
     "`trades`, `tickers`, or the exchange's own names (OKX: `trades-all`)."},
    {"interval", &SourceConfig::interval,
     "Polled channels only: the time between two polls. CoinGecko's stretches by itself where "
     "`monthly_calls` asks for it."},
    {"ids", &SourceConfig::ids,
     "CoinGecko only: its id of each symbol, `{ \"BTC-USD\" = \"bitcoin\" }`, because its ticker "
     "symbols are not unique."},
    {"api_key",
     &SourceConfig::api_key,
     "CoinGecko only: the key, as `${NAME}` of an environment variable.",
     {},
     Presence::optional,
     Secrecy::masked},
    {"monthly_calls", &SourceConfig::monthly_calls,
     "CoinGecko only: the calls that a month may have, spread over it. The free key has 10,000."},
    {"websocket", &SourceConfig::websocket,
     "Another address of the same WebSocket protocol: a simulator, a regional site. "
     "`wss://host:port`."},
    {"rest", &SourceConfig::rest,
     "Another address of the same REST interface. `https://host:port`."},
    {"ca_file", &SourceConfig::ca_file,
     "PEM file of the certificate authority to trust for them, instead of the system's. "
     "Certificates are always verified."},
}};

inline constexpr std::array<Field<LogConfig>, 7> log_fields = {{
    {"uri", &LogConfig::uri, "Where it is kept: `file:PATH`, always local."},
    {"sync", &LogConfig::sync,
     "Group commit: written records are made durable at the latest after this time."},
    {"segment", &LogConfig::segment, "Size of a segment file."},
    {"reserve", &LogConfig::reserve, "Capture pauses while the disk has less than this free."},
    {"retention", &LogConfig::retention,
     "Segments older than this are removed. `\"never\"` keeps all."},
    {"retention_size", &LogConfig::retention_size,
     "The oldest segments of a partition are removed while it is larger. `\"never\"`: no limit."},
    {"unread", &LogConfig::unread, "Whether retention may remove what a reader has not read yet.",
     "keep|drop"},
}};

inline constexpr std::array<Field<StreamConfig>, 5> stream_fields = {{
    {"lateness", &StreamConfig::lateness,
     "How far event times may lie behind the latest one seen and still be in time."},
    {"idle", &StreamConfig::idle,
     "Windows of a silent partition are closed by the clock of its capture after this time. At "
     "least `lateness`."},
    {"max_skew", &StreamConfig::max_skew,
     "An event later than its own capture by more than this is a dead letter."},
    {"late", &StreamConfig::late,
     "A tick whose window is already out: dropped, the row emitted again with a higher revision, "
     "or kept as a dead letter. Counted always.",
     "drop|reemit|side"},
    {"checkpoint", &StreamConfig::checkpoint,
     "How often the engine's state is stored; a restart repeats at most this much."},
}};

inline constexpr std::array<Field<WindowConfig>, 4> window_fields = {{
    {"name", &WindowConfig::name, "Its name in the table `windows`.", {}, Presence::required},
    {"size", &WindowConfig::size, "Its length.", {}, Presence::required},
    {"slide", &WindowConfig::slide,
     "The distance of two starts; `size` is a multiple of it. Absent: equal to `size` (tumbling)."},
    {"input", &WindowConfig::input,
     "What it counts. Absent: trades where any source captures them, else tickers.",
     "trade|ticker|poll"},
}};

inline constexpr std::string_view quality_actions = "off|flag|quarantine";
inline constexpr std::array<Field<QualityConfig>, 10> quality_fields = {{
    {"crossed", &QualityConfig::crossed, "A bid above its ask.", quality_actions},
    {"locked", &QualityConfig::locked, "A bid equal to its ask.", quality_actions},
    {"id_backwards", &QualityConfig::id_backwards,
     "A new trade on the socket with an id below an earlier frame's.", quality_actions},
    {"time_backwards", &QualityConfig::time_backwards,
     "An event time behind an earlier frame's by more than `stream.lateness`.", quality_actions},
    {"clock_skew", &QualityConfig::clock_skew,
     "A trade or quote on the socket whose event time is far from its capture.", quality_actions},
    {"zero_price", &QualityConfig::zero_price, "A price of zero or below.", quality_actions},
    {"zero_size", &QualityConfig::zero_size, "A trade of size zero or below.", quality_actions},
    {"outlier", &QualityConfig::outlier,
     "A window whose close is far from the median of the other venues' closes: counted, and under "
     "`quarantine` left out of the view `windows_latest`. The view `window_outliers` has it in any "
     "case.",
     quality_actions},
    {"max_clock_skew", &QualityConfig::max_clock_skew, "What `clock_skew` calls far."},
    {"outlier_percent", &QualityConfig::outlier_percent,
     "What `outlier` calls far: further than this many per cent of the median."},
}};

inline constexpr std::array<Field<LakeConfig>, 4> lake_fields = {{
    {"uri", &LakeConfig::uri, "Where the tables are: `file:PATH`."},
    {"roll_after", &LakeConfig::roll_after,
     "Rows are committed at the latest after this time, also when no new ones come."},
    {"roll_size", &LakeConfig::roll_size, "… or once a file is about so large …"},
    {"roll_rows", &LakeConfig::roll_rows, "… or has so many rows."},
}};

inline constexpr std::array<Field<WarehouseConfig>, 5> warehouse_fields = {{
    {"uri", &WarehouseConfig::uri, "`duckdb:PATH`."},
    {"memory", &WarehouseConfig::memory, "How much memory DuckDB may use."},
    {"commit_after", &WarehouseConfig::commit_after,
     "Rows are committed at the latest after this time."},
    {"retention_ticks", &WarehouseConfig::retention_ticks,
     "Ticks older than this leave the warehouse (the lake keeps them)."},
    {"retention_windows", &WarehouseConfig::retention_windows, "The same for windows."},
}};

inline constexpr std::array<Field<ServeConfig>, 1> serve_fields = {{
    {"listen", &ServeConfig::listen, "Address and port. Loopback only in this version."},
}};

/// The tables of a config file, and whether there may be many.
inline constexpr std::array<std::pair<std::string_view, bool>, 8> section_names = {
    {{"source", true},
     {"log", false},
     {"stream", false},
     {"window", true},
     {"quality", false},
     {"lake", false},
     {"warehouse", false},
     {"serve", false}}};

}  // namespace tape::app
