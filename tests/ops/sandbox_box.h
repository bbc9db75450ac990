#pragma once
// A sandbox on a simulated clock, for tests: asked in one line, and time passes when it must.

#include <memory>
#include <string>

#include "ops/sandbox/sandbox.h"
#include "ops/sandbox/state_file.h"
#include "tests/story/sim_clock.h"

namespace slipway::sandbox {

inline const std::string vms = "/nodes/pve1/qemu";

inline std::string vm(int id, const std::string& rest = "") {
    return vms + "/" + std::to_string(id) + rest;
}

class Box {
  public:
    explicit Box(const std::string& state = default_state(), std::uint64_t seed = 1) {
        Beginning beginning = read_state(state, clock, {.seed = seed});
        sandbox = std::make_unique<Sandbox>(clock, std::move(beginning.cluster));
        sandbox->misbehaviour() = beginning.misbehaviour;
        token = beginning.token;
    }

    Answer ask(const std::string& method, const std::string& path, const std::string& form = "") {
        Request request{.method = method, .target = "/api2/json" + path};
        request.headers = {{"Authorization", "PVEAPIToken=" + token}};
        const bool in_body = method == "POST" || method == "PUT";
        if (in_body) request.body = form;
        if (!in_body && !form.empty()) request.target += "?" + form;
        return sandbox::ask(*sandbox, request, [&](Duration time) { clock.advance(time); });
    }

    Json data(const std::string& method, const std::string& path, const std::string& form = "") {
        const Answer answer = ask(method, path, form);
        return answer.body.empty() ? Json() : Json::parse(answer.body)["data"];
    }

    // "200 OK", or what was refused and why.
    std::string line(const std::string& method,
                     const std::string& path,
                     const std::string& form = "") {
        const Answer answer = ask(method, path, form);
        return std::to_string(answer.status) + " " + answer.reason;
    }

    // Starts a task and lets time pass until it ends: its exit status, or why it did not start.
    std::string task(const std::string& method,
                     const std::string& path,
                     const std::string& form = "") {
        const Answer answer = ask(method, path, form);
        if (answer.status != 200) return std::to_string(answer.status) + " " + answer.reason;
        return end_of(Json::parse(answer.body)["data"]);
    }

    std::string end_of(const std::string& upid) {
        for (;;) {
            sandbox->catch_up();
            const Task* task = sandbox->cluster().tasks.find(upid);
            if (!task) return "no such task";
            if (!task->runs()) return task->status;
            clock.advance(std::chrono::milliseconds(100));
        }
    }

    SimClock clock;
    std::unique_ptr<Sandbox> sandbox;
    std::string token;
};

}  // namespace slipway::sandbox
