#include "serve/rows_json.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/json_text.h"

namespace tape::serve {
namespace {

// Writes one object: opened by the constructor, closed by the destructor.
class Object final {
 public:
    Object(std::string& out, const Columns& columns) : out_(out), columns_(columns) { out_ += '{'; }
    ~Object() { out_ += '}'; }
    Object(const Object&) = delete;
    Object& operator=(const Object&) = delete;

    void text(std::string_view name, std::string_view value) {
        if (key(name)) append_json_string(out_, value);
    }
    void text_or_null(std::string_view name, std::string_view value) {
        if (value.empty())
            plain(name, "null");
        else
            text(name, value);
    }
    void decimal(std::string_view name, const std::optional<Decimal>& value) {
        if (!key(name)) return;
        if (!value) {
            out_ += "null";
            return;
        }
        char digits[decimal_text_max];
        const int size = write_decimal(*value, digits);
        out_ += '"';
        out_.append(digits, static_cast<std::size_t>(size));
        out_ += '"';
    }
    void time(std::string_view name, Nanos value) {
        if (key(name)) append_json_string(out_, format_rfc3339(value));
    }
    void time(std::string_view name, const std::optional<Nanos>& value) {
        if (value)
            time(name, *value);
        else
            plain(name, "null");
    }
    void number(std::string_view name, const std::optional<i64>& value) {
        if (value)
            plain(name, std::to_string(*value));
        else
            plain(name, "null");
    }
    void boolean(std::string_view name, bool value) { plain(name, value ? "true" : "false"); }

 private:
    void plain(std::string_view name, std::string_view value) {
        if (key(name)) out_ += value;
    }
    bool key(std::string_view name) {
        if (!columns_.wanted(name)) return false;
        if (out_.back() != '{') out_ += ',';
        append_json_string(out_, name);
        out_ += ':';
        return true;
    }

    std::string& out_;
    const Columns& columns_;
};

}  // namespace

const std::vector<std::string_view> tick_columns = {
    "venue",    "symbol",   "native_symbol", "kind", "price",    "size",         "side",
    "trade_id", "sequence", "bid",           "ask",  "ts_event", "ts_estimated", "ts_recv"};

const std::vector<std::string_view> window_columns = {
    "window_name", "venue",  "symbol",     "window_start", "window_end", "tick_count",
    "open",        "high",   "low",        "close",        "mean",       "vwap",
    "stddev",      "volume", "change_pct", "complete",     "gap_ms",     "revision"};

Result<Columns> Columns::parse(std::string_view list, const std::vector<std::string_view>& known) {
    Columns columns;
    for (std::size_t from = 0; from <= list.size();) {
        const std::size_t comma = std::min(list.find(',', from), list.size());
        const std::string_view name = list.substr(from, comma - from);
        if (std::ranges::find(known, name) == known.end())
            return user_error(
                fmt::format("no column '{}'; there are {}", name, fmt::join(known, ", ")));
        columns.names_.emplace_back(name);
        from = comma + 1;
    }
    return columns;
}

bool Columns::wanted(std::string_view name) const {
    return names_.empty() || std::ranges::find(names_, name) != names_.end();
}

void append_json(std::string& out, const Tick& tick, const Columns& columns) {
    Object row(out, columns);
    row.text("venue", tick.instrument->venue);
    row.text("symbol", tick.instrument->symbol);
    row.text("native_symbol", tick.instrument->native_symbol);
    row.text("kind", to_string(tick.kind));
    row.decimal("price", tick.price);
    row.decimal("size", tick.size);
    row.text_or_null("side", to_string(tick.side));
    row.text_or_null("trade_id", tick.trade_id.view());
    row.number("sequence", tick.sequence);
    row.decimal("bid", tick.bid);
    row.decimal("ask", tick.ask);
    row.time("ts_event", tick.ts_event);
    row.boolean("ts_estimated", tick.ts_estimated);
    row.time("ts_recv", tick.ts_recv);
}

void append_json(std::string& out, const WindowRow& window, const Columns& columns) {
    Object row(out, columns);
    row.text("window_name", window.window_name);
    row.text("venue", window.instrument->venue);
    row.text("symbol", window.instrument->symbol);
    row.time("window_start", window.window_start);
    row.time("window_end", window.window_end);
    row.number("tick_count", window.tick_count);
    row.decimal("open", window.open);
    row.decimal("high", window.high);
    row.decimal("low", window.low);
    row.decimal("close", window.close);
    row.decimal("mean", window.mean);
    row.decimal("vwap", window.vwap);
    row.decimal("stddev", window.stddev);
    row.decimal("volume", window.volume);
    row.decimal("change_pct", window.change_pct);
    row.boolean("complete", window.complete);
    row.number("gap_ms", window.gap_ms);
    row.number("revision", window.revision);
}

void append_json(std::string& out, const Gap& gap) {
    const Columns all;
    Object row(out, all);
    row.text("venue", gap.venue);
    row.text_or_null("symbol", gap.symbol);
    row.text_or_null("channel", gap.channel);
    row.text("cause", gap.cause);
    row.time("from_ts", gap.from_ts);
    row.time("to_ts", gap.to_ts);
    row.number("from_id", gap.from_id);
    row.number("to_id", gap.to_id);
    row.number("missing", gap.missing);
    row.text("status", to_string(gap.status));
    row.time("repaired_ts", gap.repaired_ts);
}

std::string error_json(std::string_view what) {
    std::string text(what);  // It may quote what a client sent, which may be any bytes.
    if (!is_utf8(text))
        std::ranges::replace_if(text, [](char c) { return static_cast<u8>(c) >= 0x80; }, '?');
    std::string out = "{\"error\":";
    append_json_string(out, text) += "}\n";
    return out;
}

}  // namespace tape::serve
