#include "base/json_text.h"

#include <gtest/gtest.h>

namespace tape {
namespace {

TEST(JsonText, EscapesOnlyWhatJsonDemands) {
    EXPECT_EQ(json_quoted("a\"b\\c/d"), R"("a\"b\\c/d")");
    EXPECT_EQ(json_quoted("\b\f\n\r\t"), R"("\b\f\n\r\t")");
    EXPECT_EQ(json_quoted(std::string_view("\0\x1f\x7f", 3)), "\"\\u0000\\u001f\x7f\"");
    EXPECT_EQ(json_quoted("₿ €"), "\"₿ €\"");
    EXPECT_EQ(json_quoted(""), "\"\"");
}

TEST(JsonText, KnowsUtf8) {
    EXPECT_TRUE(is_utf8("plain ₿"));
    EXPECT_FALSE(is_utf8("\xc0\xaf"));
    EXPECT_FALSE(is_utf8("\xed\xa0\x80"));
    EXPECT_FALSE(is_utf8("cut \xe2\x82"));
}

}  // namespace
}  // namespace tape
