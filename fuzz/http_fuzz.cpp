// HTTP requests of any kind put to the server's router: method, path, query, headers and body come
// from the input, one a line. Whatever is asked, the answer is a response with a known status.
#include <array>
#include <string_view>

#include "base/result.h"
#include "serve/api.h"
#include "serve/guard.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace tape;
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    const auto line = [&rest] {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view taken = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        return std::string(taken);
    };
    net::Request request{.method = line()};
    request.path = line();
    request.query = line();
    for (const char* name : {"Host", "Origin", "Accept-Encoding", "Content-Type"})
        request.headers.emplace_back(name, line());
    request.body = rest;

    static const serve::Recent recent{serve::RecentOptions{}};
    serve::Backend backend;
    backend.status_json = [] { return std::string("{}"); };
    backend.ready = [] { return std::pair(true, std::string()); };
    backend.sql = [](std::string, i64) -> Result<std::string> { return std::string("{}"); };
    backend.reload = []() -> Result<std::string> { return std::string("nothing"); };
    backend.backfill = [](const std::string&) -> Result<std::string> { return std::string(); };
    static_cast<void>(serve::refusal(request, serve::Exposure::needs_own_origin));
    static_cast<void>(serve::parse_listen(request.path));
    static_cast<void>(net::parse_url(request.body));
    serve::Answer answer = serve::answer(request, recent, backend);
    ensure(answer.work || (answer.response.status >= 200 && answer.response.status < 600),
           "a response has a status");
    if (answer.work) answer.response = answer.work();
    serve::finish(answer.response, request);
    ensure(!answer.route.empty(), "a route has a name");
    return 0;
}
