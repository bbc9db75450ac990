// Every error of Proxmox's means one of seven things, whether it stands in the reason, in the body,
// field by field, or at the end of a task.

#include "consumers/proxmox/fault.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

struct Row {
    int status;
    std::string reason;
    std::string body;
    std::string_view shown;
    std::string_view request = "POST /x";
};

std::string shown(const HttpAnswer& answer, std::string_view request) {
    try {
        return "good: " + read_answer(answer, request).data.dump();
    } catch (const ProxmoxError& error) {
        return std::string(fault_name(error.fault)) + ": " + error.what();
    }
}

// clang-format off
const Row rows[] = {
    {200, "OK", R"({"data":"100"})",                                   R"(good: "100")"},
    {200, "OK", R"({"data":null})",                                    "good: null"},
    {200, "OK", R"({"data":[],"total":0})",                            "good: []"},
    {200, "OK", R"({"success":1})",
        "unknown: POST /x: 200 the answer is not Proxmox's JSON; is this address its API?"},
    {200, "OK", "<html>",
        "unknown: POST /x: 200 the answer is not Proxmox's JSON; is this address its API?"},
    {200, "OK", "",
        "unknown: POST /x: 200 the answer is not Proxmox's JSON; is this address its API?"},
    {200, "OK", R"({"data":"\xff"})",
        "unknown: POST /x: 200 the answer is not Proxmox's JSON; is this address its API?"},
    {301, "Moved Permanently", "",                                     "refused: POST /x: 301 Moved Permanently"},

    {400, "Parameter verification failed.", R"({"data":null,"errors":{"newid":"value must have a minimum value of 100","name":"invalid format - value does not look like a valid DNS name\n"},"message":"Parameter verification failed.\n"})",
        "wrong parameter: POST /x: 400 name: invalid format - value does not look like a valid DNS name; "
        "newid: value must have a minimum value of 100"},
    {400, "Parameter verification failed.", R"({"data":null,"errors":{"upid":"no such task"}})", "gone: POST /x: 400 upid: no such task"},
    {400, "too bad", "",                                               "wrong parameter: POST /x: 400 too bad"},
    {400, "odd", R"({"errors":[1,2]})",                                "wrong parameter: POST /x: 400 odd"},
    {400, "odd", R"({"errors":{"a":{"b":1}}})",                        "wrong parameter: POST /x: 400 a: is wrong"},
    {401, "No ticket", "",                                             "forbidden: POST /x: 401 No ticket"},
    {401, "Authentication failed!", "",                                "forbidden: POST /x: 401 Authentication failed!"},
    {403, "Permission check failed (/vms/100, VM.Clone)", R"({"data":null})", "forbidden: POST /x: 403 Permission check failed (/vms/100, VM.Clone)"},
    {404, "Not Found", "",                                             "refused: POST /x: 404 Not Found"},
    {501, "Method 'GET /foo' not implemented", "",                     "refused: POST /x: 501 Method 'GET /foo' not implemented"},

    {500, "VM is locked (clone)", R"({"data":null})",                  "locked: POST /x: 500 VM is locked (clone)"},
    {500, "short", R"({"data":null,"message":"can't lock file '/var/lock/qemu-server/lock-101.conf' - got timeout\n"})",
        "locked: POST /x: 500 can't lock file '/var/lock/qemu-server/lock-101.conf' - got timeout"},
    {500, "cfs-lock 'storage-x' error: got lock request timeout", "",  "locked: POST /x: 500 cfs-lock 'storage-x' error: got lock request timeout"},
    {500, "'storage-x'-locked command timed out - aborting", "",       "locked: POST /x: 500 'storage-x'-locked command timed out - aborting"},
    {500, "Failed to obtain guest migration lock - replication running?", "",
        "locked: POST /x: 500 Failed to obtain guest migration lock - replication running?"},
    // This one runs: the worker was forked before the lock on the list of tasks was missed.
    {500, "can't lock file '/var/log/pve/tasks/.active.lock' - got timeout", "",
        "unknown: POST /x: 500 can't lock file '/var/log/pve/tasks/.active.lock' - got timeout"},
    {500, "unable to open file '/var/log/pve/tasks/active.tmp.4711' - No space left on device", "",
        "unknown: POST /x: 500 unable to open file '/var/log/pve/tasks/active.tmp.4711' - No space left on device"},
    {500, "closing file '/var/log/pve/tasks/active.tmp.4711' failed - No space left on device", "",
        "unknown: POST /x: 500 closing file '/var/log/pve/tasks/active.tmp.4711' failed - No space left on device"},
    {500, "unable to open file '/etc/pve/nodes/pve1/qemu-server/101.conf.tmp.3308' - Permission denied", "",
        "unknown: POST /x: 500 unable to open file '/etc/pve/nodes/pve1/qemu-server/101.conf.tmp.3308' - Permission denied"},
    {500, "got no worker upid - start worker failed", "",              "unknown: POST /x: 500 got no worker upid - start worker failed"},
    {500, "qemu-img resize failed: got timeout", "",                   "unknown: POST /x: 500 qemu-img resize failed: got timeout"},
    {500, "Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist", "",
        "gone: POST /x: 500 Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"},
    {500, "unable to find configuration file for VM 100 on node 'pve1'", "",
        "gone: POST /x: 500 unable to find configuration file for VM 100 on node 'pve1'"},
    {500, "snapshot 'a' does not exist", "",                           "gone: POST /x: 500 snapshot 'a' does not exist"},
    {500, "volume 'local:1/a.raw' does not exist", "",               "refused: POST /x: 500 volume 'local:1/a.raw' does not exist"},
    {500, "disk image '/a.raw' does not exist", "",                  "refused: POST /x: 500 disk image '/a.raw' does not exist"},
    {500, "volume 'local:1/a.raw' does not exist", "",
        "gone: DELETE /nodes/a/storage/local/content/v: 500 volume 'local:1/a.raw' does not exist", "DELETE /nodes/a/storage/local/content/v"},
    {500, "disk image '/a.raw' does not exist", "",
        "gone: DELETE /nodes/a/storage/local/content/v: 500 disk image '/a.raw' does not exist", "DELETE /nodes/a/storage/local/content/v"},
    {500, "storage 'nosuch' does not exist", "",                       "refused: POST /x: 500 storage 'nosuch' does not exist"},
    {500, "unable to create VM 211: config file already exists", "",   "refused: POST /x: 500 unable to create VM 211: config file already exists"},
    {500, "cluster not ready - no quorum?", "",                        "not executed: POST /x: 500 cluster not ready - no quorum?"},
    {500, "cfs-lock 'firewall-vm-101' error: no quorum!", "",          "not executed: POST /x: 500 cfs-lock 'firewall-vm-101' error: no quorum!"},

    {502, "Bad Gateway", "",                                           "unknown: POST /x: 502 Bad Gateway"},
    {504, "Gateway Timeout", "<html>",                                 "unknown: POST /x: 504 Gateway Timeout"},
    {595, "Connection refused", "",                                    "not executed: POST /x: 595 Connection refused"},
    {596, "Connection timed out", "",                                  "unknown: POST /x: 596 Connection timed out"},
    {597, "Broken pipe", "",                                           "unknown: POST /x: 597 Broken pipe"},
    {599, "Too many redirections", "",                                 "unknown: POST /x: 599 Too many redirections"},
};
// clang-format on

TEST(Fault, IsOneOfSeven) {
    for (const Row& row : rows)
        EXPECT_EQ(
            shown({.status = row.status, .reason = row.reason, .body = row.body}, row.request),
            row.shown);
}

TEST(Fault, KeepsWhatProxmoxSaidWithinBounds) {
    std::string body = R"({"errors":{)";
    for (int i = 0; i < 1'000; ++i)
        body += (i == 0 ? "" : ",") + ("\"f" + std::to_string(i)) + R"(":"wrong")";
    const HttpAnswer answer{
        .status = 400, .reason = std::string(100'000, 'a'), .body = body + "}}"};

    try {
        read_answer(answer, "GET /x");
        FAIL();
    } catch (const ProxmoxError& error) {
        EXPECT_EQ(error.fields.size(), 50U);
        EXPECT_LE(error.text.size(), 2'000U);
    }
}

TEST(Fault, KnowsAVolumeThatIsGoneFromAMachineThatIs) {
    const std::string_view text = "volume 'local:1/a.raw' does not exist";

    EXPECT_EQ(fault_of_text(text), Fault::Refused);
    EXPECT_EQ(fault_of_text(text, About::Volume), Fault::Gone);
}

// The stack of a thread is what it would cost.
TEST(Fault, ReadsNothingOfEndlessDepth) {
    const auto nested = [](std::size_t depth) {
        return R"({"data":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
    };

    EXPECT_EQ(shown({.status = 200, .body = nested(3)}, "GET /x"), "good: [[[]]]");
    EXPECT_EQ(shown({.status = 200, .body = nested(5'000'000)}, "GET /x"),
              "unknown: GET /x: 200 the answer is not Proxmox's JSON; is this address its API?");
    EXPECT_EQ(shown({.status = 500, .reason = "no", .body = nested(5'000'000)}, "GET /x"),
              "refused: GET /x: 500 no");
}

// Before anything is cut or cleaned: what is left of a secret would not be found any more.
TEST(Fault, ShowsNoPartOfASecret) {
    const std::string secret = "pass\tword\nin two lines";
    const std::string before(1'990, 'a');
    const std::string json = JsonValue(before + secret).dump();
    for (const HttpAnswer& answer :
         {HttpAnswer{.status = 500, .reason = before + secret},
          HttpAnswer{.status = 500, .body = R"({"message":)" + json + "}"},
          HttpAnswer{.status = 400, .body = R"({"errors":{"a":)" + json + "}}"}}) {
        try {
            read_answer(answer, "POST /x", {"", secret});
            FAIL();
        } catch (const ProxmoxError& error) {
            EXPECT_EQ(std::string(error.what()).find("pass"), std::string::npos) << error.what();
        }
    }
    // It means the same as without the secret in it.
    try {
        read_answer({.status = 500, .reason = "VM is locked (clone)"}, "POST /x", {"locked"});
        FAIL();
    } catch (const ProxmoxError& error) {
        EXPECT_EQ(error.fault, Fault::Locked);
        EXPECT_EQ(error.text, "VM is *** (clone)");
    }
}

TEST(JsonValue, IsANumberOrATextOfOne) {
    const JsonValue object = JsonValue::parse(
        R"({"a":1,"b":"2","c":3.0,"d":"x","e":null,"f":true,"g":-4,"h":"","i":1.5,"j":[1],
            "k":18446744073709551615,"l":1e300,"m":"0"})");
    const auto wholes = [&](std::string_view name) { return whole_at(object, name).value_or(-99); };

    EXPECT_EQ(wholes("a"), 1);
    EXPECT_EQ(wholes("b"), 2);
    EXPECT_EQ(wholes("c"), 3);
    EXPECT_EQ(wholes("f"), 1);
    EXPECT_EQ(wholes("g"), -4);
    for (const std::string_view name : {"d", "e", "h", "i", "j", "k", "l", "none"})
        EXPECT_EQ(wholes(name), -99) << name;
    EXPECT_EQ(text_at(object, "a"), "1");
    EXPECT_EQ(text_at(object, "i"), "1.5");
    EXPECT_EQ(text_at(object, "f"), "1");
    EXPECT_EQ(text_at(object, "e"), std::nullopt);
    EXPECT_EQ(number_at(object, "i"), 1.5);
    EXPECT_EQ(number_at(object, "b"), 2.0);
    EXPECT_EQ(flag_at(object, "a"), true);
    EXPECT_EQ(flag_at(object, "m"), false);
    EXPECT_EQ(flag_at(object, "h"), false);
    EXPECT_EQ(flag_at(object, "none"), std::nullopt);
    EXPECT_EQ(text_at(JsonValue("no object"), "a"), std::nullopt);
}

}  // namespace
}  // namespace slipway
