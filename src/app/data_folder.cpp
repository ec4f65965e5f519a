#include "app/data_folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace tape::app {
namespace {

namespace fs = std::filesystem;

constexpr int folder_format = 1;

std::string_view to_string(DataKind kind) {
    return kind == DataKind::live ? "live" : "simulated";
}

// "file:log" or "duckdb:warehouse.duckdb" below `root`; an absolute path stays.
fs::path resolve(const fs::path& root, const std::string& uri) {
    return root / uri.substr(uri.find(':') + 1);
}

}  // namespace

DataFolder::DataFolder(fs::path root, const Config& config)
    : root_(std::move(root)),
      paths_{.raw = resolve(root_, config.log.uri) / "raw",
             .derived = resolve(root_, config.log.uri) / "derived",
             .checkpoints = root_ / "checkpoints",
             .lake = resolve(root_, config.lake.uri),
             .warehouse = resolve(root_, config.warehouse.uri),
             .symbols = root_ / "symbols.json"} {}

DataFolder::Lock::~Lock() {
    if (descriptor >= 0) ::close(descriptor);
}

fs::path DataFolder::lock_path(Role role) const {
    return root_ / (role == Role::capture ? "capture.lock" : "process.lock");
}

Result<DataKind> DataFolder::kind() const {
    const fs::path file = root_ / "tape.json";
    std::ifstream in(file);
    if (!in)
        return user_error(
            fmt::format("'{}' is no data folder: it has no tape.json", root_.string()));
    const auto json = nlohmann::json::parse(in, nullptr, false);
    if (!json.is_object() || !json.contains("format") || !json["format"].is_number_integer() ||
        !json.contains("kind"))
        return user_error(fmt::format("'{}' is damaged: {}", file.string(),
                                      json.is_discarded() ? "no JSON" : json.dump()));
    if (json["format"] != folder_format)
        return user_error(
            fmt::format("'{}' has format {}, and this build knows {}: use the build that made it, "
                        "or a newer one",
                        root_.string(), json["format"].dump(), folder_format));
    if (json["kind"] == "live") return DataKind::live;
    if (json["kind"] == "simulated") return DataKind::simulated;
    return user_error(
        fmt::format("'{}' names an unknown kind of data: {}", file.string(), json["kind"].dump()));
}

Result<void> DataFolder::claim(DataKind wanted) {
    const fs::path mark = root_ / "tape.json";
    std::error_code failed;
    const auto fails = [&] {
        return external_error(
            fmt::format("cannot write to '{}': {}", root_.string(), failed.message()),
            Retry::never);
    };
    if (!fs::exists(mark, failed)) {
        fs::create_directories(root_, failed);
        if (failed) return fails();
        // Two roles may start at once: what the other one is just making is no foreign content.
        bool foreign = false;
        for (fs::directory_iterator entry(root_, failed), end; !failed && entry != end;
             entry.increment(failed))
            foreign |= !entry->path().filename().string().starts_with(".tape.json.");
        if (failed) return fails();
        if (foreign && !fs::exists(mark, failed))
            return user_error(fmt::format("'{}' is not empty and no data folder of this program",
                                          root_.string()));
        // Whole at once, and only if nobody was quicker.
        const fs::path aside = root_ / fmt::format(".tape.json.{}", ::getpid());
        std::ofstream(aside) << fmt::format("{{\"format\":{},\"kind\":\"{}\"}}\n", folder_format,
                                            to_string(wanted));
        fs::create_hard_link(aside, mark, failed);
        if (failed && failed != std::errc::file_exists) return fails();
        fs::remove(aside, failed);
    }
    const auto found = kind();
    if (!found) return found.error();
    if (*found == wanted) return {};
    return user_error(fmt::format("'{}' holds {} data, not {}: name another folder with --data",
                                  root_.string(), to_string(*found), to_string(wanted)));
}

Result<void> DataFolder::lock(Role role) {
    const fs::path path = lock_path(role);
    Lock held;
    held.descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (held.descriptor < 0)
        return external_error(
            fmt::format("cannot open '{}': {}", path.string(), std::strerror(errno)), Retry::never);
    if (::flock(held.descriptor, LOCK_EX | LOCK_NB) != 0) {
        std::string owner;
        std::getline(std::ifstream(path) >> std::ws, owner);
        return user_error(fmt::format("the data folder '{}' is in use by process {}",
                                      root_.string(), owner.empty() ? "?" : owner));
    }
    locks_[static_cast<int>(role)] = std::move(held);
    announce(role, "");
    return {};
}

void DataFolder::announce(Role role, const std::string& address) const {
    const int descriptor = locks_[static_cast<int>(role)].descriptor;
    ensure(descriptor >= 0, "only the holder of a role announces where it serves");
    const std::string text = fmt::format("{}\n{}\n", ::getpid(), address);
    if (::ftruncate(descriptor, 0) == 0) (void)!::pwrite(descriptor, text.data(), text.size(), 0);
}

std::optional<std::string> DataFolder::holder(Role role) const {
    const fs::path path = lock_path(role);
    Lock probe;
    probe.descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (probe.descriptor < 0 || ::flock(probe.descriptor, LOCK_EX | LOCK_NB) == 0)
        return std::nullopt;
    std::ifstream in(path);
    std::string pid, address;
    std::getline(in, pid);
    std::getline(in, address);
    return address;
}

}  // namespace tape::app
