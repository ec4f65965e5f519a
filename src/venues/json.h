// Reading a venue's JSON: objects and their fields as the venue wrote them, and what a field may mean (a price, a time, a
// side). simdjson's On-Demand parser does the work in place: a field's text is a view into the frame, nothing is copied or
// converted before it is asked for. What is missing or wrong is thrown as a Fault and caught once, in decoder.cpp.
//
// This header is for this folder's .cpp files alone: simdjson has to be seen where fields are read, or nothing is inlined.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/decimal.h"
#include "base/time.h"
#include "market/rows.h"

namespace tape::venues::json {

/// Why a record cannot be decoded; the reasons are those of DecodeError.
struct Fault {
    std::string_view reason;
    std::string detail;
};

/// A value that is no object and no array: its name and its text, without quotes.
struct Field {
    std::string_view name;
    std::string_view text;
    bool quoted;
};

[[noreturn]] void fail_missing(std::string_view name);
[[noreturn]] void fail_value(const Field& field, std::string_view why);
[[noreturn]] void fail_too_long(std::string_view name, std::size_t size, std::size_t limit);
[[noreturn]] void fail_parse(std::string_view name, simdjson::error_code error);

namespace ondemand = simdjson::ondemand;

/// What a value says as text. `plain`: no string of the document has an escape, so the raw bytes are the text.
inline Field read_field(std::string_view name, ondemand::value& value, bool plain) {
    std::string_view token = value.raw_json_token();
    while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
    if (token.size() < 2 || token.front() != '"') return {name, token, false};
    if (plain) [[likely]] return {name, token.substr(1, token.size() - 2), true};
    std::string_view text;
    if (const auto error = value.get_string().get(text)) fail_parse(name, error);
    return {name, text, true};
}

class Object;

/// The elements of an array, for one pass: of objects (Item is Object) or of plain values (Item is Field).
template <class Item>
class Elements {
 public:
    Elements(ondemand::array array, std::string_view name, bool plain)
        : array_(array), name_(name), plain_(plain) {}

    struct End {};
    class Iterator {
     public:
        Iterator(ondemand::array_iterator place, ondemand::array_iterator end, const Elements& of)
            : place_(place), end_(end), of_(of) {}
        bool operator!=(End) const { return place_ != end_; }
        void operator++() { ++place_; }
        Item operator*();

     private:
        ondemand::array_iterator place_, end_;
        const Elements& of_;
    };
    Iterator begin() {
        ondemand::array_iterator first, last;
        if (const auto error = array_.begin().get(first)) fail_parse(name_, error);
        if (const auto error = array_.end().get(last)) fail_parse(name_, error);
        return {first, last, *this};
    }
    End end() const { return {}; }

 private:
    ondemand::array array_;
    std::string_view name_;
    bool plain_;
};

/// An object; fields are found in any order, and fastest in the order in which they stand.
class Object {
 public:
    Object(ondemand::object object, bool plain) : object_(object), plain_(plain) {}

    /// The field `name`. Fault: missing_field.
    Field operator[](std::string_view name) {
        ondemand::value value;
        if (!find_value(name, value)) [[unlikely]] fail_missing(name);
        return read_field(name, value, plain_);
    }
    /// None where it is absent, null, or the empty text that venues write for "none".
    std::optional<Field> find(std::string_view name) {
        ondemand::value value;
        if (!find_value(name, value)) return std::nullopt;
        const Field field = read_field(name, value, plain_);
        if (field.text.empty() || (!field.quoted && field.text == "null")) return std::nullopt;
        return field;
    }
    /// Fault: missing_field; bad_value where it is no object.
    Object object(std::string_view name) {
        auto found = find_object(name);
        if (!found) fail_missing(name);
        return *found;
    }
    std::optional<Object> find_object(std::string_view name) {
        ondemand::value value;
        if (!find_value(name, value)) return std::nullopt;
        ondemand::object object;
        if (const auto error = value.get_object().get(object)) fail_parse(name, error);
        return Object(object, plain_);
    }
    Elements<Object> objects(std::string_view name) { return elements<Object>(name); }
    Elements<Field> values(std::string_view name) { return elements<Field>(name); }
    std::optional<Elements<Object>> find_objects(std::string_view name) { return find_elements<Object>(name); }
    std::optional<Elements<Field>> find_values(std::string_view name) { return find_elements<Field>(name); }

 private:
    bool find_value(std::string_view name, ondemand::value& value) {
        const auto error = object_.find_field_unordered(name).get(value);
        if (error == simdjson::SUCCESS) [[likely]] return true;
        if (error != simdjson::NO_SUCH_FIELD) fail_parse(name, error);
        return false;
    }
    template <class Item>
    Elements<Item> elements(std::string_view name) {
        auto found = find_elements<Item>(name);
        if (!found) fail_missing(name);
        return *found;
    }
    template <class Item>
    std::optional<Elements<Item>> find_elements(std::string_view name) {
        ondemand::value value;
        if (!find_value(name, value)) return std::nullopt;
        ondemand::array array;
        if (const auto error = value.get_array().get(array)) fail_parse(name, error);
        return Elements<Item>(array, name, plain_);
    }

    ondemand::object object_;
    bool plain_;
};

template <class Item>
inline Item Elements<Item>::Iterator::operator*() {
    ondemand::value value;
    if (const auto error = (*place_).get(value)) fail_parse(of_.name_, error);
    if constexpr (std::is_same_v<Item, Field>) {
        return read_field(of_.name_, value, of_.plain_);
    } else {
        ondemand::object object;
        if (const auto error = value.get_object().get(object)) fail_parse(of_.name_, error);
        return {object, of_.plain_};
    }
}

/// A whole JSON text: an object or an array of objects.
class Document {
 public:
    Document(ondemand::document& document, std::string_view text, bool plain)
        : document_(document), text_(text), plain_(plain) {}
    Object object();
    Elements<Object> objects();
    bool starts_with(std::string_view start) const { return text_.starts_with(start); }

 private:
    ondemand::document& document_;
    std::string_view text_;
    bool plain_;
};

/// Copies texts to where simdjson may read beyond their end, and parses them there. One text at a time.
class Parser {
 public:
    /// Fault: malformed (no UTF-8, an unclosed string, …). The document is valid until the next call.
    Document parse(std::string_view text);
    /// Demands that the text ends where its outermost bracket closes; On-Demand parsing does not look that far by itself.
    void finish();

 private:
    ondemand::parser parser_;
    ondemand::document document_;
    std::string padded_;
    std::size_t size_{};
};

// What fields mean. All throw a bad_value Fault that names the field and its value.

/// Any text of at most `limit` bytes that is not empty. Fault: also too_long.
std::string_view text(const Field& field, std::size_t limit);
/// Above zero.
Decimal price(const Field& field);
/// Zero or above.
Decimal size(const Field& field);
/// A bid or an ask: none where the venue has none, which it writes as nothing, "" or 0.
std::optional<Decimal> quote(const std::optional<Field>& field);
/// A whole number, written as a number or as text.
u64 number(const Field& field);
i64 sequence(const Field& field);
/// Milliseconds since the epoch, after it.
Nanos epoch_ms(const Field& field);
Nanos rfc3339(const Field& field);
/// "buy" or "sell", in small letters or in capitals.
Side side(const Field& field);
Side opposite(Side side);
/// A trade's id, as written.
void assign_id(Tick& tick, const Field& field);

/// At most the first 80 bytes of a venue's text, cut between two characters: for messages.
std::string clip(std::string_view text);

}  // namespace tape::venues::json
