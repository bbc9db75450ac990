#include "consumers/proxmox/task_board.h"

#include <algorithm>

#include "consumers/runtime/at_end.h"

namespace slipway {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

// Nobody asks about it any more.
constexpr nanoseconds forgotten_after = 10min;

// A node's own index of ended tasks holds about two thousand.
constexpr std::int64_t list_most = 5'000;

}  // namespace

TaskBoard::TaskBoard(ProxmoxCluster& cluster, std::chrono::milliseconds fresh_for)
    : cluster_(cluster), fresh_for_(fresh_for) {}

std::optional<TaskStatus> TaskBoard::status(const Upid& upid) {
    std::unique_lock lock(mutex_);
    Node& node = nodes_[upid.node];
    // What has ended stays so, whatever became of its node.
    if (const auto known = node.tasks.find(upid.text);
        known != node.tasks.end() && !known->second.running) {
        node.asked.erase(upid.text);
        return known->second;
    }
    node.asked[upid.text] = cluster_.clock().since_boot();
    while (!is_fresh(node, upid)) {
        if (!node.reading) {
            read(lock, upid.node);
            break;
        }
        // A node that hangs holds one of us, not all.
        if (node.error) throw ProxmoxError(*node.error);
        if (const auto known = node.tasks.find(upid.text); known != node.tasks.end())
            return known->second;
        read_.wait(lock);
    }
    if (node.error) throw ProxmoxError(*node.error);
    const auto found = node.tasks.find(upid.text);
    if (found != node.tasks.end()) {
        if (!found->second.running) node.asked.erase(upid.text);
        return found->second;
    }
    // Not listed: too new, too old, or not ours to see in a list. Its own status says which.
    lock.unlock();
    return task_status({cluster_}, upid);
}

bool TaskBoard::is_fresh(const Node& node, const Upid& upid) const {
    return node.read_at && cluster_.clock().since_boot() - *node.read_at < fresh_for_ &&
           (node.error || node.read_since <= upid.started);
}

// Without the lock while the node is asked.
void TaskBoard::read(std::unique_lock<std::mutex>& lock, const std::string& name) {
    Node& node = nodes_[name];  // a map's elements stay where they are
    node.reading = true;
    const nanoseconds now = cluster_.clock().since_boot();
    std::erase_if(node.asked, [&](const auto& one) { return now - one.second > forgotten_after; });
    const Time since = oldest_asked(node);
    lock.unlock();
    // Whatever happens: nobody waits for what does not come.
    const AtEnd end([&] {
        if (!lock.owns_lock()) lock.lock();
        node.reading = false;
        read_.notify_all();
    });
    std::map<std::string, TaskStatus> tasks;
    std::optional<ProxmoxError> error;
    try {
        for (TaskStatus& task : task_list({cluster_}, name, {.most = list_most, .since = since})) {
            std::string text = task.upid.text;
            tasks.insert_or_assign(std::move(text), std::move(task));
        }
    } catch (const ProxmoxError& failed) {
        error = failed;
    }
    lock.lock();
    if (!error) node.tasks = std::move(tasks);
    node.error = std::move(error);
    node.read_at = cluster_.clock().since_boot();
    node.read_since = since;
}

Time TaskBoard::oldest_asked(const Node& node) {
    Time oldest = Time::max();
    for (const auto& [text, when] : node.asked) oldest = std::min(oldest, parse_upid(text).started);
    return oldest;
}

}  // namespace slipway
