// The config as the raw log's `config` records hold it.
#include <fmt/core.h>
#include <openssl/evp.h>

#include <array>

#include "app/config.h"
#include "app/version.h"
#include "base/json_text.h"

namespace tape::app {

std::string config_hash(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    ensure(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1,
           "SHA-256 is built in");
    std::string hex;
    for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
    return hex;
}

std::string config_record(const Config& config, bool simulated, ConfigMoment moment) {
    return fmt::format(R"({{"hash":"{}","text":{},"build":"{}","simulated":{}{}}})",
                       config_hash(config.text), json_quoted(config.text), build_version(),
                       simulated, moment == ConfigMoment::reload ? R"(,"reload":true)" : "");
}

}  // namespace tape::app
