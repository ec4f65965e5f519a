#include "app/table_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace tape::app {
namespace {

using sinks::QueryResult;
using Value = std::optional<std::string>;

// Characters, not bytes, so that columns line up.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

void print_aligned(const QueryResult& result) {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < result.fields.size(); ++i) {
        std::size_t widest = width(result.fields[i].name);
        for (const auto& row : result.rows) widest = std::max(widest, width(row[i].value_or("")));
        widths.push_back(widest);
    }
    const auto print_cell = [&](std::size_t i, const std::string& text) {
        const bool last = i + 1 == widths.size();
        const std::string padding(widths[i] - width(text), ' ');
        if (result.fields[i].shape == QueryResult::Shape::number)
            fmt::print("{}{}{}", padding, text, last ? "\n" : "  ");
        else
            fmt::print("{}{}", text, last ? "\n" : padding + "  ");
    };
    for (std::size_t i = 0; i < widths.size(); ++i) print_cell(i, result.fields[i].name);
    for (const auto& row : result.rows)
        for (std::size_t i = 0; i < row.size(); ++i) print_cell(i, row[i].value_or(""));
}

std::string csv_cell(const std::string& text) {
    if (text.find_first_of("\",\r\n") == std::string::npos) return text;
    std::string quoted = "\"";
    for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
    return quoted + '"';
}

void print_csv(const QueryResult& result) {
    std::string out;
    for (const auto& field : result.fields) out += (out.empty() ? "" : ",") + csv_cell(field.name);
    fmt::print("{}\r\n", out);
    for (const auto& row : result.rows) {
        out.clear();
        for (std::size_t i = 0; i < row.size(); ++i)
            out += (i == 0 ? "" : ",") + csv_cell(row[i].value_or(""));
        fmt::print("{}\r\n", out);
    }
}

void print_json(const QueryResult& result) {
    fmt::print("[");
    for (std::size_t n = 0; n < result.rows.size(); ++n) {
        std::string out = n == 0 ? "\n{" : ",\n{";
        for (std::size_t i = 0; i < result.fields.size(); ++i) {
            const Value& value = result.rows[n][i];
            if (i > 0) out += ',';
            append_json_string(out, result.fields[i].name) += ':';
            if (!value)
                out += "null";
            else if (result.fields[i].shape == QueryResult::Shape::text)
                append_json_string(out, *value);
            else
                out += *value;
        }
        fmt::print("{}}}", out);
    }
    fmt::print("\n]\n");
}

}  // namespace

void print_table(const QueryResult& result, std::string_view format) {
    if (format == "json")
        print_json(result);
    else if (format == "csv")
        print_csv(result);
    else
        print_aligned(result);
}

Result<QueryResult> result_of_json(const nlohmann::json& answer) {
    QueryResult result;
    try {
        for (const auto& column : answer.at("columns"))
            result.fields.push_back(
                {column.at("name"), column.at("type"), QueryResult::Shape::text});
        result.truncated = answer.at("truncated");
        for (const auto& row : answer.at("rows")) {
            auto& values = result.rows.emplace_back();
            for (std::size_t i = 0; i < result.fields.size(); ++i) {
                const auto& value = row.at(i);
                if (value.is_null()) {
                    values.emplace_back();
                } else if (value.is_string()) {
                    values.emplace_back(value.get<std::string>());
                } else {
                    values.emplace_back(value.dump());
                    result.fields[i].shape = value.is_boolean() ? QueryResult::Shape::boolean
                                                                : QueryResult::Shape::number;
                }
            }
        }
    } catch (const nlohmann::json::exception& error) {
        return external_error(
            fmt::format("the server's answer is not of the expected form: {}", error.what()),
            Retry::never);
    }
    return result;
}

}  // namespace tape::app
