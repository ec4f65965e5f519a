#include "venues/json.h"

#include <fmt/core.h>

#include <charconv>
#include <cstring>

namespace tape::venues::json {
namespace {

Decimal decimal(const Field& field) {
    Decimal value;
    if (const char* why = parse_decimal(field.text, value)) [[unlikely]] fail_value(field, why);
    if (value.negative()) fail_value(field, "negative");
    return value;
}

[[noreturn]] void fail_document(simdjson::error_code error, std::string_view expected) {
    if (error == simdjson::INCORRECT_TYPE) throw Fault{"malformed", fmt::format("the text is no JSON {}", expected)};
    throw Fault{"malformed", simdjson::error_message(error)};
}

}  // namespace

void fail_missing(std::string_view name) { throw Fault{"missing_field", fmt::format("no field '{}'", name)}; }

void fail_value(const Field& field, std::string_view why) {
    throw Fault{"bad_value", fmt::format("{} '{}': {}", field.name, clip(field.text), why)};
}

void fail_too_long(std::string_view name, std::size_t size, std::size_t limit) {
    throw Fault{"too_long", fmt::format("{} has {} bytes, at most {} are read", name, size, limit)};
}

void fail_parse(std::string_view name, simdjson::error_code error) {
    if (error == simdjson::INCORRECT_TYPE)
        throw Fault{"bad_value", fmt::format("{}: neither the object nor the array it should be", name)};
    throw Fault{"malformed", fmt::format("{}: {}", name, simdjson::error_message(error))};
}

std::string clip(std::string_view text) {
    constexpr std::size_t limit = 80;
    if (text.size() <= limit) return std::string(text);
    std::size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return std::string(text.substr(0, end)) + "…";
}

Object Document::object() {
    ondemand::object object;
    if (const auto error = document_.get_object().get(object)) fail_document(error, "object");
    return {object, plain_};
}

Elements<Object> Document::objects() {
    ondemand::array array;
    if (const auto error = document_.get_array().get(array)) fail_document(error, "array");
    return {array, "the list", plain_};
}

Document Parser::parse(std::string_view text) {
    size_ = text.size();
    if (padded_.size() < size_ + simdjson::SIMDJSON_PADDING) padded_.resize(size_ + simdjson::SIMDJSON_PADDING);
    std::memcpy(padded_.data(), text.data(), size_);
    std::memset(padded_.data() + size_, 0, simdjson::SIMDJSON_PADDING);
    if (const auto error = parser_.iterate(padded_.data(), size_, padded_.size()).get(document_))
        throw Fault{"malformed", simdjson::error_message(error)};
    return {document_, {padded_.data(), size_}, std::memchr(padded_.data(), '\\', size_) == nullptr};
}

void Parser::finish() {
    const char* p = nullptr;
    if (document_.current_location().get(p) != simdjson::SUCCESS) return;  // Nothing is left.
    const char* const end = padded_.data() + size_;
    // The parser stands behind a value that was read, or before one that was not needed.
    const bool behind = *p == ',' || *p == '}' || *p == ']';
    int open = document_.current_depth() - (behind ? 0 : 1);
    do {
        if (*p == '{' || *p == '[') ++open;
        if (*p == '}' || *p == ']') --open;
        if (*p == '"')
            for (++p; *p != '"'; ++p) p += *p == '\\';  // It is closed: the parser has seen to that.
        ++p;
    } while (p < end && open > 0);
    while (p < end && static_cast<unsigned char>(*p) <= ' ') ++p;
    if (open != 0) throw Fault{"malformed", "the text ends before its brackets are closed"};
    if (p < end) throw Fault{"malformed", fmt::format("'{}' follows the message", clip({p, end}))};
}

std::string_view text(const Field& field, std::size_t limit) {
    if (!field.quoted || field.text.empty()) fail_value(field, "no text");
    if (field.text.size() > limit) fail_too_long(field.name, field.text.size(), limit);
    return field.text;
}

Decimal price(const Field& field) {
    const Decimal value = decimal(field);
    if (value.units == 0) fail_value(field, "no price is zero");
    return value;
}

Decimal size(const Field& field) { return decimal(field); }

std::optional<Decimal> quote(const std::optional<Field>& field) {
    if (!field) return std::nullopt;
    const Decimal value = decimal(*field);
    if (value.units == 0) return std::nullopt;
    return value;
}

u64 number(const Field& field) {
    u64 value = 0;
    const char* const end = field.text.data() + field.text.size();
    const auto [stop, error] = std::from_chars(field.text.data(), end, value);
    if (error != std::errc{} || stop != end) fail_value(field, "no whole number of 64 bits");
    return value;
}

i64 sequence(const Field& field) {
    const u64 value = number(field);
    if (value > INT64_MAX) fail_value(field, "no sequence number");
    return static_cast<i64>(value);
}

Nanos epoch_ms(const Field& field) {
    const auto time = from_epoch(static_cast<i64>(std::min<u64>(number(field), INT64_MAX)), EpochUnit::ms);
    if (!time || time->count == 0) fail_value(field, "no time in milliseconds");
    return *time;
}

Nanos rfc3339(const Field& field) {
    const auto time = parse_rfc3339(field.text);
    if (!time) fail_value(field, "no RFC 3339 time");
    return *time;
}

Side side(const Field& field) {
    if (field.text == "buy" || field.text == "BUY") return Side::buy;
    if (field.text == "sell" || field.text == "SELL") return Side::sell;
    fail_value(field, "neither buy nor sell");
}

Side opposite(Side side) { return side == Side::buy ? Side::sell : Side::buy; }

void assign_id(Tick& tick, const Field& field) {
    if (!tick.trade_id.assign(field.text)) fail_too_long(field.name, field.text.size(), 39);
}

}  // namespace tape::venues::json
