#include "app/status.h"

#include <nlohmann/json.hpp>

#include "app/version.h"
#include "stream/watermark.h"

namespace tape::app {
namespace {

using Json = nlohmann::ordered_json;

Json time_or_null(Nanos time) {
    return time.count > 0 ? Json(format_rfc3339(time)) : Json();
}

Json of_slot(const feed::SlotStatus& slot) {
    return {{"slot", slot.slot},
            {"venue", slot.venue},
            {"connected", slot.connected},
            {"address", slot.address},
            {"cause", slot.cause},
            {"paused", slot.paused},
            {"session", slot.session},
            {"frames", slot.frames},
            {"stale", slot.stale},
            {"last_recv", time_or_null(slot.last_recv)},
            {"mute", slot.mute},
            {"replacing", slot.replacing},
            {"backfills", slot.backfills},
            {"polls", slot.polls},
            {"next_poll", time_or_null(slot.next_poll)}};
}

Json of_sink(const sinks::SinkStatus& sink) {
    return {
        {"name", sink.name},       {"running", sink.running},         {"rows", sink.rows},
        {"commits", sink.commits}, {"lag_records", sink.lag_records}, {"error", sink.last_error}};
}

}  // namespace

std::string status_json(const LineStatus& status) {
    Json json = {{"version", build_version()}, {"simulated", status.simulated},
                 {"sources", Json::array()},   {"partitions", Json::array()},
                 {"sinks", Json::array()},     {"windows", Json::array()}};
    std::map<std::string, Json> partitions;
    for (const feed::SlotStatus& slot : status.slots) {
        json["sources"].push_back(of_slot(slot));
        partitions[slot.slot] = {{"name", slot.slot},
                                 {"readable", slot.readable.value},
                                 {"durable", slot.durable.value}};
    }
    for (const stream::TaskStatus& task : status.tasks) {
        Json& partition = partitions[task.partition];
        partition["name"] = task.partition;
        if (!partition.contains("readable")) partition["readable"] = task.raw_end.value;
        partition["processed"] = task.input.value;
        partition["lag_records"] = task.lag();
        partition["derived"] = task.output.value;
        partition["watermark"] = task.watermark == stream::Watermark::none
                                     ? Json()
                                     : Json(format_rfc3339(task.watermark));
        partition["error"] = task.error;
    }
    for (auto& [name, partition] : partitions) json["partitions"].push_back(std::move(partition));
    for (const sinks::SinkStatus& sink : status.sinks) json["sinks"].push_back(of_sink(sink));
    for (const WindowConfig& window : status.config->windows)
        json["windows"].push_back({{"name", window.name},
                                   {"size", format_duration(window.size)},
                                   {"slide", format_duration(window.slide.value_or(window.size))}});
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::pair<bool, std::string> readiness(const LineStatus& status) {
    for (const feed::SlotStatus& slot : status.slots)
        if (slot.paused) return {false, slot.slot + ": capture is paused, the disk is full"};
    for (const stream::TaskStatus& task : status.tasks)
        if (!task.error.empty()) return {false, task.partition + ": " + task.error};
    for (const sinks::SinkStatus& sink : status.sinks)
        if (!sink.running)
            return {false,
                    sink.name + ": " + (sink.last_error.empty() ? "stopped" : sink.last_error)};
    bool connected = status.slots.empty();
    for (const feed::SlotStatus& slot : status.slots) connected |= slot.connected;
    return connected ? std::pair{true, std::string()}
                     : std::pair{false, std::string("no exchange is connected")};
}

}  // namespace tape::app
