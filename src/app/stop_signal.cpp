#include "app/stop_signal.h"

#include <csignal>
#include <ctime>

namespace tape::app {
namespace {

sigset_t stop_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

}  // namespace

void hold_stop_signals() {
    const sigset_t set = stop_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

void wait_for_stop(Nanos limit, const std::function<void()>& on_hangup) {
    const sigset_t set = stop_signals();
    const Nanos end = steady_clock() + limit;
    for (;;) {
        const Nanos left = limit.count == 0 ? seconds(3600) : end - steady_clock();
        if (left.count <= 0) break;
        const timespec wait{left.count / 1'000'000'000, left.count % 1'000'000'000};
        const int signal = sigtimedwait(&set, nullptr, &wait);
        if (signal == SIGHUP && on_hangup) on_hangup();
        if (signal == SIGINT || signal == SIGTERM) break;
    }
    // Whoever is impatient gets the usual end.
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace tape::app
