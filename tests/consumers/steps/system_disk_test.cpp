#include "consumers/steps/system_disk.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

std::string found_in(std::map<std::string, std::string> values) {
    const auto disk = system_disk_of({.values = std::move(values), .digest = ""});
    return disk ? disk->key : "none";
}

TEST(TheSystemDisk, IsTheOneThatIsBootedFrom) {
    const std::string disk = "local:vm-1-disk-0,size=2G";
    const std::string cdrom = "local:vm-1-cloudinit,media=cdrom";
    EXPECT_EQ(found_in({{"boot", "order=scsi1;scsi0"}, {"scsi0", disk}, {"scsi1", disk}}), "scsi1");
    EXPECT_EQ(found_in({{"boot", "order=ide2;net0;virtio0"}, {"ide2", cdrom}, {"virtio0", disk}}),
              "virtio0");
    EXPECT_EQ(found_in({{"boot", "cdn"}, {"bootdisk", "sata0"}, {"scsi0", disk}, {"sata0", disk}}),
              "sata0");
    EXPECT_EQ(found_in({{"ide0", disk}, {"scsi3", disk}}), "scsi3");
    EXPECT_EQ(found_in({{"boot", "order=scsi0"}, {"ide0", disk}}), "ide0");
    EXPECT_EQ(found_in({{"ide2", cdrom}, {"scsihw", "virtio-scsi-pci"}, {"unused0", disk}}),
              "none");
    EXPECT_EQ(found_in({{"scsi0", "none,media=cdrom"}}), "none");
}

TEST(AnotherDisk, GoesBesideIt) {
    const VmConfig config{.values = {{"scsi0", "a:b"}, {"scsi1", "a:c"}, {"scsi3", "a:d"}},
                          .digest = ""};
    EXPECT_EQ(free_key_beside(config, "scsi0"), "scsi2");
    EXPECT_EQ(free_key_beside(config, "virtio0"), "virtio0");
    VmConfig full;
    for (const char* key : {"ide0", "ide1", "ide2", "ide3"}) full.values[key] = "a:b";
    EXPECT_THROW(free_key_beside(full, "ide0"), Error);
}

}  // namespace
}  // namespace slipway
