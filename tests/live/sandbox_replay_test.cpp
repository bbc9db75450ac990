// Recorded requests and the answers that real Proxmox VE gave to them, replayed against
// `slipway sandbox`.
//
// Those that do not agree stand in sandbox_replay_differs.txt, each with its reason. The list is
// exact: whatever is neither on it nor agrees fails the test, and so does an entry that agrees.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/live/reference.h"
#include "tests/live/sandbox_process.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr double least_share = 0.9;

// What section 6 of the recordings' description wants: one node, one that is down, two directories.
constexpr const char* state = R"(nodes:
  - {name: pve1}
  - {name: pve2, online: false}
storages:
  - {name: local, path: /var/lib/vz, content: [images, rootdir, backup, iso, vztmpl, snippets, import]}
  - {name: local2, path: /var/lib/vz2, content: [images, backup]}
)";

std::optional<std::string> cannot_replay() {
    for (const char* file : {"replay.py", "pve-recorded.jsonl"})
        if (auto why = missing_reference(file)) return why;
    if (find_program("python3").empty()) return "there is no python3";
    return SlipwayProcess::missing();
}

// "name: reason" per line.
std::map<std::string, std::string> expected_to_differ() {
    std::ifstream file("tests/live/sandbox_replay_differs.txt");
    std::map<std::string, std::string> listed;
    for (std::string line; std::getline(file, line);) {
        const std::size_t colon = line.find(": ");
        if (!line.starts_with('#') && colon != std::string::npos)
            listed[line.substr(0, colon)] = line.substr(colon + 2);
    }
    return listed;
}

nlohmann::json replayed(const SandboxProcess& sandbox) {
    const TempFolder folder;
    const auto report = folder.path() / "report.json";
    run_to_end({.program = find_program("python3"),
                .arguments = {reference_file("replay.py"),
                              "--url",
                              sandbox.url(),
                              "--insecure",
                              "--token",
                              sandbox.token(),
                              "--root-password",
                              sandbox.password(),
                              "--offline-node",
                              "pve2",
                              "--report",
                              report,
                              reference_file("pve-recorded.jsonl")},
                .output = folder.path() / "output"},
               10min);
    std::ifstream file(report);
    return nlohmann::json::parse(file);
}

TEST(SandboxReplay, AnswersAsProxmoxDid) {
    if (auto why = cannot_run(cannot_replay())) GTEST_SKIP() << *why;
    SandboxProcess sandbox(state, 10);
    std::map<std::string, std::string> listed = expected_to_differ();

    const nlohmann::json report = replayed(sandbox);

    int agreeing = 0;
    int scored = 0;
    for (const auto& result : report["results"]) {
        const std::string name = result["name"];
        // The recording's state cannot be brought about by calls, against any server.
        if (result["result"] == "unreachable" && result["kind"] == "nature") continue;
        ++scored;
        const bool agrees = result["result"] == "agrees";
        agreeing += agrees ? 1 : 0;
        const bool is_listed = listed.erase(name) > 0;
        EXPECT_FALSE(agrees && is_listed) << name << " agrees: take it off the list";
        EXPECT_TRUE(agrees || is_listed)
            << name << ": " << result.value("differences", nlohmann::json()).dump()
            << result.value("why", "");
    }
    for (const auto& [name, reason] : listed)
        ADD_FAILURE() << name << " is on the list and was not replayed";
    std::cout << agreeing << " of " << scored << " recordings agree\n";
    EXPECT_GE(scored, 536);
    EXPECT_GE(agreeing, least_share * scored);
    EXPECT_TRUE(sandbox.running()) << sandbox.errors();
}

}  // namespace
}  // namespace slipway
