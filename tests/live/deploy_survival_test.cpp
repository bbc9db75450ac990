// What must survive: two hundred orders from order to letter, while somebody kills a process every
// two seconds. Everything outside is real, but Proxmox, which is `slipway sandbox` over TLS.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>
#include <random>

#include "tests/live/datacentre_checks.h"
#include "tests/live/skipping.h"
#include "topics/event.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

constexpr int vms = 200;
constexpr int vms_per_wave = 20;
constexpr int kills_most = 60;

Message billing_says(Datacentre& datacentre,
                     const std::string& id,
                     const std::string& service,
                     const std::string& payload) {
    return to_message(RequestEvent{.id = id,
                                   .source = "billing",
                                   .type = "deploy",
                                   .service_id = service,
                                   .payload = payload},
                      datacentre.slipway().topic("requests"));
}

class Orderer {
  public:
    explicit Orderer(Datacentre& datacentre) : datacentre_(datacentre) {}

    // Some of the wave come by the command line, some have more cores than their package, and each
    // third event comes twice.
    void order_wave() {
        for (int i = 0; i < vms_per_wave; ++i) {
            const std::string service = fmt::format("{}", 5000 + orders.size());
            const Product& bought = products()[orders.size() % products().size()];
            const bool more_cores = i % 5 == 0;
            orders[service] = {&bought, more_cores ? 7 : bought.cores};
            datacentre_.slipway().look_at(service);
            if (i % 10 == 7) {
                order_by_command(service, bought);
                continue;
            }
            const std::string more = more_cores ? R"(, "options": {"CPU Cores": 7})" : "";
            for (int again = 0; again < (i % 3 == 0 ? 2 : 1); ++again)
                datacentre_.order(service, bought, more);
        }
    }

    // Everything that cannot be done, and how its reason begins.
    void order_what_cannot_be_done() {
        say("wrong-package",
            R"({"service_id": "9001", "package": "vps-none"})",
            "9001",
            "data.package: there is no package \"vps-none\"");
        say("wrong-option",
            R"({"service_id": "9002", "package": "vps-move", "options": {"ram": -1}})",
            "9002",
            "data.options.ram: \"-1\" is not right");
        say("has-password",
            R"({"service_id": "9003", "package": "vps-move", "password": "kept-by-nobody"})",
            "9003",
            "data.password: is never taken from a topic");
        say("once-more", R"({"service_id": "5000", "package": "vps-move"})", "5000", "deploy: ");
        datacentre_.publish({.topic = datacentre_.slipway().topic("requests"),
                             .key = "9004",
                             .body = "no JSON at all",
                             .headers = {}});
    }

    Orders orders;
    std::map<std::string, std::string> refused;  // why, by the order's id

  private:
    void say(const std::string& id,
             const std::string& payload,
             const std::string& service,
             const std::string& why) {
        datacentre_.publish(billing_says(datacentre_, id, service, payload));
        refused[id] = why;
    }

    void order_by_command(const std::string& service, const Product& bought) {
        for (int again = 0; again < 2; ++again) {
            const Ended ended = datacentre_.order_by_command(service, bought);
            EXPECT_EQ(ended.exit_code, 0) << ended.output << ended.errors;
        }
        orders[service].cores = bought.cores;
    }

    Datacentre& datacentre_;
};

// Each is rejected in its row, and stands on the topic of dead letters with the same reason.
std::string wrong_refusals(Datacentre& datacentre, const Orderer& orderer) {
    Wrongs wrongs;
    std::map<std::string, std::string> heard;
    std::size_t unreadable = 0;
    TopicReader reader(datacentre.slipway().bus(), datacentre.slipway().topic("dead-letter"));
    reader.read_all(30s);
    for (const Received& received : reader.messages()) {
        const std::string& key = received.message.key;
        if (key.starts_with("request/"))
            heard[key.substr(8)] = received.message.body;
        else
            ++unreadable;
    }
    for (const auto& [id, why] : orderer.refused) {
        const auto rows = datacentre.slipway().store().requests({&id, 1});
        if (rows.empty() || rows[0].status != "rejected" || !rows[0].why.starts_with(why))
            wrongs.add(
                "{} is {}", id, rows.empty() ? "unknown" : rows[0].status + ": " + rows[0].why);
        else if (heard[id].find(rows[0].id) == std::string::npos)
            wrongs.add("billing has not heard that {} is rejected", id);
    }
    if (heard.size() != orderer.refused.size())
        wrongs.add(
            "{} rejections were told, {} orders were wrong", heard.size(), orderer.refused.size());
    if (unreadable == 0) wrongs.add("nobody has heard of the message that cannot be read");
    const auto done = sql(datacentre, "SELECT count(*) FROM request WHERE status = 'done'");
    if (done.at(0) != fmt::format("{}", orderer.orders.size()))
        wrongs.add("{} requests are done", done.at(0));
    return wrongs.text();
}

std::vector<std::unique_ptr<SlipwayProcess>> start_processes(Installation& slipway) {
    std::vector<std::unique_ptr<SlipwayProcess>> processes;
    processes.push_back(slipway.run({"intake", "due", "mailer", "deploy"}));
    processes.push_back(slipway.run({"intake", "due", "mailer", "deploy"}));
    processes.push_back(slipway.run({"deploy"}));
    processes.push_back(slipway.run({"mailer", "due"}));
    return processes;
}

std::size_t ready(Installation& slipway) {
    const auto rows = slipway.rows();
    return static_cast<std::size_t>(
        std::count_if(rows.begin(), rows.end(), [](const Vm& vm) { return vm.state == "ready"; }));
}

TEST(DeploySurvival, OfTwoHundredOrdersWithAKillEveryTwoSeconds) {
    if (auto why = cannot_run(Datacentre::missing())) GTEST_SKIP() << *why;
    const unsigned seed = seed_of_this_run();
    SCOPED_TRACE(fmt::format("SLIPWAY_SEED={}", seed));
    std::mt19937 chance(seed);
    Datacentre datacentre;
    Installation& slipway = datacentre.slipway();
    const auto processes = start_processes(slipway);
    Orderer orderer(datacentre);

    int kills = 0;
    while (kills < kills_most && (orderer.orders.size() < vms || ready(slipway) < vms)) {
        if (orderer.orders.size() < vms) orderer.order_wave();
        if (kills == 3) orderer.order_what_cannot_be_done();
        let_pass(2s);
        SlipwayProcess& victim = *processes[chance() % processes.size()];
        victim.kill9();
        victim.start();
        ++kills;
    }
    std::cout << fmt::format("{} kills; then {} of {} were ready\n", kills, ready(slipway), vms);

    ASSERT_EQ(slipway.wait_until_ready(60s), "");
    const auto unsent = [&] {
        return sql(datacentre, "SELECT count(*) FROM letter WHERE sent_at IS NULL").at(0);
    };
    EXPECT_TRUE(wait_until([&] { return unsent() == "0"; }, 90s))
        << unsent() << " letters; a letter whose mailer died is found again after a minute";
    EXPECT_EQ(slipway.problems(), "");
    EXPECT_EQ(slipway.untold(60s), "") << "a silent process is told for after 30 s";
    Survey survey(datacentre, orderer.orders);
    EXPECT_EQ(survey.wrong_machines(), "");
    EXPECT_EQ(survey.orphans(), "");
    EXPECT_EQ(survey.doubly_given(), "");
    EXPECT_EQ(survey.wrong_names(), "");
    EXPECT_EQ(survey.left_over(), "");
    EXPECT_EQ(wrong_refusals(datacentre, orderer), "");
    const Survey::Letters letters = survey.letters();
    EXPECT_EQ(letters.wrong, "");
    EXPECT_EQ(letters.passwords.size(), static_cast<std::size_t>(vms));
    std::cout << fmt::format(
        "{} letters for {} VMs: {} repeats\n", letters.arrived, vms, letters.repeats);

    std::vector<const SlipwayProcess*> witnesses;
    for (const auto& process : processes) witnesses.push_back(process.get());
    std::vector<std::string> secrets = datacentre.secrets();
    for (const auto& [service, password] : letters.passwords) secrets.push_back(password);
    EXPECT_EQ(told_secrets(datacentre, secrets, witnesses), "");
    for (const auto& process : processes) EXPECT_EQ(process->stop(), 0) << process->tail();
}

}  // namespace
}  // namespace slipway
