#pragma once
// A cluster of two endpoints behind a script, and what comes of a call to it, in one line.

#include <optional>
#include <string>
#include <vector>

#include "consumers/proxmox/cluster.h"
#include "tests/consumers/proxmox/scripted_http.h"
#include "tests/story/sim_clock.h"

namespace slipway {

inline const std::string one = "https://pve1:8006";
inline const std::string two = "https://pve2:8006";
inline const std::string ticket_body =
    data_body(R"({"ticket":"PVE:root@pam:1::a+b","CSRFPreventionToken":"1:x"})");

inline ClusterSettings with_token(std::vector<std::string> endpoints = {one, two}) {
    return {.name = "east", .endpoints = std::move(endpoints), .token = "root@pam!slipway=s-e-c"};
}

inline ClusterSettings with_password() {
    return {.name = "east", .endpoints = {one}, .user = "root@pam", .password = "pass word"};
}

struct Talk {
    SimClock clock = {};
    ScriptedHttp http = {};
    ProxmoxCluster cluster;
    std::optional<Deadline> deadline = {};

    explicit Talk(ClusterSettings settings) : cluster(http, clock, std::move(settings)) {}

    std::string call(const PveCall& which, const std::vector<Argument>& arguments) {
        try {
            return cluster.send(which, arguments, deadline).data.dump();
        } catch (const ProxmoxError& error) {
            return std::string(fault_name(error.fault)) + ": " + error.text;
        }
    }
    std::string start() { return call(call_named("vm_start"), {{"node", "pve1"}, {"vmid", 100}}); }
    std::string look() { return call(call_named("version"), {}); }
};

inline const std::string started = "/api2/json/nodes/pve1/qemu/100/status/start";

}  // namespace slipway
