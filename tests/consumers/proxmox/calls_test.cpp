// The typed calls: what goes out, what is made of what comes back. One row per call.

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "consumers/proxmox/containers.h"
#include "consumers/proxmox/firewall.h"
#include "consumers/proxmox/snapshots.h"
#include "consumers/proxmox/storage.h"
#include "consumers/proxmox/vms.h"
#include "tests/consumers/proxmox/scripted_http.h"
#include "tests/story/sim_clock.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

const std::string upid = "UPID:pve1:000007E8:000953F2:6B0030A2:qmstart:100:root@pam!slipway:";
const VmPlace place{.node = "pve1", .vmid = 100};

struct Talk {
    SimClock clock = {};
    ScriptedHttp http = {};
    ProxmoxCluster cluster{
        http, clock, {.endpoints = {"https://h"}, .token = "root@pam!slipway=secret"}};
    Proxmox pve{cluster};

    explicit Talk(const std::string& data) { http.answers(200, data_body(data)); }

    // What was asked, without what all of it begins with.
    std::string asked() {
        std::string request = http.take_requests().at(0);
        const std::string always = "https://h/api2/json";
        return request.replace(request.find(always), always.size(), "");
    }
};

struct Row {
    std::string_view asked;
    Upid (*call)(const Proxmox&);
};

// clang-format off
const Row tasks[] = {
    {"POST /nodes/pve1/qemu/100/status/start",                       [](const Proxmox& pve) { return start_vm(pve, place); }},
    {"POST /nodes/pve1/qemu/100/status/stop",                        [](const Proxmox& pve) { return stop_vm(pve, place); }},
    {"POST /nodes/pve1/qemu/100/status/shutdown timeout=60&forceStop=1",
        [](const Proxmox& pve) { return shutdown_vm(pve, place, 60s, IfItStays::Force); }},
    {"POST /nodes/pve1/qemu/100/status/shutdown timeout=5&forceStop=0",
        [](const Proxmox& pve) { return shutdown_vm(pve, place, 5s, IfItStays::Fail); }},
    {"POST /nodes/pve1/qemu/100/status/reboot",                      [](const Proxmox& pve) { return reboot_vm(pve, place); }},
    {"POST /nodes/pve1/qemu/100/status/suspend",                     [](const Proxmox& pve) { return suspend_vm(pve, place); }},
    {"POST /nodes/pve1/qemu/100/status/resume",                      [](const Proxmox& pve) { return resume_vm(pve, place); }},
    {"DELETE /nodes/pve1/qemu/100?purge=1",                          [](const Proxmox& pve) { return destroy_vm(pve, place); }},
    {"POST /nodes/pve1/qemu/100/migrate target=pve2&targetstorage=nas", [](const Proxmox& pve) { return migrate_vm(pve, {place, "pve2", "nas"}); }},
    {"POST /nodes/pve1/qemu/100/clone newid=200&name=a&full=0",
        [](const Proxmox& pve) { return clone_vm(pve, {.source = place, .to = 200, .name = "a", .full = false}); }},
    {"POST /nodes/pve1/qemu/100/clone newid=200&description=d&storage=nas&target=pve2&pool=p",
        [](const Proxmox& pve) { return clone_vm(pve, {.source = place, .to = 200, .description = "d", .storage = "nas",
                                          .target = "pve2", .pool = "p"}); }},
    {"POST /nodes/pve1/qemu/100/snapshot snapname=a1&description=b", [](const Proxmox& pve) { return create_snapshot(pve, place, "a1", "b"); }},
    {"DELETE /nodes/pve1/qemu/100/snapshot/a1",                      [](const Proxmox& pve) { return delete_snapshot(pve, place, "a1"); }},
    {"POST /nodes/pve1/qemu/100/snapshot/a1/rollback",               [](const Proxmox& pve) { return roll_back(pve, place, "a1"); }},
    {"POST /nodes/pve1/qemu archive=nas%3Abackup%2Fa&force=1&vmid=100",
        [](const Proxmox& pve) { return restore_vm(pve, {.place = place, .archive = "nas:backup/a", .overwrite = true}); }},
    {"POST /nodes/pve1/vzdump vmid=100&storage=nas&mode=snapshot&compress=zstd&remove=0",
        [](const Proxmox& pve) { return *back_up(pve, {.place = place, .storage = "nas"}); }},
    {"PUT /nodes/pve1/qemu/100/resize disk=scsi0&size=32G",          [](const Proxmox& pve) { return *resize_disk(pve, place, "scsi0", "32G"); }},
    {"POST /nodes/pve1/qemu/100/config scsi1=nas%3A32",
        [](const Proxmox& pve) { return *configure_disks(pve, place, {{"scsi1", "nas:32"}}); }},
    {"DELETE /nodes/pve1/storage/nas/content/nas%3Aa",
        [](const Proxmox& pve) { return *delete_volume(pve, {"pve1", "nas", "nas:a"}); }},
    {"POST /nodes/pve1/lxc ostemplate=t&rootfs=nas%3A8&hostname=w&cores=1&memory=512&net0=name%3Deth0&password=p&start=1&unprivileged=1&vmid=100",
        [](const Proxmox& pve) { return create_container(pve, {.place = place, .os_template = "t", .storage = "nas", .hostname = "w",
                                                  .network = "name=eth0", .password = "p", .start = true}); }},
};
// clang-format on

TEST(Calls, StartTasks) {
    for (const Row& row : tasks) {
        Talk talk("\"" + upid + "\"");
        EXPECT_EQ(row.call(talk.pve).text, upid);
        EXPECT_EQ(talk.asked(), row.asked);
    }
}

TEST(Calls, TakeNothingElseForATask) {
    for (const std::string data : {"null", "\"OK\"", "\"UPID:pve1\"", "7", "{}"}) {
        Talk talk(data);
        try {
            start_vm(talk.pve, place);
            ADD_FAILURE() << data;
        } catch (const ProxmoxError& error) {
            EXPECT_EQ(error.fault, Fault::Unknown)
                << "something was started, whatever it is called";
        }
    }
}

TEST(Calls, MayBeDoneAtOnce) {
    EXPECT_EQ(resize_disk(Talk("null").pve, place, "scsi0", "32G"), std::nullopt);
    EXPECT_EQ(configure_disks(Talk("null").pve, place, {{"delete", "unused0"}}), std::nullopt);
    EXPECT_EQ(back_up(Talk("\"OK\"").pve, {.place = place, .storage = "a"}), std::nullopt);
}

struct Order {
    std::string_view asked;
    void (*call)(const Proxmox&);
};

// clang-format off
const Order orders[] = {
    {"PUT /nodes/pve1/qemu/100/config cores=2&onboot=1&cpulimit=1.5&digest=abc",
        [](const Proxmox& pve) { configure_vm(pve, place, {{"cores", 2}, {"onboot", true}, {"cpulimit", 1.5}, {"digest", "abc"}}); }},
    // Encoded twice: once for Proxmox, which wants it so, and once for the form.
    {"PUT /nodes/pve1/qemu/100/config sshkeys=ssh-ed25519%2520A%252BB%252F%253D%2520me%2540x%250Assh-rsa%2520C",
        [](const Proxmox& pve) { configure_vm(pve, place, {{"sshkeys", sshkeys_value("ssh-ed25519 A+B/= me@x\nssh-rsa C")}}); }},
    {"PUT /nodes/pve1/qemu/100/cloudinit",                                  [](const Proxmox& pve) { regenerate_cloudinit(pve, place); }},
    {"PUT /nodes/pve1/qemu/100/firewall/options enable=1&dhcp=0",
        [](const Proxmox& pve) { set_firewall_options(pve, place, {{"enable", true}, {"dhcp", false}}); }},
    {"POST /nodes/pve1/qemu/100/firewall/ipset name=ipfilter-net0",         [](const Proxmox& pve) { create_ip_set(pve, place, "ipfilter-net0"); }},
    {"DELETE /nodes/pve1/qemu/100/firewall/ipset/ipfilter-net0?force=1",    [](const Proxmox& pve) { delete_ip_set(pve, place, "ipfilter-net0"); }},
    {"DELETE /nodes/pve1/qemu/100/firewall/ipset/a1/10.0.0.0%2F24",
        [](const Proxmox& pve) { remove_from_ip_set(pve, place, "a1", "10.0.0.0/24"); }},
    {"POST /nodes/pve1/qemu/100/firewall/ipset/a1 cidr=10.0.0.5&nomatch=1",
        [](const Proxmox& pve) { add_to_ip_set(pve, place, "a1", {.cidr = "10.0.0.5", .nomatch = true}); }},
    {"POST /nodes/pve1/qemu/100/firewall/rules action=ACCEPT&type=in&enable=1",
        [](const Proxmox& pve) { add_firewall_rule(pve, place, {{"action", "ACCEPT"}, {"type", "in"}, {"enable", 1}}); }},
    {"DELETE /nodes/pve1/qemu/100/firewall/rules/3?digest=d",
        [](const Proxmox& pve) { delete_firewall_rule(pve, place, {.position = 3, .digest = "d"}); }},
    {"PUT /nodes/pve1/storage/nas/content/nas%3Aa protected=1",
        [](const Proxmox& pve) { set_protected(pve, {"pve1", "nas", "nas:a"}, true); }},
};
// clang-format on

TEST(Calls, SayWhatIsToBe) {
    for (const Order& row : orders) {
        Talk talk("null");
        row.call(talk.pve);
        EXPECT_EQ(talk.asked(), row.asked);
    }
}

TEST(Calls, ReadNumbersAndTextsAlike) {
    for (const std::string status :
         {R"({"status":"running","qmpstatus":"paused","name":"a","lock":"backup","pid":"7",
              "uptime":8,"netin":"9","netout":10})",
          R"({"status":"running","qmpstatus":"paused","name":"a","lock":"backup","pid":7,
              "uptime":"8","netin":9,"netout":"10"})"}) {
        Talk talk(status);
        const VmStatus vm = *vm_status(talk.pve, place);
        EXPECT_EQ(fmt::format("{} {} {} {} {} {} {} {}",
                              vm.is_running(),
                              vm.qmp_status,
                              vm.name,
                              vm.lock,
                              vm.pid,
                              vm.uptime,
                              vm.net_in,
                              vm.net_out),
                  "true paused a backup 7 8 9 10");
    }
}

TEST(Calls, ReadConfigurations) {
    Talk talk(R"({"cores":2,"memory":"2048","digest":"abc","net0":"virtio=A","onboot":1})");
    const VmConfig config = *vm_config(talk.pve, place, Values::InForce);
    EXPECT_EQ(talk.asked(), "GET /nodes/pve1/qemu/100/config?current=1");
    EXPECT_EQ(config.value("cores") + config.value("memory") + config.value("none"), "22048");
    EXPECT_EQ(config.digest, "abc");
    EXPECT_FALSE(config.values.contains("digest"));

    Talk wanted("{}");
    vm_config(wanted.pve, place, Values::Wanted);
    EXPECT_EQ(wanted.asked(), "GET /nodes/pve1/qemu/100/config");

    Talk pending(R"([{"key":"a","value":"1"},{"key":"b","value":1,"pending":2},
                     {"key":"c","value":"3","delete":1}])");
    const auto values = vm_pending(pending.pve, place);
    ASSERT_EQ(values.size(), 2U);
    EXPECT_EQ(values[0].key + values[0].value + values[0].pending, "b12");
    EXPECT_TRUE(values[1].is_deleted);
}

TEST(Calls, ReadLists) {
    Talk resources(R"([{"type":"qemu","vmid":"100","node":"pve1","status":"unknown"},
        {"type":"qemu","vmid":9000,"node":"pve2","name":"t","template":1,"lock":"clone"},{}])");
    const auto vms = vm_resources(resources.pve);
    ASSERT_EQ(vms.size(), 2U);
    EXPECT_EQ(vms[0].place.vmid, 100);
    EXPECT_TRUE(vms[1].is_template);
    EXPECT_EQ(resources.asked(), "GET /cluster/resources?type=vm");

    Talk listed(R"([{"node":"pve1","status":"online","maxmem":8,"mem":3},{"node":"pve2"}])");
    const auto all = nodes(listed.pve);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_TRUE(all[0].online && !all[1].online);

    Talk snaps(R"([{"name":"current"},{"name":"a1","snaptime":1795174570,"vmstate":1},
                   {"name":"b1","snapstate":"delete"}])");
    const auto taken = snapshots(snaps.pve, place);
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_EQ(taken[0].made, Time(1795174570s));
    EXPECT_TRUE(taken[0].is_whole && !taken[1].is_whole);

    Talk stored(
        R"([{"volid":"nas:backup/a","vmid":"100","size":5,"ctime":1795174570,"protected":1}])");
    const auto backups = volumes(stored.pve, "pve1", "nas", {.content = "backup", .vmid = 100});
    EXPECT_EQ(stored.asked(), "GET /nodes/pve1/storage/nas/content?content=backup&vmid=100");
    EXPECT_TRUE(backups.at(0).is_protected && backups.at(0).vmid == 100);

    EXPECT_EQ(allowed_targets(Talk(R"({"allowed_nodes":["pve2"]})").pve, place).at(0), "pve2");
    EXPECT_EQ(
        storages(Talk(R"([{"storage":"nas","shared":1,"avail":"7"}])").pve, "pve1")[0].available,
        7);
    EXPECT_EQ(ip_sets(Talk(R"([{"name":"a1"}])").pve, place).at(0), "a1");
    EXPECT_EQ(ip_set_entries(Talk(R"([{"cidr":"10.0.0.5"}])").pve, place, "a1")->at(0).cidr,
              "10.0.0.5");
    EXPECT_EQ(firewall_rules(Talk(R"([{"pos":"2","type":"in"}])").pve, place).at(0).position, 2);
    EXPECT_EQ(firewall_options(Talk(R"({"enable":1})").pve, place).dhcp, std::nullopt);
    EXPECT_TRUE(is_cluster_firewall_on(Talk(R"({"enable":1})").pve));
    EXPECT_EQ(container_status(Talk(R"({"status":"running"})").pve, place), "running");
}

// What comes in another shape than we know is nothing, and no reason to stop.
TEST(Calls, SurviveAnswersOfAnotherShape) {
    for (const std::string data :
         {"null", "7", "\"a\"", "[]", "{}", "[1,null,\"a\",[[]]]", "true"}) {
        EXPECT_TRUE(vm_resources(Talk(data).pve).empty());
        EXPECT_TRUE(nodes(Talk(data).pve).empty());
        EXPECT_TRUE(snapshots(Talk(data).pve, place).empty());
        EXPECT_TRUE(vm_pending(Talk(data).pve, place).empty());
        EXPECT_TRUE(allowed_targets(Talk(data).pve, place).empty());
        EXPECT_TRUE(vm_config(Talk(data).pve, place, Values::Wanted)->values.empty());
        EXPECT_EQ(vm_status(Talk(data).pve, place)->status, "");
        volumes(Talk(data).pve, "a", "b", {});
        storages(Talk(data).pve, "a");
        ip_sets(Talk(data).pve, place);
        ip_set_entries(Talk(data).pve, place, "a");
        firewall_rules(Talk(data).pve, place);
        firewall_options(Talk(data).pve, place);
    }
}

TEST(Calls, KnowWhatIsGone) {
    const auto gone = [](const std::string& reason) {
        Talk talk("1");
        talk.http = ScriptedHttp();
        talk.http.answers(500, "", reason);
        return vm_status(talk.pve, place) == std::nullopt;
    };
    EXPECT_TRUE(gone("Configuration file 'nodes/pve1/qemu-server/100.conf' does not exist"));
    EXPECT_TRUE(gone("unable to find configuration file for VM 100 on node 'pve1'"));
    EXPECT_THROW(gone("storage 'a' does not exist"), ProxmoxError);
}

TEST(Calls, KnowWhetherANumberIsFree) {
    EXPECT_TRUE(is_vmid_free(Talk("\"100\"").pve, 100));
    Talk taken("1");
    taken.http = ScriptedHttp();
    taken.http.answers(400, R"({"errors":{"vmid":"VM 218 already exists"},"data":null})");
    EXPECT_FALSE(is_vmid_free(taken.pve, 218));
}

TEST(Calls, KnowNamesOfSnapshots) {
    for (const std::string& good :
         std::vector<std::string>{"a1", "Before-update_2", std::string(40, 'a')})
        EXPECT_NO_THROW(check_snapshot_name(good));
    for (const std::string& bad : std::vector<std::string>{
             "", "a", "1a", "a b", "current", "pending", "a.b", std::string(41, 'a')})
        EXPECT_THROW(check_snapshot_name(bad), Error) << bad;
}

}  // namespace
}  // namespace slipway
