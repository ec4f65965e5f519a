// Reading a venue's JSON: objects and their fields as the venue wrote them. Texts are read where
// they lie, from front to back: nothing is copied or indexed, and nothing converted before it is
// asked for. What is missing or wrong is thrown as a Fault and caught once, in decoder.cpp.
//
// Venues write the same fields in the same order without blanks, so the next field is nearly always
// the one asked for, and finding it is one comparison. A general parser cannot know that: all of
// decoding takes but 1.3 times what simdjson's On-Demand parser needs to take the same fields out
// as text (bench/decode.cpp). simdjson checks UTF-8.
#pragma once

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/types.h"

namespace tape::venues::json {

/// Why a record cannot be decoded; the reasons are those of DecodeError.
struct Fault {
    std::string_view reason;
    std::string detail;
};

/// A value that is no object and no list: its name and its text, without quotes. False: there is
/// none.
struct Field {
    std::string_view name;
    std::string_view text;
    bool quoted;
    explicit operator bool() const { return text.data() != nullptr; }
};

[[noreturn]] void fail_missing(std::string_view name);
[[noreturn]] void fail_value(std::string_view name, std::string_view text, std::string_view why);
[[noreturn]] void fail_too_long(std::string_view name, std::size_t size, std::size_t limit);
[[noreturn]] void fail_malformed(std::string_view why);

// Inlined, the length of a field's name is a constant, and comparing it one or two instructions.
// And a Field that is never passed on as a whole stays in registers.
#define TAPE_INLINE [[gnu::always_inline]] inline

/// The place in a text that all its objects and lists share: who reads on after a part of itself
/// was read first skips what is left of that part. Between values the place is behind the last one,
/// before them at the bracket that was entered.
class Cursor {
 public:
    /// Starts at the front of `text`. Fault: malformed, where it is not UTF-8.
    void open(std::string_view text);
    /// Demands that what was entered is closed and nothing follows. Fault: malformed.
    void finish();

    TAPE_INLINE const char* place() const { return place_; }
    TAPE_INLINE void go_to(const char* place) { place_ = place; }
    TAPE_INLINE int depth() const { return depth_; }
    std::string_view text() const { return {start_, end_}; }

    /// Skips blanks; the byte that follows, 0 at the end.
    TAPE_INLINE char peek() {
        while (place_ != end_ && static_cast<unsigned char>(*place_) <= ' ') [[unlikely]]
            ++place_;
        return place_ == end_ ? '\0' : *place_;
    }
    /// Enters the object or list that begins here. Fault: malformed, where it is nested too deep.
    TAPE_INLINE void enter() {
        if (++depth_ > depth_max) [[unlikely]]
            fail_malformed("objects and lists are nested too deep");
        lists_ = lists_ << 1 | (*place_ == '[');
    }
    /// Passes the bracket that ends it.
    TAPE_INLINE void leave() {
        ++place_;
        --depth_;
        lists_ >>= 1;
    }
    /// Skips the rest of what was entered below `depth`. Fault: the text ends before.
    TAPE_INLINE void rise(int depth) {
        if (depth_ > depth) [[unlikely]]
            rise_from_below(depth);
    }
    /// Whether `,"name":` follows, or the same behind the bracket `begin`, without blanks; then it
    /// is passed.
    TAPE_INLINE bool pass_key(std::string_view name, const char* begin) {
        const char* const at = place_;
        if (static_cast<std::size_t>(end_ - at) < name.size() + 5 || (*at != ',' && at != begin))
            return false;
        if (at[1] != '"' || std::memcmp(at + 2, name.data(), name.size()) != 0) return false;
        if (at[name.size() + 2] != '"' || at[name.size() + 3] != ':') return false;
        place_ = at + name.size() + 4;
        return true;
    }
    /// Reads a value that is no object and no list; such a one is entered and gives its bracket.
    TAPE_INLINE Field read(std::string_view name) {
        if (place_ != end_ && *place_ == '"') [[likely]] {
            const char* const stop = string_stop(place_ + 1);
            if (stop != end_ && *stop == '"') [[likely]] {
                const char* const start = place_ + 1;
                place_ = stop + 1;
                return {name, {start, stop}, true};
            }
        } else {
            const char* stop = place_;
            while (stop != end_ && static_cast<u8>(*stop - '0') <= 9) ++stop;
            if (stop != place_ && stop != end_ && (*stop == ',' || *stop == '}')) [[likely]] {
                const char* const start = place_;
                place_ = stop;
                return {name, {start, stop}, false};
            }
        }
        const bool quoted = read_slowly();
        return {name, read_, quoted};
    }
    void skip_value();
    /// The key that follows, as it stands, and its colon are passed. Fault: there is none.
    std::string_view pass_any_key();

 private:
    // Where the string around `at` has its closing quote or its first escape; or the end.
    TAPE_INLINE const char* string_stop(const char* at) const {
#ifdef __SSE2__
        for (; end_ - at >= 16; at += 16)
            if (const u32 found = stops_in_16(at)) return at + std::countr_zero(found);
        if (end_ - start_ >= 16)
            if (const u32 found = stops_in_16(end_ - 16) >> (16 - (end_ - at)))
                return at + std::countr_zero(found);
#endif
        while (at != end_ && *at != '"' && *at != '\\') ++at;
        return at;
    }
#ifdef __SSE2__
    // A bit for each of 16 bytes: whether it is a quote or begins an escape.
    TAPE_INLINE static u32 stops_in_16(const char* at) {
        const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i quotes = _mm_cmpeq_epi8(chunk, _mm_set1_epi8('"'));
        const __m128i escapes = _mm_cmpeq_epi8(chunk, _mm_set1_epi8('\\'));
        return static_cast<u32>(_mm_movemask_epi8(_mm_or_si128(quotes, escapes)));
    }
#endif
    void rise_from_below(int depth);
    bool read_slowly();
    void skip_string();
    std::string_view skip_word();

    const char* start_{};
    const char* place_{};
    const char* end_{};
    static constexpr int depth_max = 64;
    int depth_{};            // How many objects and lists are entered …
    u64 lists_{};            // … and which are lists, the innermost in the lowest bit.
    std::string_view read_;  // What read_slowly() has read.
    std::deque<std::string>
        unescaped_;  // Texts that had escapes; they live as long as the text is read.
};

/// The elements of a list, for one pass: of objects (Item is Object), of plain values (Item is
/// Field) or of lists.
template <class Item>
class Elements {
 public:
    /// The cursor has entered the list.
    Elements(Cursor& cursor, std::string_view name)
        : cursor_(cursor), name_(name), depth_(cursor.depth()) {}

    struct End {};
    class Iterator {
     public:
        explicit Iterator(const Elements& of) : of_(of) {
            of.cursor_.go_to(of.cursor_.place() + 1);
            more_ = of.cursor_.peek() != ']';
            if (!more_) of.cursor_.leave();
        }
        TAPE_INLINE bool operator!=(End) const { return more_; }
        TAPE_INLINE Item operator*() const;
        TAPE_INLINE void operator++() {
            of_.cursor_.rise(of_.depth_);
            const char next = of_.cursor_.peek();
            more_ = next == ',';
            if (more_) {
                of_.cursor_.go_to(of_.cursor_.place() + 1);
                of_.cursor_.peek();
            } else {
                if (next != ']') [[unlikely]]
                    fail_malformed("a list goes on without a comma");
                of_.cursor_.leave();
            }
        }

     private:
        const Elements& of_;
        bool more_;
    };
    TAPE_INLINE Iterator begin() const { return Iterator(*this); }
    TAPE_INLINE End end() const { return {}; }
    std::string_view name() const { return name_; }
    /// The same list of what it turns out to hold; before it is passed through.
    template <class Other>
    Elements<Other> of() const {
        return {cursor_, name_};
    }

 private:
    Cursor& cursor_;
    std::string_view name_;
    int depth_;
};

/// A list of lists of plain values: candles, mostly.
using Rows = Elements<Elements<Field>>;

/// The first N plain values of a list. Fault: missing_field, where there are fewer.
template <std::size_t N>
std::array<Field, N> first(Elements<Field> list) {
    std::array<Field, N> fields{};
    std::size_t count = 0;
    for (const Field field : list) {
        fields[count] = field;
        if (++count == N) return fields;
    }
    fail_missing(list.name());
}

/// An object; fields are found in any order, and fastest in the order in which they stand.
class Object {
 public:
    /// The cursor has entered the object.
    TAPE_INLINE explicit Object(Cursor& cursor)
        : cursor_(cursor), begin_(cursor.place()), depth_(cursor.depth()) {}

    /// The field `name`. Fault: missing_field.
    TAPE_INLINE Field operator[](std::string_view name) {
        if (!go_to(name)) [[unlikely]]
            fail_missing(name);
        return cursor_.read(name);
    }
    /// None where it is absent, null, or the empty text that venues write for "none".
    TAPE_INLINE Field find(std::string_view name) {
        std::string_view text;
        bool quoted = false;
        if (go_to(name)) {
            const Field field = cursor_.read(name);
            quoted = field.quoted;
            if (!field.text.empty() && (quoted || field.text != "null")) text = field.text;
        }
        return {name, text, quoted};
    }
    /// Fault: missing_field; bad_value where it is no object or no list.
    Object object(std::string_view name) { return required(find_object(name), name); }
    Elements<Object> objects(std::string_view name) { return required(find_objects(name), name); }
    Elements<Field> values(std::string_view name) { return required(find_values(name), name); }
    Rows rows(std::string_view name) {
        return required(find_elements<Elements<Field>>(name), name);
    }
    TAPE_INLINE std::optional<Object> find_object(std::string_view name) {
        if (!go_to(name)) return std::nullopt;
        enter(name, '{');
        return Object(cursor_);
    }
    TAPE_INLINE std::optional<Elements<Object>> find_objects(std::string_view name) {
        return find_elements<Object>(name);
    }
    std::optional<Elements<Field>> find_values(std::string_view name) {
        return find_elements<Field>(name);
    }
    /// The name of the field that follows the one read last, where names are values (of a pair, of
    /// a coin); none at the end. Reading it by that name comes next.
    std::optional<std::string_view> next_name() { return next_name(cursor_, begin_, depth_); }
    /// Goes back before the first field.
    void rewind() {
        cursor_.rise(depth_);
        cursor_.go_to(begin_);
    }

 private:
    static std::optional<std::string_view> next_name(Cursor& cursor, const char* begin, int depth);
    // Before the value of `name`, or false.
    TAPE_INLINE bool go_to(std::string_view name) {
        cursor_.rise(depth_);
        return cursor_.pass_key(name, begin_) || search(cursor_, begin_, depth_, name);
    }
    // From here to the end, then from the beginning to here, where it stays if there is none.
    // (Static, and told all it needs, so that an object never has to be in memory.)
    static bool search(Cursor& cursor, const char* begin, int depth, std::string_view name);
    static bool search_until(Cursor& cursor, const char* begin, std::string_view name,
                             const char* end);

    TAPE_INLINE void enter(std::string_view name, char bracket) {
        if (cursor_.peek() != bracket) [[unlikely]]
            fail_value(name, cursor_.read(name).text, "another kind of value than expected");
        cursor_.enter();
    }
    template <class Item>
    TAPE_INLINE std::optional<Elements<Item>> find_elements(std::string_view name) {
        if (!go_to(name)) return std::nullopt;
        enter(name, '[');
        return Elements<Item>(cursor_, name);
    }
    template <class Part>
    static Part required(std::optional<Part> part, std::string_view name) {
        if (!part) fail_missing(name);
        return *part;
    }

    Cursor& cursor_;
    const char* begin_;
    int depth_;
};

template <class Item>
TAPE_INLINE Item Elements<Item>::Iterator::operator*() const {
    if constexpr (std::is_same_v<Item, Field>) {
        return of_.cursor_.read(of_.name_);
    } else if constexpr (std::is_same_v<Item, Elements<Field>>) {
        if (of_.cursor_.peek() != '[') [[unlikely]]
            fail_value(of_.name_, of_.cursor_.read(of_.name_).text, "no list");
        of_.cursor_.enter();
        return {of_.cursor_, of_.name_};
    } else {
        if (of_.cursor_.peek() != '{') [[unlikely]]
            fail_value(of_.name_, of_.cursor_.read(of_.name_).text, "no object");
        of_.cursor_.enter();
        return Object(of_.cursor_);
    }
}

/// A whole JSON text: an object, a list of objects or a list of lists.
class Document {
 public:
    explicit Document(Cursor& cursor) : cursor_(cursor) {}
    Object object() {
        if (cursor_.peek() != '{') fail_malformed("the text is no JSON object");
        cursor_.enter();
        return Object(cursor_);
    }
    bool is_list() { return cursor_.peek() == '['; }
    Elements<Object> objects() { return elements<Object>(); }
    Rows rows() { return elements<Elements<Field>>(); }
    bool starts_with(std::string_view start) const { return cursor_.text().starts_with(start); }

 private:
    template <class Item>
    Elements<Item> elements() {
        if (!is_list()) fail_malformed("the text is no JSON list");
        cursor_.enter();
        return {cursor_, "the list"};
    }

    Cursor& cursor_;
};

/// At most the first `limit` bytes of a venue's text, cut between two characters: for messages.
std::string clip(std::string_view text, std::size_t limit = 80);

}  // namespace tape::venues::json
