// What a VM is, and the records made for it: written when a step says so, kept by all others.

#include "tests/contract/store_contract.h"

namespace slipway {
namespace {

Vm with_identity(Vm vm) {
    vm.client = "7";
    vm.product = "small";
    vm.node = "pve1";
    vm.vmid = 2005;
    vm.name = "7-5546";
    vm.domain = "5546.example.com";
    vm.username = "root";
    vm.password = "sealed";
    vm.mac = "BC:24:11:00:00:01";
    vm.rev_dns = "{}";
    vm.service_status = "active";
    return vm;
}

constexpr const char* all_of_it =
    "client=7 product=small node=pve1 vmid=2005 name=7-5546 domain=5546.example.com username=root "
    "password=sealed mac=BC:24:11:00:00:01 rev_dns={} service_status=active";

// A VM that has become one.
Vm identified(Store& store, std::string_view service_id) {
    Change change = step_to(begun(store, service_id), "set_ip");
    change.next = with_identity(change.next);
    change.changes_detail = true;
    return saved(store, change);
}

TEST_P(StoreContract, AnOrderIsNobodyYet) {
    EXPECT_EQ(what_it_is(begun(store(), "5546")), "");
}

TEST_P(StoreContract, WritesWhatAVmIsOnlyWhenAChangeSaysSo) {
    Vm vm = identified(store(), "5546");
    EXPECT_EQ(what_it_is(vm), all_of_it);

    Change forgetful = step_to(vm, "clone");
    forgetful.next.mac = "not this one";
    vm = saved(store(), forgetful);
    EXPECT_EQ(what_it_is(vm), all_of_it);

    Change lost = step_to(vm, "set_dns");
    lost.version -= 1;
    lost.next.version -= 1;
    lost.next.name = "too late";
    lost.changes_detail = true;
    EXPECT_FALSE(save_one(store(), lost).won);
    EXPECT_EQ(what_it_is(load_one(store(), "5546").value()), all_of_it);
}

TEST_P(StoreContract, ARequestThatBeginsKeepsWhatTheVmIs) {
    Vm vm = saved(store(), rest_in(identified(store(), "5546"), "ready"));

    EXPECT_EQ(admit_one(store(), request(vm, "starts", Admission::Start)), AdmitResult::Done);
    vm = load_one(store(), "5546").value();
    EXPECT_EQ(what_it_is(vm), all_of_it);
    EXPECT_EQ(admit_one(store(), request(vm, "waits", Admission::Queue)), AdmitResult::Done);
    vm = saved(store(), rest_in(load_one(store(), "5546").value(), "ready"));
    vm = saved(store(), start(vm, "waits"));

    EXPECT_EQ(vm.request_id, "waits");
    EXPECT_EQ(what_it_is(vm), all_of_it);
}

TEST_P(StoreContract, ANewLifeIsWhatItsOrderSays) {
    const Vm gone = saved(store(), rest_in(identified(store(), "5546"), "remove"));
    Admitted again = request(gone, "again", Admission::Begin);
    again.next.mac = "";
    again.next.node = "";

    EXPECT_EQ(admit_one(store(), again), AdmitResult::Done);

    EXPECT_EQ(what_it_is(load_one(store(), "5546").value()),
              "client=7 product=small vmid=2005 name=7-5546 domain=5546.example.com username=root "
              "password=sealed rev_dns={} service_status=active");
}

DnsRecordRow record(std::string_view name, std::string_view value) {
    return {.provider = "powerdns",
            .zone = "example.com",
            .name = std::string(name),
            .type = "A",
            .value = std::string(value),
            .ttl = 300};
}

TEST_P(StoreContract, KeepsTheRecordsOfAVmAsTheLastStepThatKnewLeftThem) {
    const DnsRecordRow a = record("a.example.com", "10.0.0.1");
    const DnsRecordRow b = record("b.example.com", "10.0.0.2");
    DnsRecordRow ptr = record("1.0.0.10.in-addr.arpa", "a.example.com");
    ptr.type = "PTR";
    ptr.zone = "0.0.10.in-addr.arpa";
    Change other = step_to(begun(store(), "5547"), "set_ip");
    other.dns_records = {a};
    saved(store(), other);

    Change change = step_to(begun(store(), "5546"), "set_ip");
    change.dns_records = {b, a, ptr, a};
    Vm vm = saved(store(), change);
    EXPECT_EQ(store().dns_records("5546"), std::vector({ptr, a, b}));
    vm = saved(store(), step_to(vm, "clone"));
    EXPECT_EQ(store().dns_records("5546"), std::vector({ptr, a, b}));

    change = step_to(vm, "set_dns");
    change.dns_records = {b};
    vm = saved(store(), change);
    EXPECT_EQ(store().dns_records("5546"), std::vector({b}));
    change.dns_records = {a};
    EXPECT_FALSE(save_one(store(), change).won);
    EXPECT_EQ(store().dns_records("5546"), std::vector({b}));

    change = step_to(vm, "ready");
    change.dns_records = std::vector<DnsRecordRow>();
    saved(store(), change);
    EXPECT_TRUE(store().dns_records("5546").empty());
    EXPECT_EQ(store().dns_records("5547"), std::vector({a}));
}

}  // namespace
}  // namespace slipway
