// UPIDs: those that Proxmox writes, and those that look like it.

#include "consumers/proxmox/upid.h"

#include <fmt/chrono.h>
#include <gtest/gtest.h>

namespace slipway {
namespace {

std::string shown(std::string_view text) {
    try {
        const Upid upid = parse_upid(text);
        return fmt::format("{} {} {} {} [{}] {} at {}",
                           upid.node,
                           upid.pid,
                           upid.pstart,
                           upid.type,
                           upid.id,
                           upid.user,
                           upid.started.time_since_epoch().count() / 1'000'000);
    } catch (const Error& error) {
        const std::string all = error.what();
        const std::size_t begin = all.find(" is no UPID: ") + 13;
        return all.substr(begin, all.find("; a UPID looks like") - begin);
    }
}

TEST(Upid, IsReadAsProxmoxWritesIt) {
    struct Row {
        std::string_view upid;
        std::string_view shown;
    };
    // clang-format off
    const Row rows[] = {
        {"UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam!slipway:",  "pve1 2024 611314 qmclone [9000] root@pam!slipway at 1795174562"},
        {"UPID:pve1:000007E8:1000953F2:6B0030A2:qmstart:100:root@pam:",          "pve1 2024 4295578610 qmstart [100] root@pam at 1795174562"},
        {"UPID:n:000007e8:000953f2:6b0030a2:vzdump::ops@pve!full:",              "n 2024 611314 vzdump [] ops@pve!full at 1795174562"},
        {"UPID:pve-1a:000007E8:000953F2:6B0030A2:imgdel:100@local:a.b@ldap.x:",  "pve-1a 2024 611314 imgdel [100@local] a.b@ldap.x at 1795174562"},
        {"UPID:pve1:000007E8:000953F2:6B0030A2:qmmove:100-scsi0>101-scsi1:a@b:", "pve1 2024 611314 qmmove [100-scsi0>101-scsi1] a@b at 1795174562"},
    };
    // clang-format on
    for (const Row& row : rows) {
        EXPECT_EQ(shown(row.upid), row.shown);
        EXPECT_EQ(parse_upid(row.upid).text, row.upid);
    }
}

TEST(Upid, IsRefusedWithTheReason) {
    struct Row {
        std::string text;
        std::string_view why;
    };
    // clang-format off
    const Row rows[] = {
        // As a guide shows it: node, pid, starttime, type.
        {"UPID:pve1:00001234:12345678:qmstart:100:root@pam:",                   "it has no pstart (the process's start, between pid and starttime)"},
        {"UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam",          "it does not end with a colon"},
        {"UPID%3Apve1%3A000007E8%3A000953F2%3A6B0030A2%3Aqmclone%3A9000%3Aroot@pam%3A", "it is percent-encoded; give it with its colons"},
        {"pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam:",              "it does not begin with \"UPID:\""},
        {"",                                                                    "it does not begin with \"UPID:\""},
        {"OK",                                                                  "it does not begin with \"UPID:\""},
        {"UPID:",                                                               "it has not its eight parts"},
        {"UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam:x",        "something follows its last colon"},
        {"UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam::",        "it has not its eight parts"},
        {"UPID:-pve:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam:",         "its node is not a node's name"},
        {"UPID:p.e:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam:",          "its node is not a node's name"},
        {"UPID::000007E8:000953F2:6B0030A2:qmclone:9000:root@pam:",             "its node is not a node's name"},
        {"UPID:pve1:7E8:000953F2:6B0030A2:qmclone:9000:root@pam:",              "its pid has not 8 hex digits"},
        {"UPID:pve1:000007G8:000953F2:6B0030A2:qmclone:9000:root@pam:",         "its pid has not 8 hex digits"},
        {"UPID:pve1:000007E8:0953F2:6B0030A2:qmclone:9000:root@pam:",           "its pstart has neither 8 nor 9 hex digits"},
        {"UPID:pve1:000007E8:00000953F2:6B0030A2:qmclone:9000:root@pam:",       "its pstart has neither 8 nor 9 hex digits"},
        {"UPID:pve1:000007E8:000953F2:16B0030A2:qmclone:9000:root@pam:",        "its starttime has not 8 hex digits"},
        {"UPID:pve1:000007E8:000953F2:6B0030A2::9000:root@pam:",                "its type is not a word"},
        {"UPID:pve1:000007E8:000953F2:6B0030A2:qm/clone:9000:root@pam:",        "its type is not a word"},
        {"UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9 0:root@pam:",          "its id holds a space or a slash"},
        {"UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000::",                 "its user is not a user's name"},
        {"UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root:",             "its user has no realm (user@realm)"},
        {" UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam:",        "it does not begin with \"UPID:\""},
        {"UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam:\n",       "something follows its last colon"},
        {"UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:\xff:root@pam:",         "it is not valid UTF-8"},
        {"UPID:" + std::string(2'000, 'a'),                                     "it is longer than 1,024 bytes"},
    };
    // clang-format on
    for (const Row& row : rows) EXPECT_EQ(shown(row.text), row.why) << row.text;
}

TEST(Upid, SaysWhatOneLooksLike) {
    try {
        parse_upid("nonsense");
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "\"nonsense\" is no UPID: it does not begin with \"UPID:\"; a UPID looks like "
                     "UPID:pve1:000007E8:000953F2:6B0030A2:qmclone:9000:root@pam!slipway:");
    }
}

}  // namespace
}  // namespace slipway
