// The config on bytes of any kind: either it parses, and then what is printed of it parses to the
// same again, or every problem has a place in the file.
#include <algorithm>

#include "app/config.h"
#include "base/result.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace tape;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto config = app::parse_config(text);
    if (!config) {
        ensure(!config.error().empty(), "a refusal says why");
        for (const app::Problem& problem : config.error())
            ensure(!problem.text.empty() && problem.line >= 0, "a problem has words and a place");
        return 0;
    }
    ensure(config->text == text, "the config keeps its text");
    // Secrets are masked and ${NAME} is expanded in print: only what has neither comes back alike.
    const bool plain = text.find("${") == std::string::npos &&
                       std::ranges::all_of(config->sources, [](const auto& source) {
                           return source.api_key.empty();
                       });
    if (!plain) return 0;
    const std::string printed = app::print_config(*config);
    const auto again = app::parse_config(printed);
    ensure(again.has_value(), "what is printed parses");
    ensure(app::print_config(*again) == printed, "and is the same config");
    return 0;
}
