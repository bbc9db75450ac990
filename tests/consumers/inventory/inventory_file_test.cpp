// The inventory as people write it: what is read, and that every refusal helps.

#include "consumers/inventory/inventory_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "consumers/inventory/inventory_check.h"
#include "consumers/runtime/config.h"
#include "tests/consumers/inventory/whole_inventory.h"
#include "tests/live/temp_folder.h"

namespace slipway {
namespace {

std::string problems(const std::string& yaml) {
    try {
        parse_inventory(yaml, "inventory.yaml");
    } catch (const ConfigError& error) {
        return error.what();
    }
    return "none";
}

struct Wrong {
    std::string what;
    std::string instead;
    std::string problem;
};

TEST(InventoryFile, SaysWhereAndWhatIsWrong) {
    const std::vector<Wrong> wrongs = {
        {"storage: local",
         "storge: local",
         "14: packages.vps-start.system_disk.storge: unknown key; did you mean storage?"},
        {"packages:", "pakages:", "9: pakages: unknown key; did you mean packages?"},
        {"  zones:", "  zone:", "25: dns.zone: unknown key; did you mean zones?"},
        {"storage: local",
         "size: 20",
         "14: packages.vps-start.system_disk.size: \"20\" is not a size; write a whole number and "
         "its unit, such as 20G"},
        {"storage: local",
         "size: 3000000T",
         "14: packages.vps-start.system_disk.size: \"3000000T\" is out of range; it is a size from "
         "0G to 1024T"},
        {"storage: local",
         "mbps_rd: -1",
         "14: packages.vps-start.system_disk.mbps_rd: \"-1\" is not a number from 0 to 1000000000"},
        {"storage: local",
         "size:",
         "14: packages.vps-start.system_disk.size: has no value; remove the line to get the "
         "default"},
        {"template: debian-12",
         "clone: half",
         "10: packages.vps-start: has no template, which it needs\n"
         "inventory.yaml:12: packages.vps-start.clone: \"half\" is not one of linked, full"},
        {"vmid: 9000",
         "vmid: 99",
         "8: templates.debian-12.vmid: \"99\" is not a whole number from 100 to 999999999"},
        {"gateway: 10.0.0.1",
         "gateway: 10.0.0.300",
         "20: pools.public.gateway: 10.0.0.300: an IPv4 address has four numbers up to 255"},
        {"bridge: vmbr0",
         "quarantine: soon",
         "16: pools.public: has no bridge, which it needs\n"
         "inventory.yaml:18: pools.public.quarantine: \"soon\" is not a duration; write 30s, 10m, "
         "2h or 7d"},
        {"kind: powerdns",
         "kind: powerdn",
         "24: dns.providers.pdns.kind: \"powerdn\" is not one of powerdns, hestiacp, cloudflare; "
         "did you mean powerdns?"},
        {"name: example.com",
         "name: exa mple.com",
         "26: dns.zones.exa mple.com.name: \"exa mple.com\" is no domain: letters, digits and - "
         "between dots, such as example.com"},
        {"- {name: example.com, provider: pdns}",
         "- {name: example.com, provider: pdns}\n    - {name: Example.com., provider: pdns}",
         "27: dns.zones.Example.com.: is there twice; also at line 26"},
        {"      - name: local",
         "      - name: local\n      - name: local",
         "7: clusters.lab.storages.local: is there twice"},
        {"cluster: lab", "cluster: lab\n    cluster: lab", "not one line"},
        {"templates:",
         "templates: none\nx:",
         "7: templates: is a list of maps: write \"- name: …\" for each"},
        {"- name: vps-start",
         "- vps-start\n  - name: vps-start",
         "10: packages.(1): is a map of key: value that begins with a name"},
        {"token: root@pam!slipway=secret",
         "token_file: /not/there",
         "4: clusters.lab.token_file: cannot read a secret from /not/there"},
        {"letters:", "letters: [", "not YAML"},
    };

    for (const Wrong& wrong : wrongs) {
        SCOPED_TRACE(wrong.instead);
        const std::string found = problems(small_with(wrong.what, wrong.instead));
        if (wrong.problem == "not one line")
            EXPECT_NE(found, "none");
        else
            EXPECT_NE(found.find(wrong.problem), std::string::npos) << found;
    }
}

TEST(InventoryFile, SaysEverythingThatIsWrongAtOnce) {
    EXPECT_EQ(
        problems("packages:\n  - name: a\n    cores: many\n    memori: 2G\nrest: 1\n"),
        "inventory.yaml:5: rest: unknown key; ops/config/inventory.example.yaml has all there are\n"
        "inventory.yaml:2: packages.a: has no cluster, which it needs\n"
        "inventory.yaml:2: packages.a: has no template, which it needs\n"
        "inventory.yaml:3: packages.a.cores: \"many\" is not a whole number from 1 to 8192\n"
        "inventory.yaml:4: packages.a.memori: unknown key; did you mean memory?");
}

TEST(InventoryFile, MayBeEmpty) {
    EXPECT_EQ(parse_inventory("", "a").inventory, Inventory());
    EXPECT_EQ(parse_inventory("packages:\ndns:\n", "a").inventory, Inventory());
    EXPECT_EQ(problems("- a"),
              "inventory.yaml:1: the file is no map of clusters, templates, packages …");
}

TEST(InventoryFile, EndsThoughItsAliasesDoNot) {
    EXPECT_EQ(problems("letters: &a [*a]\n"),
              "inventory.yaml:1: the file is nested too deeply, or too large");
    std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 9; ++i) {
        const std::string below = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + below;
        for (int k = 0; k < 9; ++k) bomb += "," + below;
        bomb += "]\n";
    }
    EXPECT_NE(problems(bomb).find("nested too deeply, or too large"), std::string::npos);
}

TEST(InventoryFile, TakesASecretFromAFileBesideIt) {
    const TempFolder folder;
    std::ofstream(folder.path() / "token") << "root@pam!slipway=from-file\n";
    std::ofstream(folder.path() / "inventory.yaml")
        << small_with("token: root@pam!slipway=secret", "token_file: token");

    const InventoryFile file = load_inventory((folder.path() / "inventory.yaml").string());

    EXPECT_EQ(file.inventory.clusters.at(0).token, "root@pam!slipway=from-file");
    EXPECT_EQ(file.warnings.size(), 1U) << "everyone can read it";
    EXPECT_TRUE(file.says("cluster", "lab", "token_file"));
    EXPECT_FALSE(file.says("cluster", "lab", "password"));
    EXPECT_EQ(problems(small_with("token: root", "token_file: a\n    token: root")),
              "inventory.yaml:4: clusters.lab.token_file: stands beside token: one of both\n"
              "inventory.yaml:4: clusters.lab.token_file: cannot read a secret from a");
}

TEST(InventoryFile, IsPrintedAsItWouldBeRead) {
    Inventory all = whole_inventory();
    std::vector<YamlSection> sections;
    for (const Declared& each : declared_in(all))
        sections.push_back({std::string(heading_of(each.kind)), {short_body(each)}});

    Inventory again = parse_inventory(print_yaml(sections), "printed").inventory;

    again.revision = all.revision;
    all.clusters[0].token.clear();
    all.clusters[0].password.clear();
    all.dns_providers[0].secret.clear();
    EXPECT_EQ(again, all) << print_yaml(sections);
}

std::string example() {
    std::ifstream in("ops/config/inventory.example.yaml");
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(TheExampleInventory, LoadsAndHoldsTogether) {
    const TempFolder folder;
    std::ofstream(folder.path() / "inventory.yaml") << example();
    std::ofstream(folder.path() / "lab.token") << "root@pam!slipway=secret";
    std::ofstream(folder.path() / "pdns1.key") << "key";
    std::ofstream(folder.path() / "hestia.password") << "password";

    const InventoryFile file = load_inventory((folder.path() / "inventory.yaml").string());

    std::string found;
    for (const InventoryProblem& problem : check_inventory(file.inventory))
        found += problem_text(problem) + "\n";
    EXPECT_EQ(found, "");
    EXPECT_EQ(file.inventory.packages.size(), 4U);
}

TEST(TheExampleInventory, ExplainsEveryKey) {
    const std::string text = example();
    for (const Declared& declared : declared_in(whole_inventory())) {
        for (const Leaf& leaf : leaves_of(declared.body)) {
            const std::string key = leaf.path.substr(leaf.path.rfind('.') + 1);
            EXPECT_NE(text.find(" " + key + ":"), std::string::npos) << leaf.path;
        }
        for (const auto& [key, secret] : declared.secrets)
            EXPECT_NE(text.find(" " + key), std::string::npos) << key;
    }
}

}  // namespace
}  // namespace slipway
