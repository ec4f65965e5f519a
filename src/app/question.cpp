#include "app/question.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "app/table_text.h"
#include "net/http_call.h"

namespace tape::app {

Result<sinks::QueryResult> ask(const Place& place, const std::string& statement, i64 limit) {
    const auto config = config_of(place);
    if (!config) return config.error();
    const DataFolder folder(config->data, *config);
    if (const auto kind = folder.kind(); !kind) return kind.error();
    if (!folder.holder(Role::process)) {
        const auto warehouse = sinks::Warehouse::open_read_only(folder.paths().warehouse, {});
        if (!warehouse) return warehouse.error();
        return (*warehouse)->query(statement, {.rows = limit});
    }
    const nlohmann::json question = {{"sql", statement}, {"limit", limit}};
    const auto answer = tell(folder, Role::process, "/api/v1/sql", question.dump());
    if (!answer) return answer.error();
    const auto json = nlohmann::json::parse(*answer, nullptr, false);
    if (!json.is_object()) return external_error("the answer is no JSON object", Retry::never);
    return result_of_json(json);
}

Result<std::string> tell(const DataFolder& folder, Role role, const std::string& path,
                         const std::string& json) {
    if (const auto kind = folder.kind(); !kind) return kind.error();
    const std::string root = folder.root().string();
    const auto address = folder.holder(role);
    if (!address) return user_error(fmt::format("no process works on '{}'", root));
    if (address->empty())
        return user_error(fmt::format(
            "the process that works on '{}' serves no HTTP; start it with --listen", root));
    auto answer = net::http_post(fmt::format("http://{}{}", *address, path), json);
    if (!answer) return answer.error();
    if (answer->status / 100 == 2) return std::move(answer->body);
    const auto words = nlohmann::json::parse(answer->body, nullptr, false);
    return user_error(words.is_object() ? words.value("error", answer->body) : answer->body);
}

}  // namespace tape::app
