// Whether the sandbox could be the bottleneck of a test: ten thousand VMs and a hundred running
// tasks on one core. Prints one JSON object: calls a second of one thread, by kind of call, and the
// share of a core that a hundred copying clones take by themselves.
//
//     sandbox_bench

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <ctime>

#include "consumers/runtime/clock.h"
#include "consumers/runtime/error.h"
#include "ops/sandbox/sandbox.h"
#include "ops/sandbox/state_file.h"

namespace slipway::sandbox {
namespace {

constexpr int vms = 10'000;
constexpr int tasks = 100;
constexpr std::chrono::seconds per_kind{2};

class Bench {
  public:
    Bench() {
        std::string state =
            "nodes: [{name: pve1}, {name: pve2}]\n"
            "storages: [{name: local, size_gib: 1000000, content: [images]}]\n"
            "guests:\n  - {vmid: 9000, template: true, storage: local, disk_gib: 32}\n";
        for (int i = 0; i < vms; ++i)
            state += fmt::format("  - {{vmid: {}, storage: local, running: true}}\n", 100'000 + i);
        Beginning beginning = read_state(state, clock_, {});
        token_ = beginning.token;
        sandbox_ = std::make_unique<Sandbox>(clock_, std::move(beginning.cluster));
        for (int i = 0; i < tasks; ++i)
            call("POST",
                 "/nodes/pve1/qemu/9000/clone",
                 fmt::format("newid={}&full=1&bwlimit=1024", 200'000 + i));
    }

    std::size_t guests() const { return sandbox_->cluster().guests.size(); }
    std::size_t running() const { return sandbox_->cluster().tasks.running(); }

    Answer call(const std::string& method, const std::string& path, const std::string& form = "") {
        Request request{.method = method, .target = "/api2/json" + path};
        request.headers = {{"Authorization", "PVEAPIToken=" + token_}};
        request.body = form;
        return sandbox_->answer(request).value_or(Answer{.status = 0});
    }

    double per_second(const std::string& method, const std::string& path, const std::string& form) {
        const auto began = std::chrono::steady_clock::now();
        int count = 0;
        while (std::chrono::steady_clock::now() - began < per_kind) {
            const std::string id = std::to_string(100'000 + count++ % vms);
            std::string filled = path;
            if (const auto at = filled.find("{}"); at != std::string::npos)
                filled.replace(at, 2, id);
            const Answer answer = call(method, filled, form);
            if (answer.status != 200)
                throw Error(fmt::format("{} {}: {}", method, filled, answer.reason));
        }
        return count / std::chrono::duration<double>(per_kind).count();
    }

    // Processor time that the running tasks take when nobody asks for anything but the time.
    double share_of_tasks() {
        const auto began = std::chrono::steady_clock::now();
        const std::clock_t used = std::clock();
        double slept = 0;
        while (slept < 3) {
            const timespec nap{.tv_sec = 0, .tv_nsec = 20'000'000};
            nanosleep(&nap, nullptr);
            sandbox_->catch_up();
            slept = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        }
        return static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC / slept;
    }

  private:
    SystemClock clock_;
    std::unique_ptr<Sandbox> sandbox_;
    std::string token_;
};

void run() {
    Bench bench;
    const std::string vm = "/nodes/pve1/qemu/{}";
    fmt::print("{{\"vms\": {}, \"tasks\": {}", bench.guests(), bench.running());
    fmt::print(", \"share_of_tasks\": {:.4f}", bench.share_of_tasks());
    const auto measure = [&](const char* name,
                             const char* method,
                             const std::string& path,
                             const std::string& form = "") {
        fmt::print(", \"{}\": {:.0f}", name, bench.per_second(method, path, form));
    };
    measure("version", "GET", "/version");
    measure("status", "GET", vm + "/status/current");
    measure("config", "GET", vm + "/config");
    measure("put_config", "PUT", vm + "/config", "description=x&cores=2");
    measure("start", "POST", vm + "/status/start");
    measure("task_list", "GET", "/nodes/pve1/tasks?source=all&limit=500");
    measure("nextid", "GET", "/cluster/nextid");
    measure("resources", "GET", "/cluster/resources?type=vm");
    fmt::print("}}\n");
}

}  // namespace
}  // namespace slipway::sandbox

int main() {
    slipway::sandbox::run();
    return 0;
}
