#pragma once
// What the sub-commands of `slipway pve` share: the cluster that the configuration names, and the
// texts that people write for machines, times and kinds of tasks.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "consumers/http/net_http.h"
#include "consumers/proxmox/tasks.h"
#include "consumers/proxmox/vms.h"
#include "consumers/runtime/config.h"
#include "consumers/runtime/config_keys.h"
#include "ops/slipway/command.h"
#include "ops/slipway/pve_run.h"

namespace slipway {

// A look is waited for no longer than it is of use, but for a second at least. What changes
// something is given its time: if it were cut off, nobody would know what became of it.
class PatientHttp final : public Http {
  public:
    PatientHttp(Http& http, const Clock& clock) : http_(http), clock_(clock) {}

    HttpAnswer send(const HttpRequest& request) override;
    void look_until(std::chrono::nanoseconds since_boot) { until_ = since_boot; }

  private:
    Http& http_;
    const Clock& clock_;
    std::optional<std::chrono::nanoseconds> until_;
};

// The real parts, built by hand. Throws UsageError if the configuration names no cluster.
class PveSession {
  public:
    explicit PveSession(const Config& config);

    const Config config;
    SystemClock clock;
    NetHttp net_http;
    PatientHttp http;
    ProxmoxCluster cluster;
    Proxmox pve;
};

ClusterSettings cluster_settings(const ProxmoxConfig& config);

// As tasks name who began them: "root@pam!slipway", or "root@pam" where there is no token.
std::string acts_as(const ProxmoxConfig& config);

// Of an option such as "--node". Throws UsageError.
void check_node(std::string_view option, const std::string& name);

// "pve1:100". Throws UsageError.
VmPlace parse_place(const std::string& text);
std::vector<VmPlace> parse_places(const std::vector<std::string>& texts);

// "2h" before now, or a time as RFC 3339 has it. Throws UsageError.
Time parse_since(const std::string& text, Time now);

// The value of an option, a duration as the configuration has them. Throws UsageError.
std::chrono::milliseconds parse_time(std::string_view option,
                                     const std::string& text,
                                     const Limits& limits);

// Those of a key of the configuration.
Limits limits_of(std::string_view key);

// How long a task of that type ("qmclone") is watched.
std::chrono::milliseconds limit_for(const TaskLimitsConfig& limits, std::string_view task_type);

RunSettings run_settings(const PveConfig& config);

// Options that several sub-commands have.
struct RunOptions {
    std::string interval;  // empty: as configured
    std::string timeout;
    int at_once = 0;
    bool json = false;
};
void add_run_options(CLI::App* command, RunOptions& options);

// Does it, shows it live, and answers the exit code.
int run_actions(PveSession& session, std::vector<PveAction> actions, const RunOptions& options);

void add_pve_task_commands(CLI::App* pve, Context& context);
void add_pve_machine_commands(CLI::App* pve, Context& context);

}  // namespace slipway
