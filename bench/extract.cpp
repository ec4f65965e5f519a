// The baseline's half of bench/pipeline.cpp: simdjson taking the fields of OKX trades out of
// frames, as text.
#include <simdjson.h>

#include <string>
#include <vector>

extern "C" std::size_t extract(const std::vector<std::string>& frames) {
    simdjson::ondemand::parser parser;
    std::size_t bytes = 0;
    for (const std::string& text : frames) {
        const simdjson::padded_string_view padded(text.data(), text.size(),
                                                  text.size() + simdjson::SIMDJSON_PADDING);
        simdjson::ondemand::document document = parser.iterate(padded);
        for (simdjson::ondemand::object trade : document["data"].get_array())
            for (const char* name : {"instId", "tradeId", "px", "sz", "side", "ts", "count"})
                bytes += std::string_view(trade[name]).size();
    }
    return bytes;
}
