// Whether a stream's silence is news. Each stream has a usual distance between two hearings; one
// that is silent for many times as long is suspicious, but a market may just be quiet: only when
// the venue itself says over REST that there were trades since, the stream is mute. Pure: times are
// given, and somebody else asks.
#pragma once

#include "base/time.h"

namespace tape::feed {

class Liveness final {
 public:
    struct Options {
        Nanos silence_min = seconds(10);  // Never suspicious before.
        Nanos silence_unknown =
            seconds(60);  // Suspicious of a stream that was heard too rarely to know its pace.
        Nanos margin = seconds(3);  // So long a trade may be under way.
    };
    explicit Liveness(const Options& options) : options_(options) {}

    /// The stream was subscribed on a new connection: silence counts from `now`.
    void on_connected(Nanos now);
    /// The stream was heard; only the first time after a tick matters.
    void on_heard(Nanos now);
    bool heard_since_tick() const { return heard_; }

    /// What is to be done about the silence: ask whether the market traded (on_answer() is called
    /// then), subscribe anew, or replace the connection.
    enum class Step : u8 { none, ask, resubscribe, replace };
    Step on_tick(Nanos now);
    enum class Market : u8 {
        traded,
        quiet,
        unknown,
        noted,  // When it traded last is known now; only asking again tells whether it goes on.
    };
    void on_answer(Nanos now, Market market);

    /// Found to be silent although the market lives; until it is heard again.
    bool mute() const { return cures_ > 0; }
    /// Between two hearings, on average; zero while unknown.
    Nanos usual_distance() const;

 private:
    Nanos patience() const;

    Options options_;
    Nanos usual_;
    i64 samples_{};
    Nanos from_;  // Of the distance that is being measured; zero: none is.
    bool heard_{};
    Nanos silent_since_;  // Or since it was last looked into.
    enum class State : u8 { calm, asking, accused } state_{};
    Nanos accused_at_;
    i64 quiet_answers_{};  // Of this silence.
    i64 cures_{};          // Tried on this silence.
};

}  // namespace tape::feed
