#pragma once
// The states of tasks, read for all who wait: one list call per node and moment, however many VMs
// ask. Whoever asks while a list is on its way gets what the last one said, be it that the node
// could not be asked; before there was one, he waits for this one.

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "consumers/proxmox/tasks.h"

namespace slipway {

class TaskBoard {
  public:
    explicit TaskBoard(ProxmoxCluster& cluster,
                       std::chrono::milliseconds fresh_for = std::chrono::seconds(1));

    // As task_status(). Throws ProxmoxError if the node cannot be asked: that a task's outcome is
    // not known does not mean that it failed.
    std::optional<TaskStatus> status(const Upid& upid);

  private:
    struct Node {
        std::map<std::string, std::chrono::nanoseconds> asked = {};  // by UPID: when last
        std::map<std::string, TaskStatus> tasks = {};                // as the last list had them
        std::optional<ProxmoxError> error = {};                      // instead of a newer one
        std::optional<std::chrono::nanoseconds> read_at = {};
        Time read_since = {};  // the list holds what has started since then
        bool reading = false;
    };

    bool is_fresh(const Node& node, const Upid& upid) const;
    void read(std::unique_lock<std::mutex>& lock, const std::string& name);
    static Time oldest_asked(const Node& node);

    ProxmoxCluster& cluster_;
    const std::chrono::nanoseconds fresh_for_;

    std::mutex mutex_;
    std::condition_variable read_;
    std::map<std::string, Node> nodes_;
};

}  // namespace slipway
