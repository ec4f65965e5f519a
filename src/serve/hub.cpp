#include "serve/hub.h"

#include <algorithm>

#include "base/log.h"
#include "market/codec.h"

namespace tape::serve {
namespace {

constexpr i64 records_per_poll =
    10'000;  // Of each partition: some ten milliseconds of the server's thread.

}  // namespace

Hub::Hub(std::filesystem::path root, i64 history_records, Recent& recent)
    : root_(std::move(root)), history_records_(history_records), recent_(recent) {}

void Hub::find_partitions() {
    if (std::error_code error; !std::filesystem::is_directory(root_, error))
        return;  // Nothing was derived yet.
    const auto partitions = log::list_partitions(root_);
    if (!partitions) {
        log_warn("the page finds no derived log: {}", partitions.error().what);
        return;
    }
    for (const std::string& partition : *partitions) {
        if (readers_.contains(partition)) continue;
        if (const auto opened = open(partition); !opened)
            log_warn("the page cannot follow '{}': {}", partition, opened.error().what);
    }
}

Result<void> Hub::open(const std::string& partition) {
    auto reader = log::LogReader::open(root_ / partition);
    if (!reader) return reader.error();
    const auto end = (*reader)->end();
    if (!end) return end.error();
    if (const auto sought = (*reader)->seek({std::max<i64>(0, end->value - history_records_)});
        !sought)
        return sought.error();
    readers_[partition] = std::move(*reader);
    return {};
}

bool Hub::poll(Nanos now) {
    bool more = false;
    for (auto at = readers_.begin(); at != readers_.end();) {
        const auto count = read_some(*at->second, now);
        if (!count) {
            log_warn("the page lost '{}' and opens it anew: {}", at->first, count.error().what);
            at = readers_.erase(at);
            continue;
        }
        more |= *count >= records_per_poll;
        ++at;
    }
    return more;
}

Result<i64> Hub::read_some(log::LogReader& reader, Nanos now) {
    i64 count = 0;
    while (count < records_per_poll) {
        const auto records = reader.read(records_per_poll - count);
        if (!records) {
            const auto hole = reader.skip_damage();
            if (!hole) return records.error();
            log_warn("the page passes over damage: {}", records.error().what);
            continue;
        }
        if (records->empty()) break;
        for (const log::Record& record : *records) take(record);
        lag_ = std::max(now - records->back().ts_recv, Nanos{0});
        last_record_ = now;
        count += static_cast<i64>(records->size());
    }
    return count;
}

void Hub::take(const log::Record& record) {
    const auto refuse = [&record](const Error& error) {
        log_warn("the page cannot read derived record {}: {}", record.offset.value, error.what);
    };
    if (record.kind == log::RecordKind::tick) {
        if (const auto tick = decode_tick(record.payload, recent_.instruments()); tick)
            recent_.add(*tick);
        else
            refuse(tick.error());
    } else if (record.kind == log::RecordKind::window) {
        if (auto row = decode_window(record.payload, recent_.instruments()); row)
            recent_.add(std::move(*row));
        else
            refuse(row.error());
    } else if (record.kind == log::RecordKind::gap_row) {
        if (auto gap = decode_gap(record.payload); gap)
            recent_.add(std::move(*gap));
        else
            refuse(gap.error());
    }
}

}  // namespace tape::serve
