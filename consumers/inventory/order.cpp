#include "consumers/inventory/order.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "consumers/inventory/inventory_check.h"
#include "consumers/proxmox/json.h"
#include "topics/event.h"

namespace slipway {
namespace {

using Problems = std::vector<std::string>;

constexpr std::int64_t mib = 1LL << 20;
constexpr std::size_t ssh_keys_most = 50;
constexpr double least_rate = 0.001;  // what Proxmox can write down

// "CPU Cores" -> "cpu_cores".
std::string small_name(std::string_view name) {
    std::string small;
    for (const char c : name)
        small += c == ' ' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return small;
}

// The value as a whole number within limits; otherwise a problem.
std::optional<std::int64_t> whole(std::string_view text, std::int64_t least, std::int64_t most) {
    const auto number = whole_in(text);
    return number && *number >= least && *number <= most ? number : std::nullopt;
}

// "4" is GiB, as billing counts; "512M" says its own unit.
std::optional<std::int64_t> mebibytes(std::string_view text) {
    constexpr std::int64_t most = std::int64_t{16'384} * 1024;
    const auto gib = number_in(text);
    const auto bytes = gib ? std::nullopt : parse_size(text);
    if (gib && !(*gib > 0 && *gib <= 16'384)) return std::nullopt;
    const std::int64_t size =
        gib ? static_cast<std::int64_t>(*gib * 1024) : bytes.value_or(0) / mib;
    return size >= 16 && size <= most ? std::optional(size) : std::nullopt;
}

struct Option {
    std::string_view module;
    std::string_view what;
    bool (*set)(DeclaredPackage& package, const std::string& value);
};

template <typename Field, typename Value>
bool put(Field& field, const std::optional<Value>& value) {
    if (value) field = static_cast<Field>(*value);
    return value.has_value();
}

bool put_rate(double& field, const std::string& value) {
    const auto rate = number_in(value);
    const bool good = rate && (*rate == 0 || (*rate >= least_rate && *rate <= 100'000));
    return put(field, good ? rate : std::nullopt);
}

bool put_iops(std::int64_t& field, const std::string& value) {
    return put(field, whole(value, 0, 10'000'000));
}

constexpr std::string_view mib_per_second = "MiB per second from 0.001, 0 for no limit";
constexpr std::string_view per_second = "operations per second, 0 for no limit";

// clang-format off
const Option options[] = {
    {"CPU Cores", "whole number from 1 to 1024",
        [](auto& p, auto& v) { return put(p.cores, whole(v, 1, 1024)); }},
    {"RAM", "GiB, or a size with its unit: 512M; from 16M to 16T",
        [](auto& p, auto& v) { return put(p.memory_mib, mebibytes(v)); }},
    {"Backups", "whole number from 0 to 1000",
        [](auto& p, auto& v) { return put(p.backups, whole(v, 0, 1000)); }},
    {"Snapshots", "whole number from 0 to 1000",
        [](auto& p, auto& v) { return put(p.snapshots, whole(v, 0, 1000)); }},
    {"System Disk", "GiB, 0 for the template's size",
        [](auto& p, auto& v) { return put(p.system_disk.size_gib, whole(v, 0, 1'000'000)); }},
    {"Additional Disk", "GiB, 0 for none",
        [](auto& p, auto& v) { return put(p.additional_disk.size_gib, whole(v, 0, 1'000'000)); }},
    {"System Disk Read Bandwidth", mib_per_second,
        [](auto& p, auto& v) { return put_rate(p.system_disk.limits.mib_read, v); }},
    {"System Disk Write Bandwidth", mib_per_second,
        [](auto& p, auto& v) { return put_rate(p.system_disk.limits.mib_write, v); }},
    {"System Disk Read IOPS", per_second,
        [](auto& p, auto& v) { return put_iops(p.system_disk.limits.iops_read, v); }},
    {"System Disk Write IOPS", per_second,
        [](auto& p, auto& v) { return put_iops(p.system_disk.limits.iops_write, v); }},
    {"Additional Disk Read Bandwidth", mib_per_second,
        [](auto& p, auto& v) { return put_rate(p.additional_disk.limits.mib_read, v); }},
    {"Additional Disk Write Bandwidth", mib_per_second,
        [](auto& p, auto& v) { return put_rate(p.additional_disk.limits.mib_write, v); }},
    {"Additional Disk Read IOPS", per_second,
        [](auto& p, auto& v) { return put_iops(p.additional_disk.limits.iops_read, v); }},
    {"Additional Disk Write IOPS", per_second,
        [](auto& p, auto& v) { return put_iops(p.additional_disk.limits.iops_write, v); }},
    {"Network Bandwidth", "megabytes per second from 0.001, 0 for no limit",
        [](auto& p, auto& v) { return put_rate(p.network.rate_mbs, v); }},
    {"IPv4 Addresses", "whole number from 0 to 256",
        [](auto& p, auto& v) { return put(p.network.ipv4, whole(v, 0, 256)); }},
    {"IPv6 Addresses", "whole number from 0 to 256",
        [](auto& p, auto& v) { return put(p.network.ipv6, whole(v, 0, 256)); }},
    {"Operating System", "the name of a template",
        [](auto& p, auto& v) { p.os_template = v; return !v.empty(); }},
};
// clang-format on

bool is_host_name(std::string_view text) {
    const auto good = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
    };
    if (text.empty() || text.size() > 253) return false;
    while (true) {
        const std::string_view label = text.substr(0, text.find('.'));
        if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
            !std::all_of(label.begin(), label.end(), good))
            return false;
        if (label.size() == text.size()) return true;
        text.remove_prefix(label.size() + 1);
    }
}

bool is_user_name(std::string_view text) {
    const auto good = [](char c) {
        return std::islower(static_cast<unsigned char>(c)) != 0 ||
               std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    };
    return !text.empty() && text.size() <= 32 && good(text.front()) &&
           std::isdigit(static_cast<unsigned char>(text.front())) == 0 && text.front() != '-' &&
           std::all_of(text.begin(), text.end(), good);
}

bool is_ssh_key(std::string_view text) {
    return (text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-")) &&
           text.find(' ') != std::string_view::npos &&
           text.find_first_of("\r\n") == std::string_view::npos && text.size() < 16 * 1024;
}

bool is_email(std::string_view text) {
    const auto at = text.find('@');
    return at != std::string_view::npos && at > 0 && at == text.rfind('@') &&
           is_host_name(text.substr(at + 1)) &&
           text.find_first_of(" \t\r\n<>,;") == std::string_view::npos;
}

constexpr std::string_view members[] = {"service_id",
                                        "package",
                                        "client_id",
                                        "email",
                                        "domain",
                                        "username",
                                        "node",
                                        "ssh_keys",
                                        "options"};

class OrderReader {
  public:
    explicit OrderReader(std::string_view payload)
        : data_(JsonValue::parse(payload, nullptr, /*allow_exceptions=*/false)) {}

    Order read() {
        Order order;
        if (!data_.is_object()) {
            problems.emplace_back("data: must be a JSON object with the order in it");
            return order;
        }
        order.service_id = text("service_id");
        order.package = text("package");
        order.client_id = text("client_id");
        order.email = text("email");
        order.domain = small_name(text("domain"));
        order.username = text("username");
        order.node = text("node");
        read_keys(order);
        read_options(order);
        check(order);
        return order;
    }

    Problems problems;

  private:
    std::string text(const char* name) {
        const auto found = data_.find(name);
        if (found == data_.end() || found->is_null()) return {};
        const auto value = text_of(*found);
        if (!value || found->is_boolean())
            problems.push_back(fmt::format("data.{}: must be a text", name));
        return value.value_or("");
    }

    void read_keys(Order& order) {
        const auto keys = data_.find("ssh_keys");
        if (keys == data_.end() || keys->is_null()) return;
        if (!keys->is_array() || keys->size() > ssh_keys_most) {
            problems.push_back(
                fmt::format("data.ssh_keys: must be a list of at most {} keys", ssh_keys_most));
            return;
        }
        for (std::size_t i = 0; i < keys->size(); ++i) {
            const std::string key = text_of((*keys)[i]).value_or("");
            if (!is_ssh_key(key))
                problems.push_back(fmt::format(
                    "data.ssh_keys[{}]: is no public key; one line as in authorized_keys", i));
            order.ssh_keys.push_back(key);
        }
    }

    void read_options(Order& order) {
        const auto given = data_.find("options");
        if (given == data_.end() || given->is_null()) return;
        if (!given->is_object()) {
            problems.emplace_back("data.options: must be an object of name and value");
            return;
        }
        for (const auto& [name, value] : given->items()) {
            if (const auto as_text = text_of(value))
                order.options[small_name(name)] = *as_text;
            else
                problems.push_back(
                    fmt::format("data.options.{}: must be a number or a text", name));
        }
    }

    void check(const Order& order) {
        for (const auto& member : data_.items()) {
            const std::string& name = member.key();
            if (name == "password")
                problems.emplace_back(
                    "data.password: is never taken from a topic; leave it out, and one is made");
            else if (std::find(std::begin(members), std::end(members), name) == std::end(members))
                problems.push_back(fmt::format("data.{}: unknown; there are {}",
                                               clean_text(name.substr(0, 100)),
                                               fmt::join(members, ", ")));
        }
        if (order.package.empty())
            problems.emplace_back("data.package: is missing; name the package that was bought");
        if (!order.domain.empty() && !is_host_name(order.domain))
            problems.push_back(fmt::format("data.domain: \"{}\" is no host name", order.domain));
        if (!order.email.empty() && !is_email(order.email))
            problems.emplace_back("data.email: is no address; one as in jo@example.com");
        if (!order.username.empty() && !is_user_name(order.username))
            problems.push_back(fmt::format(
                "data.username: \"{}\" is no user name; small letters, digits, - and _, at most 32",
                order.username));
    }

    const JsonValue data_;
};

void apply_options(const Order& order, DeclaredPackage& package, Problems& problems) {
    for (const auto& given : order.options) {
        const std::string& name = given.first;
        const std::string& value = given.second;
        const auto option = std::find_if(std::begin(options), std::end(options), [&](auto& one) {
            return small_name(one.module) == name;
        });
        if (option == std::end(options)) {
            std::vector<std::string> names;
            for (const Option& one : options) names.push_back(small_name(one.module));
            problems.push_back(fmt::format(
                "data.options.{}: unknown; there are {}", name, fmt::join(names, ", ")));
        } else if (!option->set(package, value)) {
            problems.push_back(
                fmt::format("data.options.{}: \"{}\" is not right; {}", name, value, option->what));
        }
    }
    if (!order.node.empty()) package.node = order.node;
}

// Where nothing is wrong, the answer is whole.
std::optional<Wanted> resolve(const Inventory& inventory,
                              std::string_view payload,
                              Problems& problems) {
    OrderReader reader(payload);
    Wanted wanted{.order = reader.read()};
    problems = std::move(reader.problems);
    if (wanted.order.package.empty()) return std::nullopt;
    const DeclaredPackage* package = inventory.package(wanted.order.package);
    if (package == nullptr) {
        problems.push_back(fmt::format(
            "data.package: there is no package \"{}\"; `slipway get packages` lists them",
            wanted.order.package));
        return std::nullopt;
    }
    wanted.package = *package;
    apply_options(wanted.order, wanted.package, problems);
    const DeclaredCluster* cluster = inventory.cluster(wanted.package.cluster);
    const DeclaredTemplate* os_template =
        inventory.os_template(wanted.package.cluster, wanted.package.os_template);
    if (cluster == nullptr)
        problems.push_back(fmt::format(
            "package {}: there is no cluster \"{}\"", wanted.package.name, wanted.package.cluster));
    if (os_template == nullptr)
        problems.push_back(fmt::format("operating system: cluster {} has no template \"{}\"",
                                       wanted.package.cluster,
                                       wanted.package.os_template));
    if (cluster == nullptr || os_template == nullptr || !problems.empty()) return std::nullopt;
    wanted.cluster = *cluster;
    wanted.os_template = *os_template;
    return wanted;
}

}  // namespace

std::vector<OptionName> option_names() {
    std::vector<OptionName> names;
    for (const Option& option : options)
        names.push_back({small_name(option.module), option.module, option.what});
    return names;
}

std::vector<std::string> wrong_with_order(const Inventory& inventory, std::string_view payload) {
    Problems problems;
    if (const auto wanted = resolve(inventory, payload, problems)) {
        InventoryCheck check(inventory);
        check.check_addresses(wanted->package);
        for (const InventoryProblem& problem : std::move(check).problems())
            problems.push_back(fmt::format("data.options: {}", problem.what));
    }
    return problems;
}

Wanted wanted_of(const Inventory& inventory, std::string_view payload) {
    Problems problems;
    auto wanted = resolve(inventory, payload, problems);
    if (!wanted)
        throw Error(fmt::format("the order cannot be done: {}", fmt::join(problems, "; ")));
    return *std::move(wanted);
}

}  // namespace slipway
