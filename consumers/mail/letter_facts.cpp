#include "consumers/mail/letter_facts.h"

#include "topics/json.h"

namespace slipway {

LetterFacts letter_facts(const Vm& vm, const Holdings& holdings) {
    LetterFacts facts{.service_id = vm.service_id,
                      .client_id = vm.client,
                      .domain = vm.domain,
                      .name = vm.name,
                      .vmid = vm.vmid > 0 ? std::to_string(vm.vmid) : "",
                      .username = vm.username,
                      .package = vm.product,
                      .cluster = vm.cluster,
                      .node = vm.node};
    for (const HeldAddress& held : holdings.addresses) {
        const std::string address = print_address(held.address);
        facts.ips += facts.ips.empty() ? address : ", " + address;
    }
    if (const auto* first = holdings.first(IpVersion::V4)) facts.ip = print_address(first->address);
    if (const auto* first = holdings.first(IpVersion::V6))
        facts.ipv6 = print_address(first->address);
    return facts;
}

std::optional<std::string> customer_address(const Vm& vm) {
    if (vm.target.empty()) return std::nullopt;
    const JsonObject order(vm.target, "the order");
    const JsonMember* email = order.find("email");
    if (email == nullptr || email->kind != JsonKind::Text) return std::nullopt;
    std::string address = email->as_text();
    return address.empty() ? std::nullopt : std::optional(address);
}

std::optional<std::string> why_out_of_date(const Vm& vm) {
    if (vm.pipeline == "terminate") return "the service was terminated";
    if (vm.vmid == 0) return "the VM that it is about is gone; a new one gets a letter of its own";
    return std::nullopt;
}

}  // namespace slipway
