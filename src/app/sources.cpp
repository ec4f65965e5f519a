#include "app/sources.h"

namespace tape::app {

std::vector<feed::SourceOptions> source_options(const Config& config) {
    std::vector<feed::SourceOptions> sources;
    for (const SourceConfig& source : config.sources)
        sources.push_back({source_spec(source), source.websocket, source.rest, source.ca_file});
    return sources;
}

}  // namespace tape::app
