#pragma once
// What operators declare: clusters, templates, packages, IP pools, DNS, letters. Plain data, as
// `slipway apply` put it into the database; every process reads it from there (inventory_book.h).
//
// Names are keys. A template's and a storage's are unique within their cluster.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consumers/proxmox/drive.h"
#include "schema/ip_address.h"

namespace slipway {

struct PoolRanges;

struct DeclaredStorage {
    std::string name;
    bool shared = false;
    int clones = 0;             // at a time; 0: one if it is local, two if it is shared
    std::string moves_to = {};  // its name on other nodes, for migrations; empty: the same

    bool operator==(const DeclaredStorage&) const = default;
};

struct DeclaredCluster {
    std::string name;
    std::vector<std::string> endpoints;
    std::string token = {};     // secret
    std::string user = {};      // for what no token may do
    std::string password = {};  // secret
    std::string ca_file = {};
    std::string fingerprint = {};
    bool verify = true;
    std::chrono::milliseconds timeout{35'000};

    std::int64_t vmid_first = 100;  // ours alone: people use numbers outside
    std::int64_t vmid_last = 999'999;
    std::chrono::seconds vmid_rest{86'400};  // before a number is given out again

    int calls_at_once = 8;   // of one process
    int tasks_at_once = 20;  // clones, migrations, restores, backups
    int tasks_per_node = 4;
    bool migrate = true;  // move a clone to its target node
    std::vector<DeclaredStorage> storages;

    bool operator==(const DeclaredCluster&) const = default;
};

struct DeclaredTemplate {
    std::string name;
    std::string cluster;
    std::int64_t vmid = 0;
    std::string username = {};  // whom cloud-init makes, if neither order nor package says

    bool operator==(const DeclaredTemplate&) const = default;
};

enum class CloneKind { Linked, Full };

struct DeclaredDisk {
    std::string storage = {};   // empty: the template's, or the system disk's
    std::int64_t size_gib = 0;  // 0: as in the template; no additional disk
    Throttle limits = {};

    bool operator==(const DeclaredDisk&) const = default;
};

struct DeclaredNetwork {
    std::string model = {};        // empty: as in the template
    std::string bridge = {};       // empty: taken from the pool of the addresses
    std::optional<int> vlan = {};  // 0: untagged; nothing: taken from the pool
    double rate_mbs = 0;           // megabytes per second as Proxmox counts; 0: no limit
    int ipv4 = 1;
    int ipv6 = 0;
    bool dhcp4 = false;  // no address from a pool, the guest asks
    bool dhcp6 = false;

    bool operator==(const DeclaredNetwork&) const = default;
};

struct DeclaredFirewall {
    bool enabled = true;
    std::string policy_in = "ACCEPT";
    std::string policy_out = "ACCEPT";
    std::string log_in = "nolog";
    std::string log_out = "nolog";
    bool dhcp = true;
    bool ndp = true;
    bool router_advertisement = false;
    bool mac_filter = true;
    bool ip_filter = false;
    bool anti_spoofing = true;

    bool operator==(const DeclaredFirewall&) const = default;
};

struct DeclaredPackage {
    std::string name;
    std::string cluster;
    std::string os_template;
    CloneKind clone = CloneKind::Linked;
    std::string node = {};  // empty: the one with most free memory
    int cores = 1;
    int sockets = 1;
    std::int64_t memory_mib = 1024;
    DeclaredDisk system_disk = {};
    DeclaredDisk additional_disk = {};
    DeclaredNetwork network = {};
    DeclaredFirewall firewall = {};
    int backups = 0;  // how many a customer may have
    int snapshots = 0;
    std::chrono::seconds backup_lifetime{0};  // 0: for ever
    std::chrono::seconds snapshot_lifetime{0};
    std::string backup_storage = {};
    std::string name_rule = "{client_id}-{service_id}";
    std::int64_t first_vmid = 0;  // 0: the cluster's
    std::string domain = {};      // what a name without a domain gets: example.com
    std::string username = {};    // empty: the template's, else made up
    std::map<std::string, std::string> letters = {};  // by occasion: ready, password, restored

    bool operator==(const DeclaredPackage&) const = default;
};

struct DeclaredPool {
    std::string name;
    std::string cluster;
    std::string bridge;
    int vlan = 0;       // 0: untagged
    IpNetwork network;  // its prefix is the mask
    IpAddress gateway;
    std::vector<IpAddress> dns;
    IpRange range;
    std::vector<IpRange> exclude;
    std::chrono::seconds quarantine{3'600};  // of a released address

    IpVersion version() const { return range.first.version(); }
    bool operator==(const DeclaredPool&) const = default;
};

enum class DnsKind { PowerDns, HestiaCp, Cloudflare };

struct DeclaredDnsProvider {
    std::string name;
    DnsKind kind = DnsKind::PowerDns;
    std::string url = {};              // Cloudflare's has a default
    std::string user = {};             // HestiaCP: the admin who calls
    std::string zone_owner = {};       // HestiaCP: whose zones they are
    std::string server = "localhost";  // PowerDNS
    std::string secret = {};           // API key, token or password
    std::string ca_file = {};
    bool verify = true;
    std::chrono::milliseconds timeout{5'000};

    bool operator==(const DeclaredDnsProvider&) const = default;
};

struct DeclaredZone {
    std::string name;  // example.com, 2.0.192.in-addr.arpa; no dot at the end
    std::string provider;
    int ttl = 300;
    std::string id = {};  // Cloudflare's; empty: looked up by name
    // A classless reverse zone (RFC 2317) says which addresses are its own.
    std::optional<IpNetwork> network = {};

    bool operator==(const DeclaredZone&) const = default;
};

struct DeclaredLetter {
    std::string name;
    std::string subject;
    std::string body;

    bool operator==(const DeclaredLetter&) const = default;
};

struct Inventory {
    std::int64_t revision = 0;  // 0: nobody has declared anything yet
    std::vector<DeclaredCluster> clusters;
    std::vector<DeclaredTemplate> templates;
    std::vector<DeclaredPackage> packages;
    std::vector<DeclaredPool> pools;
    std::vector<DeclaredDnsProvider> dns_providers;
    std::vector<DeclaredZone> zones;
    std::vector<DeclaredLetter> letters;

    // Null if there is none of that name.
    const DeclaredCluster* cluster(std::string_view name) const;
    const DeclaredTemplate* os_template(std::string_view cluster, std::string_view name) const;
    const DeclaredPackage* package(std::string_view name) const;
    const DeclaredPool* pool(std::string_view name) const;
    const DeclaredDnsProvider* dns_provider(std::string_view name) const;
    const DeclaredLetter* letter(std::string_view name) const;

    bool operator==(const Inventory&) const = default;
};

// Null if the cluster has none of that name.
const DeclaredStorage* storage_of(const DeclaredCluster& cluster, std::string_view name);

// How many clones a storage takes at a time.
int clones_at_once(const DeclaredStorage& storage);

// What a pool may give out: its range without what is excluded, without the gateway and without
// the network's own addresses (the first; of IPv4 the last as well).
std::vector<IpRange> usable_ranges(const DeclaredPool& pool);
PoolRanges ranges_of(const DeclaredPool& pool);  // the same, for the Store
// How many addresses that are; of more than 2^62 it says 2^62.
std::int64_t capacity(const DeclaredPool& pool);

// Whether a package's addresses may come from there: it lies in its cluster, and on its bridge and
// VLAN where it names them.
bool may_serve(const DeclaredPool& pool, const DeclaredPackage& package);
// Those pools of one kind, in order.
std::vector<const DeclaredPool*> pools_of(const Inventory& inventory,
                                          const DeclaredPackage& package,
                                          IpVersion version);

}  // namespace slipway
