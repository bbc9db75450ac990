// What we send and what we read, held against Proxmox itself: its own description of its API, and
// answers that its own code gave.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "consumers/proxmox/containers.h"
#include "consumers/proxmox/drive.h"
#include "consumers/proxmox/firewall.h"
#include "consumers/proxmox/nic.h"
#include "consumers/proxmox/snapshots.h"
#include "consumers/proxmox/storage.h"
#include "consumers/proxmox/tasks.h"
#include "tests/consumers/proxmox/scripted_http.h"
#include "tests/live/reference.h"
#include "tests/live/skipping.h"
#include "tests/story/sim_clock.h"

namespace slipway {
namespace {

constexpr const char* api_file = "pve-api.json";
constexpr const char* recorded_file = "pve-recorded.jsonl";
constexpr const char* classes_file = "tests/consumers/proxmox/recorded_classes.txt";

// "GET /nodes/{node}/qemu" -> its description.
std::map<std::string, JsonValue> described_calls() {
    std::ifstream in(reference_file(api_file));
    std::map<std::string, JsonValue> calls;
    for (JsonValue& call : JsonValue::parse(in)) {
        const std::string name =
            call["method"].get<std::string>() + " " + call["path"].get<std::string>();
        calls[name] = std::move(call);
    }
    return calls;
}

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(at), text.size());
        parts.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

std::string type_in_api(const std::string& ours) {
    if (ours == "int") return "integer";
    if (ours == "bool") return "boolean";
    if (ours == "number") return "number";
    return "string";
}

// What is wrong with one row of our table; empty if nothing is.
std::string wrong_with(const PveCall& call, const JsonValue& described) {
    std::string wrong;
    const JsonValue& parameters = described["params"];
    std::set<std::string> ours;
    for (const std::string& one : split(call.parameters, ' ')) {
        const auto parts = split(one, ':');
        ours.insert(parts[0]);
        if (!parameters.contains(parts[0])) {
            wrong += " has no " + parts[0];
            continue;
        }
        const std::string type = parameters[parts[0]]["type"];
        if (type != type_in_api(parts.size() > 1 ? parts[1] : ""))
            wrong += " takes " + parts[0] + " as " + type;
    }
    for (const auto& [name, parameter] : parameters.items()) {
        const bool needed = parameter.value("optional", 0) == 0;
        const bool in_path = call.path.find("{" + name + "}") != std::string_view::npos;
        if (needed && !in_path && !ours.contains(name)) wrong += " needs " + name;
    }
    const bool token_may = described["token"] != 0;
    if (!token_may && !call.ticket_only && call.name != "log_in") wrong += " is not for tokens";
    return wrong;
}

TEST(PveApi, HasEveryCallAndParameterThatWeSend) {
    if (auto why = cannot_run(missing_reference(api_file))) GTEST_SKIP() << *why;
    const auto described = described_calls();

    ASSERT_GT(described.size(), 600U);
    for (const PveCall& call : pve_calls()) {
        const std::string name = fmt::format("{} {}", call.method, call.path);
        const auto found = described.find(name);
        if (found == described.end())
            ADD_FAILURE() << call.name << ": Proxmox has no " << name;
        else
            EXPECT_EQ(wrong_with(call, found->second), "") << call.name;
    }
}

TEST(PveApi, WouldMissWhatIsWrong) {
    if (auto why = cannot_run(missing_reference(api_file))) GTEST_SKIP() << *why;
    const auto described = described_calls();
    const JsonValue& clone = described.at("POST /nodes/{node}/qemu/{vmid}/clone");
    const PveCall wrong{"x", "POST", "/nodes/{node}/qemu/{vmid}/clone", "name full:int nme"};

    EXPECT_EQ(wrong_with(wrong, clone), " takes full as boolean has no nme needs newid");
}

TEST(PveApi, HasTheModelsOfInterfacesThatWeKnow) {
    if (auto why = cannot_run(missing_reference(api_file))) GTEST_SKIP() << *why;
    const auto described = described_calls();
    const JsonValue& net =
        described.at("PUT /nodes/{node}/qemu/{vmid}/config")["params"]["net[n]"]["props"];

    for (const JsonValue& model : net["model"]["enum"])
        EXPECT_NO_THROW(parse_nic(model.get<std::string>())) << model;
    EXPECT_EQ(net["model"]["enum"].size(), 14U);
}

struct Recorded {
    std::string name;
    std::string request;  // method and path
    HttpAnswer answer;
    std::string exit_status;  // of its task; empty if there is none
};

std::vector<Recorded> recordings() {
    std::ifstream in(reference_file(recorded_file));
    std::vector<Recorded> all;
    for (std::string line; std::getline(in, line);) {
        const JsonValue entry = JsonValue::parse(line);
        const JsonValue& response = entry["response"];
        const JsonValue& body = response["body"];
        all.push_back(
            {.name = entry["name"],
             .request = fmt::format("{} {}",
                                    entry["request"]["method"].get<std::string>(),
                                    entry["request"]["path"].get<std::string>()),
             .answer = {.status = response["status"],
                        .reason = text_at(response, "reason").value_or(""),
                        .body = body.is_string() ? body.get<std::string>() : body.dump()}});
        if (entry.contains("task"))
            all.back().exit_status = text_at(entry["task"], "exitstatus").value_or("");
    }
    return all;
}

// "good", or the class of the error; and of the task that failed, if one was started.
std::string class_of(const Recorded& recorded) {
    std::string text = "good";
    try {
        read_answer(recorded.answer, recorded.request);
    } catch (const ProxmoxError& error) {
        text = fault_name(error.fault);
        for (const FieldError& field : error.fields) text += " " + field.field;
    }
    if (!recorded.exit_status.empty())
        text += succeeded(recorded.exit_status)
                    ? ", task good"
                    : fmt::format(", task {}", fault_name(fault_of_text(recorded.exit_status)));
    return text;
}

TEST(Recordings, AreEachOfTheClassThatTheyShouldBe) {
    if (auto why = cannot_run(missing_reference(recorded_file))) GTEST_SKIP() << *why;
    std::string classes;
    for (const Recorded& recorded : recordings())
        classes += fmt::format("{}: {}\n", recorded.name, class_of(recorded));
    if (std::getenv("SLIPWAY_REFRESH_CLASSES") != nullptr) std::ofstream(classes_file) << classes;

    std::ifstream in(classes_file);
    const std::string expected{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(std::count(expected.begin(), expected.end(), '\n'), 592);
    EXPECT_EQ(classes, expected);
}

// One answer to whatever is asked.
class OneAnswer final : public Http {
  public:
    explicit OneAnswer(HttpAnswer answer) : answer_(std::move(answer)) {}
    HttpAnswer send(const HttpRequest&) override { return answer_; }

  private:
    HttpAnswer answer_;
};

using Look = void (*)(const Proxmox&);
const VmPlace place{.node = "pve1", .vmid = 100};
const Upid upid = parse_upid("UPID:pve1:000007E8:000953F2:6B0030A2:qmstart:100:root@pam!slipway:");
const Look looks[] = {
    [](const Proxmox& pve) { vm_resources(pve); },
    [](const Proxmox& pve) { nodes(pve); },
    [](const Proxmox& pve) { vm_status(pve, place); },
    [](const Proxmox& pve) { vm_config(pve, place, Values::Wanted); },
    [](const Proxmox& pve) { vm_pending(pve, place); },
    [](const Proxmox& pve) { is_vmid_free(pve, 100); },
    [](const Proxmox& pve) { allowed_targets(pve, place); },
    [](const Proxmox& pve) { start_vm(pve, place); },
    [](const Proxmox& pve) { resize_disk(pve, place, "scsi0", "1G"); },
    [](const Proxmox& pve) { snapshots(pve, place); },
    [](const Proxmox& pve) { storages(pve, "pve1"); },
    [](const Proxmox& pve) { volumes(pve, "pve1", "local", {}); },
    [](const Proxmox& pve) { back_up(pve, {.place = place, .storage = "local"}); },
    [](const Proxmox& pve) { firewall_options(pve, place); },
    [](const Proxmox& pve) { firewall_rules(pve, place); },
    [](const Proxmox& pve) { ip_sets(pve, place); },
    [](const Proxmox& pve) { ip_set_entries(pve, place, "a1"); },
    [](const Proxmox& pve) { container_status(pve, place); },
    [](const Proxmox& pve) { task_status(pve, upid); },
    [](const Proxmox& pve) { task_log(pve, upid, 0, 0); },
    [](const Proxmox& pve) { task_list(pve, "pve1", {}); },
};

// Whatever is asked and whatever comes: an answer, or our own error.
TEST(Recordings, MakeNoReaderThrowAnythingButOurError) {
    if (auto why = cannot_run(missing_reference(recorded_file))) GTEST_SKIP() << *why;
    const SimClock clock;
    int read = 0;
    for (const Recorded& recorded : recordings()) {
        SCOPED_TRACE(recorded.name);
        OneAnswer http(recorded.answer);
        ProxmoxCluster cluster(
            http, clock, {.endpoints = {"https://pve1:8006"}, .token = "root@pam!a=b"});
        for (const Look& look : looks) {
            try {
                look({cluster});
            } catch (const ProxmoxError&) {
                // classified: that is what the test above is about
            }
        }
        ++read;
    }
    EXPECT_EQ(read, 592);
}

// Every UPID, drive and interface that Proxmox ever said there.
TEST(Recordings, HoldNothingThatWeCannotRead) {
    if (auto why = cannot_run(missing_reference(recorded_file))) GTEST_SKIP() << *why;
    int upids = 0;
    int drives = 0;
    int nics = 0;
    const auto read = [&](const std::string& key, const std::string& text) {
        const bool numbered = !key.empty() && key.back() >= '0' && key.back() <= '9';
        if (text.starts_with("UPID:")) {
            EXPECT_NO_THROW(parse_upid(text)) << text;
            ++upids;
        } else if (numbered && key.starts_with("net") && text.find('=') != std::string::npos) {
            EXPECT_EQ(print_nic(parse_nic(text)), text);
            ++nics;
        } else if (numbered && (key.starts_with("scsi") || key.starts_with("ide") ||
                                key.starts_with("sata") || key.starts_with("virtio"))) {
            EXPECT_EQ(print_drive(parse_drive(text)), text);
            ++drives;
        }
    };
    for (const Recorded& recorded : recordings()) {
        SCOPED_TRACE(recorded.name);
        const JsonValue body = JsonValue::parse(recorded.answer.body, nullptr, false);
        if (!body.is_object() || !body.contains("data")) continue;
        const JsonValue& data = body["data"];
        if (data.is_string()) read("", data);
        if (data.is_object())
            for (const auto& [key, value] : data.items())
                if (value.is_string()) read(key, value);
    }
    EXPECT_GT(upids, 90);
    EXPECT_GT(drives, 50);
    EXPECT_GT(nics, 20);
}

}  // namespace
}  // namespace slipway
