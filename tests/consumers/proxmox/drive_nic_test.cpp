// Drives and interfaces: read, changed and sent back whole, with nothing lost on the way.

#include <gtest/gtest.h>

#include <cmath>

#include "consumers/proxmox/drive.h"
#include "consumers/proxmox/nic.h"

namespace slipway {
namespace {

template <typename Parse, typename Print>
std::string there_and_back(std::string_view text, Parse parse, Print print) {
    try {
        return print(parse(text));
    } catch (const Error& error) {
        return std::string("wrong: ") + error.what();
    }
}

std::string drive(std::string_view text) {
    return there_and_back(text, parse_drive, print_drive);
}

std::string nic(std::string_view text) {
    return there_and_back(text, parse_nic, print_nic);
}

TEST(Drive, ComesBackAsItWas) {
    for (const std::string_view text :
         {"local-lvm:vm-100-disk-0,size=32G",
          "local:9000/base-9000-disk-0.qcow2/200/vm-200-disk-0.qcow2,size=1G",
          "local:102/vm-102-disk-0.qcow2,iops_rd=100,iops_wr=50,mbps_rd=10,mbps_wr=5.5,size=1G",
          "none,media=cdrom",
          "local:32",
          "local:0,import-from=local:import/a.qcow2",
          "local:vm-1-disk-0,serial=a%20b,unknown-option=kept"})
        EXPECT_EQ(drive(text), text);
    EXPECT_EQ(drive("size=32G,file=local:a"), "local:a,size=32G");
}

TEST(Drive, IsRefusedIfItIsNone) {
    EXPECT_EQ(drive("size=32G"), "wrong: \"size=32G\" is no drive: it names no volume");
    EXPECT_EQ(drive(""), "wrong: \"\" has an empty part between two commas, or is empty");
    EXPECT_EQ(drive("a,,b=c"),
              "wrong: \"a,,b=c\" has an empty part between two commas, or is empty");
    EXPECT_EQ(drive("a,"), "wrong: \"a,\" has an empty part between two commas, or is empty");
    EXPECT_EQ(drive("a,b"), "wrong: \"a,b\" has the key \"file\" twice");
    EXPECT_EQ(drive("a,b=1,b=2"), "wrong: \"a,b=1,b=2\" has the key \"b\" twice");
    EXPECT_EQ(drive("a,b c=1"), "wrong: \"a,b c=1\" has a part that is not key=value");
    EXPECT_EQ(drive("a\n"), "wrong: \"a\n\" holds a control character");
}

TEST(Drive, KnowsItsPartsAndSizes) {
    const Drive parsed = parse_drive("local-lvm:vm-100-disk-0,size=32G");
    EXPECT_EQ(parsed.storage(), "local-lvm");
    EXPECT_EQ(parsed.size_bytes(), 32LL << 30);
    EXPECT_FALSE(parsed.is_cdrom());
    EXPECT_TRUE(parse_drive("local:cloudinit,media=cdrom").is_cdrom());
    EXPECT_EQ(parse_drive("none").storage(), "");

    EXPECT_EQ(parse_size("3145729K"), 3145729LL << 10);
    EXPECT_EQ(parse_size("0T"), 0);
    EXPECT_EQ(parse_size("1.5G"), 3LL << 29);
    EXPECT_EQ(parse_size("1024"), 1024);
    for (const std::string_view none : {"", "G", "-1G", "+1G", "1g", "1GB", "1e3", "99999999999T"})
        EXPECT_EQ(parse_size(none), std::nullopt) << none;
}

TEST(Drive, TakesLimitsThatProxmoxCanStartWith) {
    Drive limited = parse_drive(
        "local:a,bps_rd=5,iops=7,iops_rd_max=200,iops_rd_max_length=5,mbps=10,size=1G,ssd=1");

    set_throttle(limited, {.iops_read = 100, .mib_write = 5.5});
    EXPECT_EQ(print_drive(limited), "local:a,size=1G,ssd=1,iops_rd=100,mbps_wr=5.5");
    EXPECT_EQ(throttle_of(limited), (Throttle{.iops_read = 100, .mib_write = 5.5}));
    set_throttle(limited, {.iops_read = 1'000'000'000});
    EXPECT_EQ(print_drive(limited), "local:a,size=1G,ssd=1,iops_rd=1000000000");
    set_throttle(limited, {});
    EXPECT_EQ(print_drive(limited), "local:a,size=1G,ssd=1");

    EXPECT_THROW(set_throttle(limited, {.iops_read = -1}), Error);
    EXPECT_THROW(set_throttle(limited, {.mib_read = 0.0000001}), Error);
    EXPECT_THROW(set_throttle(limited, {.mib_read = NAN}), Error);
}

TEST(Nic, ComesBackWithItsMac) {
    EXPECT_EQ(nic("virtio=BC:24:11:39:83:93,bridge=vmbr0,firewall=1,rate=12.5"),
              "virtio=BC:24:11:39:83:93,bridge=vmbr0,firewall=1,rate=12.5");
    EXPECT_EQ(nic("model=e1000,macaddr=bc:24:11:39:83:93,bridge=vmbr0"),
              "e1000=bc:24:11:39:83:93,bridge=vmbr0");
    EXPECT_EQ(nic("virtio,bridge=vmbr0,trunks=1;2-4"), "model=virtio,bridge=vmbr0,trunks=1;2-4");

    Nic changed = parse_nic("virtio=BC:24:11:39:83:93,bridge=vmbr0,tag=5");
    EXPECT_EQ(changed.option("tag"), "5");
    EXPECT_EQ(changed.option("rate"), "");
    set_property(changed.options, "tag", "6");
    set_property(changed.options, "rate", "12.5");
    erase_property(changed.options, "bridge");
    EXPECT_EQ(print_nic(changed), "virtio=BC:24:11:39:83:93,tag=6,rate=12.5");
    set_property(changed.options, "tag", "6,firewall=0");
    EXPECT_THROW(print_nic(changed), Error);
}

TEST(Nic, IsRefusedIfItIsNone) {
    const std::string no = "wrong: \"";
    EXPECT_EQ(nic("bridge=vmbr0"),
              no + "bridge=vmbr0\" is no network interface: it names no model that Proxmox has, "
                   "such as virtio");
    EXPECT_EQ(nic("virtio=BC:24:11:39:83:93,model=e1000"),
              no + "virtio=BC:24:11:39:83:93,model=e1000\" is no network interface: it names two "
                   "models");
    EXPECT_EQ(nic("virtio=BC:24:11:39:83:93,macaddr=BC:24:11:39:83:93"),
              no + "virtio=BC:24:11:39:83:93,macaddr=BC:24:11:39:83:93\" is no network interface: "
                   "it has two MAC addresses");
    for (const std::string mac : {"BC:24:11:39:83", "BD:24:11:39:83:93", "BC-24-11-39-83-93", ""})
        EXPECT_TRUE(nic("virtio=" + mac).ends_with("its MAC address is none of one host")) << mac;
}

}  // namespace
}  // namespace slipway
