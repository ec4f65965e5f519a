// A throw-away certificate authority for tests and the simulator, so that TLS is verified there as
// everywhere else.
#include <fcntl.h>
#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "net/net.h"

namespace tape::net {
namespace {

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Memory = std::unique_ptr<BIO, Freed<BIO_free_all>>;

void add_extension(X509* certificate, X509* issuer, int id, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
    ensure(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1,
           "OpenSSL takes the extension");
    X509_EXTENSION_free(extension);
}

// A certificate of `key` named `name`, not yet signed; `issuer` of null is itself.
Certificate make_certificate(EVP_PKEY* key, const char* name, X509* issuer) {
    constexpr long day_s = 24 * 3600;
    Certificate certificate(X509_new());
    u64 serial = 0;
    ensure(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1,
           "random bytes are to be had");
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()), serial >> 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -day_s);  // Clocks differ.
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 30 * day_s);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(certificate.get(),
                         X509_get_subject_name(issuer == nullptr ? certificate.get() : issuer));
    return certificate;
}

Result<void> write_pem(const std::filesystem::path& path, BIO* memory) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(memory, &text);
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const bool written = file >= 0 && ::write(file, text, static_cast<size_t>(size)) == size;
    const int cause = errno;
    if (file >= 0) ::close(file);
    if (!written)
        return external_error(
            fmt::format("cannot write '{}': {}", path.string(), std::strerror(cause)),
            Retry::never);
    return {};
}

}  // namespace

Result<void> make_test_certificates(const std::string& folder) {
    const std::filesystem::path root(folder);
    std::error_code error;
    std::filesystem::create_directories(root, error);
    if (error)
        return external_error(
            fmt::format("cannot make the folder '{}': {}", folder, error.message()), Retry::never);

    const Key ca_key(EVP_EC_gen("P-256"));
    const Certificate ca =
        make_certificate(ca_key.get(), "Tickertape throw-away authority", nullptr);
    add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign");
    ensure(X509_sign(ca.get(), ca_key.get(), EVP_sha256()) > 0, "OpenSSL signs the authority");

    const Key key(EVP_EC_gen("P-256"));
    const Certificate leaf = make_certificate(key.get(), "localhost", ca.get());
    add_extension(leaf.get(), ca.get(), NID_basic_constraints, "critical,CA:FALSE");
    add_extension(leaf.get(), ca.get(), NID_key_usage, "critical,digitalSignature");
    add_extension(leaf.get(), ca.get(), NID_ext_key_usage, "serverAuth");
    add_extension(leaf.get(), ca.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
    ensure(X509_sign(leaf.get(), ca_key.get(), EVP_sha256()) > 0, "OpenSSL signs the certificate");

    const auto write = [&](const char* name, auto print) -> Result<void> {
        const Memory memory(BIO_new(BIO_s_mem()));
        ensure(print(memory.get()) == 1, "OpenSSL prints PEM");
        return write_pem(root / name, memory.get());
    };
    if (auto r = write("ca.pem", [&](BIO* out) { return PEM_write_bio_X509(out, ca.get()); }); !r)
        return r;
    if (auto r = write("cert.pem", [&](BIO* out) { return PEM_write_bio_X509(out, leaf.get()); });
        !r)
        return r;
    return write("key.pem", [&](BIO* out) {
        return PEM_write_bio_PKCS8PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
}

}  // namespace tape::net
