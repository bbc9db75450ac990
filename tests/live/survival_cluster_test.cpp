// What must survive: the loss of one broker of three.

#include <gtest/gtest.h>

#include "tests/live/installation.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

TEST(SurvivesACluster, ThatLosesABrokerUnderLoad) {
    if (auto why = cannot_run(Installation::missing())) GTEST_SKIP() << *why;
    KafkaServer kafka({.brokers = 3});
    Installation installation({.kafka = &kafka, .replicas = 3});
    const auto process = installation.run();
    const std::string plan = R"({"wait_ms":{"clone":1000,"starting":1500}})";
    installation.ask(100, plan);
    ASSERT_EQ(installation.wait_until_begun(30s), "");

    kafka.kill9(0);
    installation.ask(100, plan);

    EXPECT_EQ(installation.wait_until_ready(60s), "");
    EXPECT_EQ(installation.problems(), "");
    EXPECT_EQ(installation.untold(30s), "");
    EXPECT_EQ(process->stop(), 0) << process->tail();
}

}  // namespace
}  // namespace slipway
