// TLS as a client: there is no way to leave verification out, only to name other authorities.
#include <fmt/core.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>

#include "net/streams.h"

namespace tape::net {
namespace {

asio::ssl::context client_context(const std::string& ca_file) {
    asio::ssl::context context(asio::ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    error_code error;
    if (ca_file.empty())
        context.set_default_verify_paths(error);
    else
        context.load_verify_file(ca_file, error);
    if (error) fail(fmt::format("cannot read the certificate authorities of '{}'", ca_file), error);
    context.set_verify_mode(asio::ssl::verify_peer);
    return context;
}

// An address is looked for among the certificate's addresses, a name among its names and sent ahead
// (SNI).
void expect_host(SSL* ssl, const std::string& host) {
    error_code not_literal;
    asio::ip::make_address(host, not_literal);
    bool done = false;
    if (!not_literal)
        done = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    else
        done = SSL_set1_host(ssl, host.c_str()) == 1 &&
               SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
    ensure(done, "OpenSSL takes the name to verify");
}

}  // namespace

asio::awaitable<TlsStream> start_tls(PlainStream stream, std::string host, ClientOptions options) {
    asio::ssl::context context =
        client_context(options.ca_file);  // The stream keeps OpenSSL's part of it alive.
    TlsStream secure(std::move(stream), context);
    expect_host(secure.native_handle(), host);
    beast::get_lowest_layer(secure).expires_after(to_chrono(options.timeout));
    error_code error;
    co_await secure.async_handshake(asio::ssl::stream_base::client,
                                    asio::redirect_error(asio::use_awaitable, error));
    if (error) {
        const long verdict = SSL_get_verify_result(secure.native_handle());
        if (verdict != X509_V_OK)
            throw NetError(fmt::format("the certificate of {} is refused: {}", host,
                                       X509_verify_cert_error_string(verdict)));
        fail(fmt::format("TLS with {}", host), error);
    }
    beast::get_lowest_layer(secure).expires_never();
    report(options, ConnectStep::secured, SSL_get_version(secure.native_handle()));
    co_return secure;
}

}  // namespace tape::net
