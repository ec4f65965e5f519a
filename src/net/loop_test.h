// For tests: runs one coroutine to its end on an io_context, with a bound in time.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <filesystem>

#include "net/net.h"

namespace tape::net {

/// The coroutine's result; its exception is thrown on. A run of more than 20 s fails the test.
template <class T>
T run_to_end(asio::io_context& io, asio::awaitable<T> coroutine) {
    std::optional<T> result;
    std::exception_ptr failure;
    bool done = false;
    asio::co_spawn(io, std::move(coroutine), [&](std::exception_ptr error, T value) {
        failure = error;
        if (!error) result.emplace(std::move(value));
        done = true;
        io.stop();
    });
    io.restart();
    io.run_for(std::chrono::seconds(20));
    if (!done) throw std::runtime_error("the test's coroutine did not end within 20 s");
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
}

/// What the coroutine's exception says, or "" when it ends without one.
template <class T>
std::string failure_of(asio::io_context& io, asio::awaitable<T> coroutine) {
    try {
        run_to_end(io, std::move(coroutine));
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

/// A folder with throw-away certificates, removed at the end.
class CertificateFolder final {
 public:
    CertificateFolder() {
        static int count = 0;
        path_ = std::filesystem::temp_directory_path() /
                ("tape-net-test-" + std::to_string(getpid()) + "-" + std::to_string(count++));
        const auto made = make_test_certificates(path_.string());
        EXPECT_TRUE(made) << (made ? "" : made.error().what);
    }
    ~CertificateFolder() { std::filesystem::remove_all(path_); }
    std::string file(const char* name) const { return (path_ / name).string(); }

 private:
    std::filesystem::path path_;
};

}  // namespace tape::net
