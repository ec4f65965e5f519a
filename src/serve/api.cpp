#include "serve/api.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "base/metrics.h"
#include "serve/assets.h"
#include "serve/guard.h"
#include "serve/gzip.h"
#include "serve/parameters.h"
#include "serve/rows_json.h"

namespace tape::serve {
namespace {

using net::Request;
using net::Response;

// The series that `venue` and `symbol` leave, each of them optional; a value that nothing has is an
// error.
std::vector<const Series*> chosen(const Request& request, const Recent& recent) {
    const auto venue = request.parameter("venue"), symbol = request.parameter("symbol");
    std::vector<const Series*> found;
    bool venue_known = !venue;
    for (const Series& series : recent.series()) {
        if (venue && series.instrument->venue != *venue) continue;
        venue_known = true;
        if (!symbol || series.instrument->symbol == *symbol) found.push_back(&series);
    }
    if (!venue_known) refuse(400, fmt::format("venue = '{}': nothing of it has been seen", *venue));
    if (found.empty() && symbol)
        refuse(400, fmt::format("symbol = '{}': nothing of it has been seen", *symbol));
    return found;
}

// ---- Rows ----

// {"name":[…]} of the newest `limit` rows, oldest first. Rows are any type that `append` takes.
template <class Row, class Append>
Response rows_response(std::string_view name, const std::vector<Row>& rows, i64 limit,
                       Append append) {
    Response response;
    std::string& out = response.body;
    out = fmt::format("{{\"{}\":[", name);
    const std::size_t from = rows.size() - std::min(rows.size(), static_cast<std::size_t>(limit));
    for (std::size_t i = from; i < rows.size(); ++i) {
        if (i > from) out += ',';
        append(out, rows[i]);
    }
    out += "]}\n";
    return response;
}

// Rows in the order of their times, and of arrival within one, from `since` on.
template <class Row>
std::vector<const Row*> rows_from(const std::multimap<Nanos, const Row*>& rows, Nanos since) {
    std::vector<const Row*> list;
    for (auto at = rows.lower_bound(since); at != rows.end(); ++at) list.push_back(at->second);
    return list;
}

Response ticks(const Request& request, const Recent& recent) {
    allow_parameters(request, {"venue", "symbol", "limit", "since", "step", "columns"});
    const i64 limit = limit_of(request, 1'000);
    const Nanos since = since_of(request);
    const auto step = request.parameter("step");
    if (step && *step != "1s") refuse(400, fmt::format("step = '{}': there is only '1s'", *step));
    const std::vector<std::string_view> seconds_columns = {"venue", "symbol", "native_symbol",
                                                           "price", "ts_event"};
    Columns columns = columns_of(request, step ? seconds_columns : tick_columns);
    if (step && !request.parameter("columns"))
        columns = *Columns::parse("venue,symbol,native_symbol,price,ts_event", seconds_columns);
    std::deque<Tick> made;  // A deque keeps addresses.
    std::multimap<Nanos, const Tick*> rows;
    for (const Series* series : chosen(request, recent)) {
        if (step) {
            for (const PricePoint& point : series->prices)
                made.push_back(Tick{.instrument = series->instrument,
                                    .price = point.price,
                                    .ts_event = point.ts_event});
            continue;
        }
        for (const auto* list : {&series->ticks, &series->tickers})
            for (const Tick& tick : *list) rows.emplace(tick.ts_event, &tick);
    }
    for (const Tick& tick : made) rows.emplace(tick.ts_event, &tick);
    return rows_response(
        "ticks", rows_from(rows, since), limit,
        [&](std::string& out, const Tick* tick) { append_json(out, *tick, columns); });
}

Response windows(const Request& request, const Recent& recent) {
    allow_parameters(request, {"window", "venue", "symbol", "limit", "since", "columns"});
    const i64 limit = limit_of(request, 100);
    const Nanos since = since_of(request);
    const Columns columns = columns_of(request, window_columns);
    const auto window = request.parameter("window");
    bool window_known = !window;
    std::multimap<Nanos, const WindowRow*> rows;
    for (const Series* series : chosen(request, recent)) {
        for (const auto& [name, entries] : series->windows) {
            if (window && name != *window) continue;
            window_known = true;
            for (const WindowEntry& entry : entries) rows.emplace(entry.row.window_end, &entry.row);
        }
    }
    if (!window_known)
        refuse(400, fmt::format("window = '{}': no row of it has been seen", *window));
    return rows_response(
        "windows", rows_from(rows, since), limit,
        [&](std::string& out, const WindowRow* row) { append_json(out, *row, columns); });
}

Response gaps(const Request& request, const Recent& recent) {
    allow_parameters(request, {"venue", "symbol", "status", "limit", "since"});
    const i64 limit = limit_of(request, 100);
    const Nanos since = since_of(request);
    const auto venue = request.parameter("venue"), symbol = request.parameter("symbol");
    const auto status = request.parameter("status");
    if (status && !parse_gap_status(*status))
        refuse(400, fmt::format("status = '{}' is not open, backfilled or unrecoverable", *status));
    std::vector<const Gap*> rows;
    for (const auto& [gap, change] : recent.gaps()) {
        if (status && to_string(gap.status) != *status) continue;
        if (gap.to_ts < since || (venue && gap.venue != *venue)) continue;
        if (symbol && !gap.symbol.empty() && gap.symbol != *symbol)
            continue;  // No symbol: it concerns all.
        rows.push_back(&gap);
    }
    return rows_response("gaps", rows, limit,
                         [](std::string& out, const Gap* gap) { append_json(out, *gap); });
}

Response symbols(const Request& request, const Recent& recent) {
    allow_parameters(request, {"venue"});
    std::vector<const Series*> rows = chosen(request, recent);
    std::ranges::sort(rows, {}, [](const Series* s) {
        return std::tie(s->instrument->venue, s->instrument->symbol);
    });
    const auto append = [](std::string& out, const Series* series) {
        const Instrument& instrument = *series->instrument;
        out += "{\"venue\":" + json_quoted(instrument.venue);
        out += ",\"symbol\":" + json_quoted(instrument.symbol);
        out += ",\"native_symbol\":" + json_quoted(instrument.native_symbol);
        out += fmt::format(",\"listed\":{},\"windows\":[", instrument.listed);
        for (const auto& [name, entries] : series->windows) {
            if (out.back() != '[') out += ',';
            append_json_string(out, name);
        }
        out += "],\"latest\":";
        if (series->latest_change != 0)
            append_json(out, series->latest);
        else
            out += "null";
        out += ",\"earliest\":";  // What the page measures the change from.
        if (series->prices.empty())
            out += "null";
        else
            out += fmt::format("{{\"price\":\"{}\",\"ts_event\":\"{}\"}}",
                               series->prices.front().price.to_string(),
                               format_rfc3339(series->prices.front().ts_event));
        out += '}';
    };
    return rows_response("symbols", rows, most_rows, append);
}

// ---- What the backend does ----

// The status says who has to act.
Response failure(const Error& error) {
    const int status = error.domain == Domain::user       ? 400
                       : error.domain == Domain::external ? 503
                                                          : 500;
    return error_response(status, error.what);
}

using Work = std::function<Response()>;

// What became of it: `name` is the member that holds the word about a success.
Response outcome(const Result<std::string>& result, int status, std::string_view name) {
    if (!result) return failure(result.error());
    return {
        status, "application/json", {}, fmt::format("{{\"{}\":{}}}\n", name, json_quoted(*result))};
}

// The media type of the body, without its parameters.
std::string_view content_type(const Request& request) {
    const std::string_view type = request.header("Content-Type").value_or("");
    return type.substr(0, type.find_first_of("; "));
}

Work sql(const Request& request, const Backend& backend) {
    allow_parameters(request, {});
    if (!backend.sql) refuse(503, "this process has no warehouse to ask");
    const std::string_view type = content_type(request);
    std::string statement;
    i64 limit = most_rows;
    if (type == "text/plain") {
        statement = request.body;
    } else if (type == "application/json") {
        const auto body = nlohmann::json::parse(request.body, nullptr, false);
        if (!body.is_object() || !body.contains("sql") || !body["sql"].is_string())
            refuse(400, "the body is no JSON object with the text \"sql\"");
        statement = body["sql"];
        for (const auto& [name, value] : body.items())
            if (name != "sql" && name != "limit")
                refuse(400, fmt::format("no member '{}' in the body", name));
        if (body.contains("limit")) limit = parse_limit(body["limit"].dump());
    } else {
        refuse(415,
               fmt::format("Content-Type '{}' is neither application/json nor text/plain", type));
    }
    if (statement.find_first_not_of(" \t\r\n") == std::string::npos)
        refuse(400, "sql = '' is no statement");
    return [&backend, statement, limit]() -> Response {
        const Result<std::string> result = backend.sql(statement, limit);
        if (!result) return failure(result.error());
        return {200, "application/json", {}, *result + '\n'};
    };
}

Work reload(const Request& request, const Backend& backend) {
    allow_parameters(request, {});
    if (!backend.reload) refuse(503, "this process has no config to read again");
    if (!request.body.empty()) refuse(400, "a reload takes no body");
    return [&backend] { return outcome(backend.reload(), 200, "reloaded"); };
}

Work backfill(const Request& request, const Backend& backend) {
    allow_parameters(request, {});
    if (!backend.backfill) refuse(503, "this process captures nothing that it could fill up");
    if (const auto type = content_type(request); type != "application/json")
        refuse(415, fmt::format("Content-Type '{}' is not application/json", type));
    if (!nlohmann::json::parse(request.body, nullptr, false).is_object())
        refuse(400, "the body is no JSON object");
    return [&backend, body = request.body] {
        return outcome(backend.backfill(body), 202, "accepted");
    };
}

Response ready(const Backend& backend) {
    const auto [well, reason] = backend.ready();
    return {well ? 200 : 503,
            "application/json",
            {},
            fmt::format("{{\"ready\":{},\"reason\":{}}}\n", well, json_quoted(reason))};
}

const Asset* find_asset(std::string_view path) {
    for (const Asset& asset : assets())
        if (asset.path == path) return &asset;
    return nullptr;
}

bool takes_gzip(const Request& request) {
    return request.header("Accept-Encoding").value_or("").find("gzip") != std::string_view::npos;
}

Response asset_response(const Asset& asset, const Request& request) {
    Response response{
        200, std::string(asset.content_type), {{"ETag", std::string(asset.etag)}}, {}};
    // The names below /assets/ hold a hash of what is in the file, so such a file never changes.
    response.headers.emplace_back("Cache-Control", asset.path.starts_with("/assets/")
                                                       ? "public, max-age=31536000, immutable"
                                                       : "no-cache");
    response.headers.emplace_back("Vary", "Accept-Encoding");
    if (request.header("If-None-Match") == asset.etag) {
        response.status = 304;
    } else if (takes_gzip(request)) {
        response.headers.emplace_back("Content-Encoding", "gzip");
        response.body = asset.packed;
    } else {
        response.body = gunzip(asset.packed);
    }
    return response;
}

struct Route {
    std::string_view path, method;
    Response (*run)(const Request&, const Recent&, const Backend&);
    Work (*begin)(const Request&, const Backend&) = nullptr;  // Set: in its stead.
};

const std::array<Route, 11> routes = {{
    {"/api/v1/status", "GET",
     [](const Request& q, const Recent&, const Backend& b) {
         allow_parameters(q, {});
         return Response{200, "application/json", {}, b.status_json() + '\n'};
     }},
    {"/api/v1/symbols", "GET",
     [](const Request& q, const Recent& r, const Backend&) { return symbols(q, r); }},
    {"/api/v1/ticks", "GET",
     [](const Request& q, const Recent& r, const Backend&) { return ticks(q, r); }},
    {"/api/v1/windows", "GET",
     [](const Request& q, const Recent& r, const Backend&) { return windows(q, r); }},
    {"/api/v1/gaps", "GET",
     [](const Request& q, const Recent& r, const Backend&) { return gaps(q, r); }},
    {"/api/v1/sql", "POST", nullptr, sql},
    {"/api/v1/reload", "POST", nullptr, reload},
    {"/api/v1/backfill", "POST", nullptr, backfill},
    {"/metrics", "GET",
     [](const Request&, const Recent&, const Backend&) {
         return Response{200, "text/plain; version=0.0.4; charset=utf-8", {}, metrics_text()};
     }},
    {"/live", "GET",
     [](const Request&, const Recent&, const Backend&) {
         return Response{200, "application/json", {}, "{\"live\":true}\n"};
     }},
    {"/ready", "GET", [](const Request&, const Recent&, const Backend& b) { return ready(b); }},
}};

void demand_method(const Request& request, std::string_view method, Response& response) {
    if (request.method == method || (method == "GET" && request.method == "HEAD")) return;
    response.headers.emplace_back("Allow", method == "GET" ? "GET, HEAD" : std::string(method));
    refuse(405, fmt::format("{} {}: only {} is allowed", request.method, request.path, method));
}

void route(const Request& request, const Recent& recent, const Backend& backend, Answer& result) {
    if (const Asset* asset = find_asset(request.path)) {
        result.route = asset->path.starts_with("/assets/") ? "/assets" : asset->path;
        demand_method(request, "GET", result.response);
        result.response = asset_response(*asset, request);
        return;
    }
    const auto known = std::ranges::find(routes, std::string_view(request.path), &Route::path);
    if (known == routes.end()) refuse(404, fmt::format("there is no '{}'", request.path));
    result.route = known->path;
    demand_method(request, known->method, result.response);
    if (known->begin != nullptr)
        result.work = known->begin(request, backend);
    else
        result.response = known->run(request, recent, backend);
}

}  // namespace

Answer answer(const Request& request, const Recent& recent, const Backend& backend) {
    Answer result;
    try {
        const bool reads = request.method == "GET" || request.method == "HEAD";
        if (const char* why =
                refusal(request, reads ? Exposure::harmless : Exposure::needs_own_origin))
            refuse(403, why);
        route(request, recent, backend, result);
    } catch (const Refused& refused) {
        net::Headers headers = std::move(result.response.headers);
        result.response = error_response(refused.status, refused.what);
        result.response.headers = std::move(headers);
    }
    return result;
}

Response error_response(int status, std::string_view what) {
    return {status, "application/json", {}, error_json(what)};
}

void finish(Response& response, const Request& request) {
    const auto has = [&response](std::string_view name) {
        return std::ranges::find(response.headers, name,
                                 &std::pair<std::string, std::string>::first) !=
               response.headers.end();
    };
    auto& headers = response.headers;
    if (!has("Cache-Control")) headers.emplace_back("Cache-Control", "no-store");
    headers.emplace_back("Content-Security-Policy",
                         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                         "connect-src 'self'; "
                         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    headers.emplace_back("X-Content-Type-Options", "nosniff");
    headers.emplace_back("X-Frame-Options", "DENY");
    headers.emplace_back("Referrer-Policy", "no-referrer");
    headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
    headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
    constexpr std::size_t worth_packing = 1'024;
    if (has("Content-Encoding") || response.body.size() < worth_packing || !takes_gzip(request))
        return;
    response.body = gzip(response.body);
    headers.emplace_back("Content-Encoding", "gzip");
    headers.emplace_back("Vary", "Accept-Encoding");
}

}  // namespace tape::serve
