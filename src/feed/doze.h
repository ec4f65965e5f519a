// A sleep that somebody else may end.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/time.h"

namespace tape::feed {

namespace asio = boost::asio;

/// Sleeps on `timer`, which outlives that, for `span` or until it is cancelled.
inline asio::awaitable<void> doze(asio::steady_timer& timer, Nanos span) {
    timer.expires_after(std::chrono::nanoseconds(span.count));
    boost::system::error_code ended;  // By time or by cancel(), it does not matter.
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
}

}  // namespace tape::feed
