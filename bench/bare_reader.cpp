// The baseline of the live benchmark: reads WebSocket streams over TLS with Boost.Beast and does
// nothing with them.
//   bare_reader CA_FILE SECONDS HOST:PORT/PATH SUBSCRIPTION [HOST:PORT/PATH SUBSCRIPTION …]
// Prints one JSON line: messages, bytes and CPU seconds.
#include <fmt/core.h>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <memory>
#include <string>

#include "ratio.h"

namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

using Stream = beast::websocket::stream<beast::ssl_stream<beast::tcp_stream>>;

struct Totals {
    long messages = 0, bytes = 0;
};

asio::awaitable<void> read_all(asio::ssl::context* tls, std::string address,
                               std::string subscription, Totals* totals) {
    const auto slash = address.find('/'), colon = address.find(':');
    const std::string host = address.substr(0, colon);
    const std::string path = slash == std::string::npos ? "/" : address.substr(slash);
    const auto port = static_cast<unsigned short>(std::stoi(address.substr(colon + 1)));
    const auto executor = co_await asio::this_coro::executor;
    Stream stream(executor, *tls);
    asio::ip::tcp::endpoint endpoint(asio::ip::make_address(host), port);
    co_await beast::get_lowest_layer(stream).async_connect(endpoint, asio::use_awaitable);
    co_await stream.next_layer().async_handshake(asio::ssl::stream_base::client,
                                                 asio::use_awaitable);
    co_await stream.async_handshake(host, path, asio::use_awaitable);
    co_await stream.async_write(asio::buffer(subscription), asio::use_awaitable);
    beast::flat_buffer buffer;
    for (;;) {
        const std::size_t size = co_await stream.async_read(buffer, asio::use_awaitable);
        totals->messages += 1;
        totals->bytes += static_cast<long>(size);
        buffer.consume(buffer.size());
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    asio::ssl::context tls(asio::ssl::context::tls_client);
    tls.load_verify_file(argv[1]);
    tls.set_verify_mode(asio::ssl::verify_peer);
    asio::io_context io(1);
    Totals totals;
    for (int i = 3; i + 1 < argc; i += 2) {
        asio::co_spawn(io, read_all(&tls, argv[i], argv[i + 1], &totals),
                       [](std::exception_ptr failure) {
                           if (failure) std::rethrow_exception(failure);
                       });
    }
    const double before = tape::bench::cpu_seconds();
    io.run_for(std::chrono::seconds(std::stoi(argv[2])));
    fmt::print("{{\"messages\":{},\"bytes\":{},\"cpu_seconds\":{:.4f}}}\n", totals.messages,
               totals.bytes, tape::bench::cpu_seconds() - before);
}
