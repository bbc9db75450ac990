// How long a deploy takes, and what it asks of Proxmox: printed, for whoever makes it faster.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>

#include "tests/live/datacentre_checks.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

class DeployPace : public testing::Test {
  protected:
    void SetUp() override {
        if (auto why = cannot_run(Datacentre::missing())) GTEST_SKIP() << *why;
    }
};

Orders order(Datacentre& datacentre, int vms) {
    Orders orders;
    for (int i = 0; i < vms; ++i) {
        const std::string service = fmt::format("{}", 5000 + i);
        const Product& bought = products()[static_cast<std::size_t>(i) % products().size()];
        orders[service] = {&bought, bought.cores};
        datacentre.slipway().look_at(service);
        datacentre.order(service, bought);
    }
    return orders;
}

void expect_all_well(Datacentre& datacentre, const Orders& orders) {
    EXPECT_TRUE(
        wait_until([&] { return datacentre.mail().letters().size() >= orders.size(); }, 60s));
    EXPECT_EQ(datacentre.slipway().problems(), "");
    EXPECT_EQ(datacentre.slipway().untold(30s), "");
    Survey survey(datacentre, orders);
    EXPECT_EQ(survey.wrong_machines(), "");
    EXPECT_EQ(survey.orphans(), "");
    EXPECT_EQ(survey.doubly_given(), "");
    EXPECT_EQ(survey.wrong_names(), "");
    EXPECT_EQ(survey.left_over(), "");
    const Survey::Letters letters = survey.letters();
    EXPECT_EQ(letters.wrong, "");
    EXPECT_EQ(letters.repeats, 0U) << "nobody was killed";
}

// The processes write a record per call: msg=proxmox … call="POST /nodes/pve1/qemu/9000/clone".
std::string calls_by_kind(const std::string& log, std::size_t vms) {
    std::map<std::string, std::size_t> counts;
    std::size_t all = 0;
    for (std::size_t at = log.find("call=\""); at != std::string::npos;
         at = log.find("call=\"", at + 1)) {
        const std::size_t begin = at + 6;
        std::string call = log.substr(begin, log.find('"', begin) - begin);
        std::string kind;
        bool in_number = false;
        for (const char c : call.substr(0, call.find('?'))) {  // numbers differ, kinds do not
            const bool digit = c >= '0' && c <= '9';
            if (!digit) kind += c;
            if (digit && !in_number) kind += '#';
            in_number = digit;
        }
        if (const std::size_t upid = kind.find("UPID:"); upid != std::string::npos)
            kind.replace(upid, kind.find('/', upid) - upid, "UPID");
        ++counts[kind];
        ++all;
    }
    std::string text;
    for (const auto& [kind, count] : counts)
        text += fmt::format(
            "{:8.2f}  {}\n", static_cast<double>(count) / static_cast<double>(vms), kind);
    return text +
           fmt::format("{:8.2f}  in all\n", static_cast<double>(all) / static_cast<double>(vms));
}

// From order to ready, and that without the time between a step that waits for a task and its next
// look, whatever of it the task needed.
constexpr const char* own_times = R"(
WITH looks AS (
    SELECT *, lead(began) OVER (PARTITION BY service_id ORDER BY row) - ended AS until_next
    FROM run_step)
SELECT service_id || ' ' || product || ': ' || ((run.ended - run.began) / 1000)::text
    || ' ms from order to ready, in '
    || (SELECT count(*) FROM looks l WHERE l.service_id = run.service_id AND (l.result = 'waiting' AND l.text ~ '(clone of|move from|to grow|to be made|the start)'))::text
    || ' waits ' || (SELECT sum(until_next) / 1000 FROM looks l
        WHERE l.service_id = run.service_id AND (l.result = 'waiting' AND l.text ~ '(clone of|move from|to grow|to be made|the start)'))::bigint::text
    || ', own ' || (((run.ended - run.began) - (SELECT sum(until_next) FROM looks l
        WHERE l.service_id = run.service_id AND (l.result = 'waiting' AND l.text ~ '(clone of|move from|to grow|to be made|the start)'))) / 1000)::bigint::text
FROM run JOIN vm_detail USING (service_id) ORDER BY service_id)";

// Behind "own ".
double own_ms(const std::string& row) {
    return std::atof(row.c_str() + row.rfind(' '));
}

std::vector<std::string> steps_of(Datacentre& datacentre, const std::string& service) {
    return sql(
        datacentre,
        fmt::format("SELECT lpad((began / 1000 - (SELECT began / 1000 FROM run WHERE "
                    "service_id = '{0}'))::text, 7) || ' ms' || lpad(((ended - began) / "
                    "1000.0)::numeric(9,1)::text, 8) || ' ms  ' || rpad(reached_state, 30) || "
                    "rpad(result, 9) || text FROM run_step WHERE service_id = '{0}' ORDER BY row",
                    service));
}

TEST_F(DeployPace, OfOneVm) {
    Datacentre datacentre({.speed = 100'000, .due_interval = 250ms});
    Installation& slipway = datacentre.slipway();
    const auto process = slipway.run({"intake", "due", "mailer", "deploy"});
    Orders orders;
    ASSERT_TRUE(wait_until([&] { return process->running(); }, 10s));
    for (int i = 0; i < 12; ++i) {
        const Product& bought = products()[static_cast<std::size_t>(i) % products().size()];
        const std::string service = fmt::format("{}", 5000 + i);
        orders[service] = {&bought, bought.cores};
        slipway.look_at(service);
        datacentre.order(service, bought);
        ASSERT_EQ(slipway.wait_until_ready(30s), "");
    }
    double slowest_of_warm = 0;
    for (const std::string& row : sql(datacentre, own_times)) {
        std::cout << row << '\n';
        if (row >= "5004") slowest_of_warm = std::max(slowest_of_warm, own_ms(row));
    }
    std::cout << "own time of the slowest warm VM: " << slowest_of_warm
              << " ms, without waiting for tasks; the goal is 150\n";
    for (const char* service : {"5004", "5006"})
        for (const std::string& row : steps_of(datacentre, service)) std::cout << row << '\n';
    std::cout << calls_by_kind(process->errors(), orders.size());
    expect_all_well(datacentre, orders);
    EXPECT_EQ(process->stop(), 0);
}

TEST_F(DeployPace, OfTwoHundred) {
    Datacentre datacentre({.speed = 20, .due_interval = 250ms});
    Installation& slipway = datacentre.slipway();
    const auto first = slipway.run({"intake", "due", "mailer", "deploy"});
    const auto second = slipway.run({"intake", "due", "mailer", "deploy"});
    const Orders orders = order(datacentre, 200);

    ASSERT_EQ(slipway.wait_until_ready(200s), "");

    std::cout << sql(datacentre,
                     "SELECT ((max(ended) - min(began)) / 1000)::text || ' ms for all' FROM run")
                     .at(0)
              << '\n'
              << calls_by_kind(first->errors() + second->errors(), orders.size());
    expect_all_well(datacentre, orders);
    EXPECT_EQ(first->stop(), 0);
    EXPECT_EQ(second->stop(), 0);
}

}  // namespace
}  // namespace slipway
