// Gives disk space back: whole sealed segments, oldest first. The newest segment always stays,
// because its name says where the log goes on.
#include <fcntl.h>

#include <algorithm>
#include <system_error>

#include "log/lock.h"
#include "log/log.h"
#include "log/positions.h"
#include "log/segment.h"

namespace tape::log {

namespace fs = std::filesystem;

namespace {

struct Sealed {
    Offset base, next;  // `next`: where the following segment starts.
    i64 size{};
    std::optional<Nanos> last_ts;  // Nothing in a damaged segment: then age does not tell.
};

// All but the newest, oldest first.
Result<std::vector<Sealed>> list_sealed(const fs::path& folder) {
    const Result<std::vector<Offset>> bases = list_segments(folder);
    if (!bases) return bases.error();
    std::vector<Sealed> all;
    for (std::size_t i = 0; i + 1 < bases->size(); ++i) {
        const Result<File> file = File::open(segment_path(folder, (*bases)[i]), O_RDONLY);
        if (!file) return file.error();
        const Result<i64> size = file->size();
        if (!size) return size.error();
        const Result<std::optional<Seal>> seal = read_seal(*file, (*bases)[i]);
        if (!seal) return seal.error();
        all.push_back({(*bases)[i], (*bases)[i + 1], *size,
                       *seal ? std::optional((*seal)->last_ts) : std::nullopt});
    }
    return all;
}

}  // namespace

Result<i64> apply_retention(const fs::path& folder, const RetentionOptions& options, Nanos now) {
    const Result<std::vector<Sealed>> sealed = list_sealed(folder);
    if (!sealed) return sealed.error();
    const Result<std::optional<Offset>> unread =
        options.drop_unread ? std::optional<Offset>() : lowest_position(folder);
    if (!unread) return unread.error();
    i64 total = 0;
    for (const Sealed& segment : *sealed) total += segment.size;
    i64 freed = 0;
    for (const Sealed& segment : *sealed) {
        const bool old =
            options.max_age && segment.last_ts && *segment.last_ts < now - *options.max_age;
        const bool too_much = options.max_bytes && total - freed > *options.max_bytes;
        const bool wanted = *unread && **unread < segment.next;
        if (wanted || !(old || too_much)) break;
        if (auto removed = remove_file(segment_path(folder, segment.base)); !removed)
            return removed.error();
        if (auto removed = remove_file(damage_note_path(folder, segment.base)); !removed)
            return removed.error();
        freed += segment.size;
    }
    if (freed == 0) return 0;
    if (auto synced = sync_folder(folder); !synced) return synced.error();
    return freed;
}

Result<std::vector<std::string>> list_partitions(const fs::path& root) {
    std::vector<std::string> names;
    std::error_code code;
    fs::directory_iterator entry(root, code);
    for (; !code && entry != fs::directory_iterator(); entry.increment(code))
        if (entry->is_directory() && is_partition(entry->path()))
            names.push_back(entry->path().filename().string());
    if (code) return file_error("list", root, code.value());
    std::ranges::sort(names);
    return names;
}

}  // namespace tape::log
