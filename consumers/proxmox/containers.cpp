#include "consumers/proxmox/containers.h"

#include <fmt/format.h>

namespace slipway {
namespace {

std::optional<std::string> unless_empty(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

Upid create_container(const Proxmox& pve, const CreateContainer& container) {
    return pve.start(call_named("container_create"),
                     at(container.place,
                        {{"ostemplate", container.os_template},
                         {"rootfs", fmt::format("{}:{}", container.storage, container.disk_gib)},
                         {"hostname", unless_empty(container.hostname)},
                         {"cores", container.cores},
                         {"memory", container.memory_mib},
                         {"net0", unless_empty(container.network)},
                         {"password", unless_empty(container.password)},
                         {"ssh-public-keys", unless_empty(container.ssh_keys)},
                         {"start", container.start},
                         {"unprivileged", container.unprivileged}}));
}

std::optional<std::string> container_status(const Proxmox& pve, const VmPlace& place) {
    const auto answer = pve.look(call_named("container_status"), at(place));
    return answer ? text_at(answer->data, "status") : std::nullopt;
}

}  // namespace slipway
