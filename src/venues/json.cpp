#include "venues/json.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "base/result.h"

namespace tape::venues::json {

void fail_missing(std::string_view name) {
    throw Fault{"missing_field", fmt::format("no field '{}'", clip(name))};
}

void fail_value(std::string_view name, std::string_view text, std::string_view why) {
    throw Fault{"bad_value", fmt::format("{} '{}': {}", clip(name), clip(text), why)};
}

void fail_too_long(std::string_view name, std::size_t size, std::size_t limit) {
    throw Fault{"too_long", fmt::format("{} has {} bytes, at most {} are read", name, size, limit)};
}

void fail_malformed(std::string_view why) {
    throw Fault{"malformed", std::string(why)};
}

std::string clip(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return std::string(text);
    std::size_t end = limit;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return std::string(text.substr(0, end)) + "…";
}

// From a string's opening quote to behind its closing one.
inline void Cursor::skip_string() {
    const char* stop = string_stop(place_ + 1);
    while (stop != end_ && *stop == '\\') stop = end_ - stop > 2 ? string_stop(stop + 2) : end_;
    if (stop == end_) fail_malformed("the text ends within a string");
    place_ = stop + 1;
}

// A number or a word such as null: up to what may follow a value.
std::string_view Cursor::skip_word() {
    const char* const start = place_;
    while (place_ != end_ && *place_ != ',' && *place_ != '}' && *place_ != ']' && *place_ != ':' &&
           *place_ != '"' && *place_ != '{' && *place_ != '[' &&
           static_cast<unsigned char>(*place_) > ' ')
        ++place_;
    if (place_ == start) fail_malformed("there is no value where one should be");
    const std::string_view word(start, place_);
    const bool number = (*start >= '0' && *start <= '9') || *start == '-';
    if (!number && word != "null" && word != "true" && word != "false")
        fail_malformed(fmt::format("'{}' is no value", clip(word)));
    const char next = peek();
    if (next != ',' && next != '}' && next != ']' && place_ != end_)
        fail_malformed(fmt::format("'{}' follows a value", clip({place_, end_})));
    return word;
}

inline void Cursor::skip_value() {
    const char first = peek();
    if (first == '"') return skip_string();
    if (first != '{' && first != '[') return static_cast<void>(skip_word());
    const int depth = depth_;
    enter();
    rise_from_below(depth);
}

void Cursor::open(std::string_view text) {
    if (!is_utf8(text)) fail_malformed("the text is not UTF-8");
    start_ = place_ = text.data();
    end_ = start_ + text.size();
    depth_ = 0;
    lists_ = 0;
    if (!unescaped_.empty()) [[unlikely]]
        unescaped_.clear();
}

void Cursor::finish() {
    if (place_ == start_ && depth_ == 0) skip_value();  // Nobody wanted to know.
    rise(0);
    if (peek() != '\0')
        fail_malformed(fmt::format("'{}' follows the message", clip({place_, end_})));
    if (place_ != end_) fail_malformed("a byte of zero follows the message");
}

void Cursor::rise_from_below(int depth) {
    if (place_ != end_ && (*place_ == '{' || *place_ == '['))
        ++place_;  // Entered, and nothing of it read.
    while (depth_ > depth) {
        if (place_ == end_) fail_malformed("the text ends before its brackets are closed");
        const char c = *place_;
        if (c == '"') {
            skip_string();
            continue;
        }
        if (c == '{' || c == '[') enter();
        if (c == '}' || c == ']') {
            if ((c == ']') != static_cast<bool>(lists_ & 1))
                fail_malformed("a bracket is closed by another");
            leave();
        } else {
            ++place_;
        }
    }
}

// Blanks before it, no string, or one with an escape: rare, so that is left to the general parser.
bool Cursor::read_slowly() {
    const char first = peek();
    if (first == '{' || first == '[') {
        enter();
        read_ = {place_, 1};
        return false;
    }
    if (first != '"') {
        read_ = skip_word();
        return false;
    }
    const char* const start = place_;
    skip_string();
    const std::string_view quoted(start, place_);
    read_ = quoted.substr(1, quoted.size() - 2);
    if (read_.find('\\') == std::string_view::npos) return true;
    // Rare: no exchange escapes what a trade is made of.
    const auto plain = nlohmann::json::parse(quoted, nullptr, false);
    if (!plain.is_string()) fail_malformed("a text has a bad escape");
    read_ = unescaped_.emplace_back(plain.get<std::string>());
    return true;
}

inline std::string_view Cursor::pass_any_key() {
    if (peek() != '"') fail_malformed("a field has no name");
    const char* const start = place_;
    skip_string();
    const std::string_view key(start + 1, place_ - 1);
    if (peek() != ':') fail_malformed("a field has no colon");
    ++place_;
    peek();
    return key;
}

bool Object::search(Cursor& cursor, const char* begin, int depth, std::string_view name) {
    ensure(cursor.depth() == depth, "an object is not read after its end");
    const char* const here = cursor.place();
    if (search_until(cursor, begin, name, nullptr)) return true;
    cursor.go_to(begin);
    if (search_until(cursor, begin, name, here)) return true;
    cursor.go_to(here);
    return false;
}

// Looks ahead; the place stays before the field.
std::optional<std::string_view> Object::next_name(Cursor& cursor, const char* begin, int depth) {
    cursor.rise(depth);
    const char* const here = cursor.place();
    const char next = cursor.peek();
    if (next == '}') return std::nullopt;
    const bool is_first = cursor.place() == begin;
    if (!is_first && next != ',') fail_malformed("an object goes on without a comma");
    cursor.go_to(cursor.place() + 1);
    if (is_first && cursor.peek() == '}') {
        cursor.go_to(here);
        return std::nullopt;
    }
    const std::string_view name = cursor.pass_any_key();
    cursor.go_to(here);
    return name;
}

// Ends before the closing bracket, or at the place `end`.
bool Object::search_until(Cursor& cursor, const char* begin, std::string_view name,
                          const char* end) {
    while (cursor.place() != end) {
        const char next = cursor.peek();
        if (next == '}') return false;
        if (cursor.place() != begin && next != ',')
            fail_malformed("an object goes on without a comma");
        const bool first = cursor.place() == begin;
        cursor.go_to(cursor.place() + 1);
        if (first && cursor.peek() == '}') return false;
        if (cursor.pass_any_key() == name) return true;
        cursor.skip_value();
    }
    return false;
}

}  // namespace tape::venues::json
