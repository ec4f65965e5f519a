// Subscriptions that were asked for and are not acknowledged yet: some venues acknowledge a request
// by its id alone, so what it asked for has to be remembered from the `sent` record before.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "venues/venue.h"

namespace tape::venues {

class PendingRequests {
 public:
    /// What a request asked for; nothing, if it ends subscriptions. Ids may repeat.
    void add(std::string_view id, std::vector<Connection::Stream> streams);
    /// Of the oldest request with that id, which is then forgotten; null if there is none.
    std::optional<std::vector<Connection::Stream>> take(std::string_view id);
    void clear() { requests_.clear(); }

    void save(std::string& out) const;
    /// False where `state` is damaged.
    bool load(std::string_view& state);

 private:
    struct Request {
        std::string id;
        std::vector<Connection::Stream> streams;
    };
    std::deque<Request> requests_;
};

}  // namespace tape::venues
