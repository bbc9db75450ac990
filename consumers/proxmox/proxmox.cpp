#include "consumers/proxmox/proxmox.h"

namespace slipway {

Upid upid_in(const PveAnswer& answer, const PveCall& call) {
    try {
        return parse_upid(text_of(answer.data).value_or(""));
    } catch (const Error& error) {
        throw ProxmoxError({.fault = Fault::Unknown,
                            .request = std::string(call.method) + " " + std::string(call.path),
                            .status = 200,
                            .text = error.what()});
    }
}

Upid Proxmox::start(const PveCall& call, const std::vector<Argument>& arguments) const {
    return upid_in(send(call, arguments), call);
}

std::optional<Upid> Proxmox::start_or_do(const PveCall& call,
                                         const std::vector<Argument>& arguments) const {
    const PveAnswer answer = send(call, arguments);
    if (answer.data.is_null()) return std::nullopt;
    return upid_in(answer, call);
}

std::optional<PveAnswer> Proxmox::look(const PveCall& call,
                                       const std::vector<Argument>& arguments) const {
    try {
        return send(call, arguments);
    } catch (const ProxmoxError& error) {
        if (error.fault == Fault::Gone) return std::nullopt;
        throw;
    }
}

std::vector<Argument> at(const VmPlace& place, std::vector<Argument> more) {
    more.push_back({"node", place.node});
    more.push_back({"vmid", place.vmid});
    return more;
}

}  // namespace slipway
