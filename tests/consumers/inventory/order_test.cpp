#include "consumers/inventory/order.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "consumers/inventory/vm_name.h"

namespace slipway {
namespace {

Inventory small_inventory() {
    Inventory inventory;
    inventory.clusters = {{.name = "waw"}};
    inventory.templates = {{.name = "debian-12", .cluster = "waw", .vmid = 9000},
                           {.name = "alma-9", .cluster = "waw", .vmid = 9001, .username = "alma"}};
    inventory.packages = {{.name = "vps-start",
                           .cluster = "waw",
                           .os_template = "debian-12",
                           .cores = 2,
                           .memory_mib = 2048,
                           .domain = ".example.com"}};
    inventory.pools = {{.name = "v4",
                        .cluster = "waw",
                        .bridge = "vmbr0",
                        .network = parse_network("192.0.2.0/24"),
                        .range = parse_range("192.0.2.10-192.0.2.20")},
                       {.name = "v6",
                        .cluster = "waw",
                        .bridge = "vmbr0",
                        .network = parse_network("2001:db8::/64"),
                        .range = parse_range("2001:db8::10-2001:db8::20")}};
    return inventory;
}

std::string wrong(const std::string& payload) {
    return fmt::format("{}", fmt::join(wrong_with_order(small_inventory(), payload), "\n"));
}

TEST(AnOrder, ThatIsWrongSaysEveryFieldAndItsCure) {
    const std::pair<std::string, std::string> rows[] = {
        {"[]", "data: must be a JSON object with the order in it"},
        {R"({})", "data.package: is missing; name the package that was bought"},
        {R"({"package": "vps-big"})",
         "data.package: there is no package \"vps-big\"; `slipway get packages` lists them"},
        {R"({"package": "vps-start", "domain": "-a.example.com", "email": "jo", "username": "Jo"})",
         "data.domain: \"-a.example.com\" is no host name\n"
         "data.email: is no address; one as in jo@example.com\n"
         "data.username: \"Jo\" is no user name; small letters, digits, - and _, at most 32"},
        {R"({"package": "vps-start", "password": "x"})",
         "data.password: is never taken from a topic; leave it out, and one is made"},
        {R"({"package": "vps-start", "ssh_keys": ["ssh-ed25519 AAAA jo", "key"]})",
         "data.ssh_keys[1]: is no public key; one line as in authorized_keys"},
        {R"({"package": "vps-start", "options": {"cpu_cores": 0, "ram": "lots"}})",
         "data.options.cpu_cores: \"0\" is not right; whole number from 1 to 1024\n"
         "data.options.ram: \"lots\" is not right; GiB, or a size with its unit: 512M; "
         "from 16M to 16T"},
        {R"({"package": "vps-start", "options": {"ram": 0.001}})",
         "data.options.ram: \"0.001\" is not right; GiB, or a size with its unit: 512M; from 16M "
         "to 16T"},
        {R"({"package": "vps-start", "options": {"system_disk_read_bandwidth": 0.0001}})",
         "data.options.system_disk_read_bandwidth: \"0.0001\" is not right; MiB per second from "
         "0.001, 0 for no limit"},
        {R"({"package": "vps-start", "optoins": {"ram": 4}})",
         "data.optoins: unknown; there are service_id, package, client_id, email, domain, "
         "username, node, ssh_keys, options"},
        {R"({"package": "vps-start", "options": {"operating_system": "beos"}})",
         "operating system: cluster waw has no template \"beos\""},
        {R"({"package": "vps-start", "options": [1]})",
         "data.options: must be an object of name and value"},
        {R"({"package": ["vps-start"]})",
         "data.package: must be a text\ndata.package: is missing; name the package that was "
         "bought"},
    };
    for (const auto& [payload, expected] : rows) EXPECT_EQ(wrong(payload), expected) << payload;
    EXPECT_TRUE(wrong(R"({"package": "vps-start", "options": {"cores": 1}})")
                    .starts_with("data.options.cores: unknown; there are cpu_cores, ram, "));
}

TEST(AnOrder, ForAddressesThatNoPoolHasIsWrong) {
    Inventory inventory = small_inventory();
    inventory.pools.pop_back();
    const std::string payload = R"({"package": "vps-start", "options": {"ipv6_addresses": 2}})";

    EXPECT_EQ(wrong_with_order(inventory, payload),
              std::vector<std::string>{"data.options: there is no IPv6 pool of cluster waw"});
}

TEST(AnOrder, OverridesItsPackageEvenWithNothing) {
    const Wanted wanted = wanted_of(small_inventory(), R"({
        "service_id": "5546", "package": "vps-start", "node": "pve2",
        "options": {"CPU Cores": 4, "RAM": "8", "Backups": 3, "snapshots": 0, "System Disk": 40,
                    "additional_disk": "10", "system_disk_read_iops": 500,
                    "system_disk_write_iops": 501, "system_disk_read_bandwidth": 1.5,
                    "system_disk_write_bandwidth": 2.5, "additional_disk_read_bandwidth": 3.5,
                    "additional_disk_read_iops": 502, "additional_disk_write_iops": 503,
                    "Additional Disk Write Bandwidth": 12.5, "Network Bandwidth": 0,
                    "IPv4 Addresses": 0, "ipv6_addresses": 2, "Operating System": "alma-9"}})");

    EXPECT_EQ(wanted.package.cores, 4);
    EXPECT_EQ(wanted.package.memory_mib, 8192);
    EXPECT_EQ(wanted.package.backups, 3);
    EXPECT_EQ(wanted.package.snapshots, 0);
    EXPECT_EQ(wanted.package.system_disk.size_gib, 40);
    const Throttle system{.iops_read = 500, .iops_write = 501, .mib_read = 1.5, .mib_write = 2.5};
    const Throttle additional{
        .iops_read = 502, .iops_write = 503, .mib_read = 3.5, .mib_write = 12.5};
    EXPECT_EQ(wanted.package.system_disk.limits, system);
    EXPECT_EQ(wanted.package.additional_disk.size_gib, 10);
    EXPECT_EQ(wanted.package.additional_disk.limits, additional);
    EXPECT_EQ(wanted.package.network.rate_mbs, 0);
    EXPECT_EQ(wanted.package.network.ipv4, 0);
    EXPECT_EQ(wanted.package.network.ipv6, 2);
    EXPECT_EQ(wanted.package.node, "pve2");
    EXPECT_EQ(wanted.os_template.vmid, 9001);
    EXPECT_EQ(user_name(wanted), "alma");
}

TEST(AnOrder, TakesAllEighteenOptionsByEitherName) {
    EXPECT_EQ(option_names().size(), 18U);
    for (const OptionName& option : option_names()) {
        const std::string value = option.name == "operating_system" ? "\"alma-9\"" : "1";
        for (const std::string_view name : {std::string_view(option.name), option.module})
            EXPECT_EQ(wrong(fmt::format(
                          R"({{"package": "vps-start", "options": {{"{}": {}}}}})", name, value)),
                      "");
    }
}

Wanted with_rule(const std::string& rule) {
    Inventory inventory = small_inventory();
    inventory.packages[0].name_rule = rule;
    return wanted_of(inventory,
                     R"({"service_id": "5546", "client_id": "42", "package": "vps-start"})");
}

TEST(AVmsName, FollowsItsRule) {
    const Time now{std::chrono::sys_days{std::chrono::year{2026} / 4 / 18} +
                   std::chrono::hours(18) + std::chrono::minutes(5)};
    EXPECT_EQ(vm_name(with_rule("{client_id}-{service_id}"), now), "42-5546");
    EXPECT_EQ(vm_name(with_rule("{service_id}-{unixtime}"), now), "5546-1776535500");
    EXPECT_EQ(vm_name(with_rule("{service_id}-{year}{month}{day}-{hour}{minute}{second}"), now),
              "5546-20260418-180500");
    EXPECT_EQ(vm_name(with_rule("My.VM-{service_id}"), now), "my.vm-5546");
    const std::string random = vm_name(with_rule("{random_letter_4}{random_digit_4}"), now);
    EXPECT_EQ(random.size(), 8U);
    EXPECT_EQ(random.find_first_of("0123456789"), 4U);
    EXPECT_EQ(host_name(with_rule("{service_id}"), "5546"), "5546.example.com");
}

}  // namespace
}  // namespace slipway
