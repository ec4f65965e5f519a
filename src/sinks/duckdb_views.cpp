#include "sinks/duckdb_views.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "market/dollars.h"

namespace tape::sinks {
namespace {

// The dollars as SQL lists them.
std::string dollar_list() {
    return fmt::format("'{}'", fmt::join(dollars, "', '"));
}

// The newest revisions. Few rows are ever revised, so an anti-join against those alone reads the
// table once and holds next to nothing; a window function over all rows would sort them.
constexpr const char* newest = R"(
SELECT * FROM windows AS w WHERE NOT EXISTS (
    SELECT 1 FROM windows AS n
    WHERE n.revision > 0 AND n.window_name = w.window_name AND n.venue = w.venue
      AND n.symbol = w.symbol AND n.window_start = w.window_start AND n.revision > w.revision))";

std::string windows_latest(Outliers outliers) {
    std::string sql = std::string("CREATE OR REPLACE VIEW windows_latest AS") + newest;
    if (outliers == Outliers::leave_out)
        sql += R"(
  AND NOT EXISTS (
    SELECT 1 FROM window_outliers AS o
    WHERE o.window_name = w.window_name AND o.venue = w.venue AND o.symbol = w.symbol
      AND o.window_start = w.window_start))";
    return sql;
}

// The newest time of each symbol first, so that only its few rows are put in order.
constexpr const char* latest = R"(
CREATE OR REPLACE VIEW latest AS
WITH newest AS (
    SELECT venue, symbol, max(ts_event) AS ts_event FROM ticks
    WHERE price IS NOT NULL GROUP BY ALL)
SELECT t.venue, t.symbol, t.native_symbol, t.kind, t.price, t.size, t.side, t.bid, t.ask,
       t.ts_event, t.ts_event_nanos, t.ts_recv
FROM ticks AS t JOIN newest USING (venue, symbol, ts_event)
WHERE t.price IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY t.venue, t.symbol
    ORDER BY t.ts_event_nanos DESC, try_cast(t.trade_id AS UBIGINT) DESC NULLS LAST,
             t.source_offset DESC, t.source_index DESC) = 1)";

std::string prices() {
    return fmt::format(R"(
CREATE OR REPLACE VIEW prices AS
SELECT symbol, price AS "priceUsd", ts_event AS time FROM ticks
WHERE kind IN ('trade', 'ticker') AND price IS NOT NULL
  AND len(string_split(symbol, '-')) = 2 AND split_part(symbol, '-', 2) IN ({}))",
                       dollar_list());
}

// The last state of each gap. A file of the lake does not tell which row came first, but a gap's
// states do: it is open before it is closed, its repairs have times, while it is open it grows and
// then its ids become known, and once it is closed it only shrinks.
constexpr const char* gaps_latest = R"(
CREATE OR REPLACE VIEW gaps_latest AS
SELECT * FROM gaps
QUALIFY row_number() OVER (
    PARTITION BY venue, symbol, channel, from_ts, from_id
    ORDER BY status = 'open', repaired_ts DESC NULLS LAST,
             CASE WHEN status = 'open' THEN -epoch_us(to_ts) ELSE missing END NULLS LAST,
             CASE WHEN status = 'open' THEN missing ELSE epoch_us(to_ts) END NULLS LAST) = 1)";

// All that is quoted in dollars of one kind or another is one instrument here. The median is that
// of the other venues alone, so one venue's error does not move what it is held against: EXCLUDE
// GROUP leaves out the rows that are the current one's peers by venue. A close can lie that far
// from a median only where highest and lowest lie that far apart, which is seldom and soon found.
std::string window_outliers(double outlier_pct) {
    return fmt::format(R"(
CREATE OR REPLACE VIEW window_outliers AS
WITH merged AS (
    SELECT window_name, venue, symbol, window_start, window_end, close, revision,
           CASE WHEN len(string_split(symbol, '-')) = 2 AND split_part(symbol, '-', 2) IN ({0})
                THEN split_part(symbol, '-', 1) || '-USD' ELSE symbol END AS instrument
    FROM ({2})),
apart AS (
    SELECT window_name, instrument, window_start FROM merged GROUP BY ALL
    HAVING (max(close) - min(close))::DOUBLE > min(close)::DOUBLE * {1}),
compared AS (
    SELECT *, median(close) OVER others AS median_close, count(*) OVER others AS others
    FROM merged SEMI JOIN apart USING (window_name, instrument, window_start)
    WINDOW others AS (
        PARTITION BY window_name, instrument, window_start ORDER BY venue
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE GROUP))
SELECT window_name, instrument, venue, symbol, window_start, window_end, close, median_close,
       (close - median_close)::DOUBLE / median_close::DOUBLE * 100 AS deviation_pct, others, revision
FROM compared
WHERE others > 0 AND median_close <> 0
  AND abs((close - median_close)::DOUBLE) > abs(median_close::DOUBLE) * {1})",
                       dollar_list(), outlier_pct / 100, newest);
}

}  // namespace

std::vector<std::string> view_statements(const WarehouseOptions& options) {
    return {window_outliers(options.outlier_pct), windows_latest(options.outliers), latest,
            prices(), gaps_latest};
}

}  // namespace tape::sinks
