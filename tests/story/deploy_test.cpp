// Deploy, from an order to a machine that runs, on a Proxmox, name servers and a mail server in
// boxes.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/story/town.h"
#include "tests/story/transcript.h"

namespace slipway {
namespace {

TEST(Deploy, WalksThroughItsTableInFairWeather) {
    Town town({});

    town.order({.service_id = "5546", .pipeline = "deploy"});

    ASSERT_TRUE(comes_to_rest(town));
    EXPECT_EQ(town.vm("5546").state, state_ready);
}

}  // namespace
}  // namespace slipway
