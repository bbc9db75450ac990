// What nobody should send to the sandbox, and what the others must not notice: each of these once
// ended the process, kept it busy for ever or wrote where nothing was to be written.

#include <gtest/gtest.h>

#include "tests/ops/sandbox_box.h"

namespace slipway::sandbox {
namespace {

std::string twenty_digits() {
    return std::string(20, '9');
}

TEST(SandboxInput, OddRequestsAreRefusedAndTheNextOneIsAnswered) {
    struct Row {
        const char* name;
        std::string method;
        std::string path;
        std::string form;
        std::string answer;
    };
    const std::string long_text(400'000, 'a');
    const std::string wrong = "400 Parameter verification failed.";
    // clang-format off
    const Row table[] = {
        {"a name of a parameter in its place", "GET", vms + "/%7Bvmid%7D/config", "", wrong},
        {"a number with an endless exponent", "POST", "/access/ticket", "username=a@pam&password=1e999", "401 authentication failure"},
        {"a number beyond 64 bits", "GET", "/nodes/pve1/tasks", "since=" + twenty_digits(), wrong},
        {"a retention beyond 64 bits", "POST", "/nodes/pve1/vzdump", "vmid=9000&prune-backups=keep-last=" + twenty_digits(), wrong},
        {"memory beyond 64 bits", "PUT", vms + "/9000/config", "memory=" + twenty_digits(), wrong},
        {"a rule's place beyond 64 bits", "DELETE", vms + "/9000/firewall/rules/" + twenty_digits(), "", wrong},
        {"more lines than a log can have", "GET", "/nodes/pve1/tasks", "start=1&limit=9223372036854775807", "200 OK"},
        {"a very long name", "PUT", vms + "/9000/config", "name=" + long_text, wrong},
        {"a very long name of a snapshot", "POST", vms + "/9000/snapshot", "snapname=" + long_text, wrong},
        {"a very long volume", "PUT", vms + "/9000/config", "scsi5=local:" + std::string(400'000, '1'), wrong},
        {"very long keys", "PUT", vms + "/9000/config", "sshkeys=" + long_text, "500 SSH public key validation error"},
        {"a node that is not there", "GET", "/nodes/none/rrddata", "timeframe=hour", "500 RRD error"},
        {"less than no bits", "POST", "/cluster/firewall/ipset/set", "cidr=10.0.0.77/-99", wrong},
        {"bits with a sign", "POST", "/cluster/firewall/ipset/set", "cidr=10.0.0.77/%2B8", wrong},
    };
    // clang-format on
    for (const Row& row : table) {
        SCOPED_TRACE(row.name);
        Box box;
        box.ask("POST", "/cluster/firewall/ipset", "name=set");

        const std::string line = box.line(row.method, row.path, row.form);

        EXPECT_TRUE(line.starts_with(row.answer)) << line.substr(0, 200);
        EXPECT_EQ(box.line("GET", "/version"), "200 OK");
    }
}

TEST(SandboxInput, JsonThatCannotBeKeptIsMalformed) {
    Box box;
    const auto reason = [&](const std::string& body) {
        Request request{.method = "POST", .target = "/api2/json/access/ticket", .body = body};
        request.headers = {{"Content-Type", "application/json"}};
        return sandbox::ask(*box.sandbox, request, [&](Duration d) { box.clock.advance(d); })
            .reason;
    };
    const std::string deep = std::string(74'000, '[') + std::string(74'000, ']');

    EXPECT_TRUE(reason(R"({"username":1e999})").starts_with("malformed JSON string"));
    EXPECT_TRUE(reason(R"({"username":)" + deep + "}")
                    .starts_with("json text or perl structure exceeds maximum nesting level"));
    EXPECT_EQ(reason(R"({"username":[[1],{}],"password":"x"})"), "Parameter verification failed.");
}

TEST(SandboxInput, AVersionThatIsNoneIsRefused) {
    Box box;

    const auto answer = box.sandbox->answer({.method = "GET", .target = "/", .version = "X"});

    EXPECT_EQ(answer->status, 506);
    EXPECT_EQ(answer->reason, "http protocol version X not supported");
}

TEST(SandboxInput, LocalhostIsTheNodeThatAnswers) {
    Box box;

    EXPECT_EQ(box.line("GET", "/nodes/localhost/rrddata", "timeframe=hour"), "200 OK");
    EXPECT_EQ(box.data("GET", "/nodes/localhost/qemu")[0]["vmid"], 9000);
    EXPECT_EQ(box.task("POST", "/nodes/localhost/qemu", "vmid=100&net0=virtio,bridge%3Dvmbr0"),
              "OK");
    EXPECT_EQ(box.task("POST", vms + "/100/status/start"), "OK");
    EXPECT_EQ(box.data("GET", "/cluster/resources", "type=vm")[0]["node"], "pve1");
}

TEST(SandboxInput, NoSizeIsTooLargeToBeTooLarge) {
    Box box;
    const auto end_of = [&](const std::string& drive) {
        return box.task("POST", vms, "vmid=100&scsi0=" + drive);
    };
    const auto ends_so = [](const std::string& end) {
        return end.ends_with("No space left on device");
    };

    EXPECT_PRED1(ends_so, end_of("local:99999999999"));
    EXPECT_PRED1(ends_so, end_of("local:" + std::string(400, '9')));
    EXPECT_PRED1(ends_so, end_of("local:1025"));
    EXPECT_PRED1(ends_so,
                 box.line("POST",
                          "/nodes/pve1/storage/local/content",
                          "vmid=100&filename=vm-100-disk-9.raw&size=99999999999999999"));
    EXPECT_EQ(box.line("POST",
                       "/nodes/pve1/lxc",
                       "vmid=101&ostemplate=local:vztmpl/"
                       "debian-12-standard_12.7-1_amd64.tar.zst&rootfs=local:-4"),
              "500 unable to parse volume ID 'local:-4'");
    EXPECT_EQ(end_of("local:1"), "OK");
    EXPECT_TRUE(box.task("PUT", vms + "/100/resize", "disk=scsi0&size=%2B9999999999999999T")
                    .ends_with("failed: exit code 1"));
    EXPECT_EQ(box.data("GET", vms + "/100/status/current")["maxdisk"], 1 << 30);
}

}  // namespace
}  // namespace slipway::sandbox
