// A session as a fault script has it: the venue's own, with frames and connection tampered with.
#pragma once

#include <memory>
#include <string>

#include "sim/faults.h"

namespace tape::sim {

/// `inner` with the faults of frames and connections. `target` is what the client asked for in its
/// handshake; `faults` outlive the session, and sessions of one venue share them.
std::unique_ptr<Session> make_faulty(std::unique_ptr<Session> inner, VenueFaults& faults,
                                     std::string target, Nanos now);

}  // namespace tape::sim
