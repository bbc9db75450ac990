// What must survive: messages that nobody can read, thousands of them among the good ones.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/live/installation.h"
#include "tests/live/skipping.h"

namespace slipway {
namespace {

using namespace std::chrono_literals;

// The most that Kafka takes by default is 1,048,588 bytes for a message with all around it.
constexpr std::size_t largest_body = 1'000'000;
constexpr int largest_each_topic = 3;
constexpr int junk_each_topic = 5'000;

struct Junk {
    const char* kind;
    std::vector<Header> headers;
    std::string body;
};

std::vector<Header> with(std::vector<Header> headers) {
    headers.insert(headers.begin(),
                   {{"ce_specversion", "1.0"}, {"content-type", "application/json"}});
    return headers;
}

// A readable envelope of a type that the topic knows, so that the fault is in the data alone.
std::vector<Header> good_envelope(bool requests) {
    return with({{"ce_type", requests ? "slipway.request.rehearse" : "slipway.state"},
                 {"ce_id", "junk"},
                 {"ce_source", "a stranger"}});
}

std::vector<Junk> junk_for(bool requests) {
    const std::string type = requests ? "slipway.request.rehearse" : "slipway.state";
    const std::string data = R"({"service_id":"s","pipeline":"rehearse","state":"x","run":1,)"
                             R"("version":1})";
    const auto good = good_envelope(requests);
    const auto id = [](const std::string& value) { return R"({"service_id":)" + value + "}"; };
    const std::vector<Header> structured{{"content-type", "application/cloudevents+json"}};
    return {
        {"nothing at all", {}, ""},
        {"no headers", {}, data},
        {"another version", {{"ce_specversion", "0.3"}, {"ce_type", type}}, data},
        {"no type", with({{"ce_id", "1"}, {"ce_source", "x"}}), data},
        {"unknown type", with({{"ce_type", "x.y"}, {"ce_id", "1"}, {"ce_source", "x"}}), data},
        {"no id", with({{"ce_type", type}, {"ce_source", "x"}}), data},
        {"endless id",
         with({{"ce_type", type}, {"ce_id", std::string(300, 'i')}, {"ce_source", "x"}}),
         data},
        {"no source", with({{"ce_type", type}, {"ce_id", "1"}}), data},
        {"bell in the source",
         with({{"ce_type", type}, {"ce_id", "1"}, {"ce_source", "\a"}}),
         data},
        {"another content type",
         {{"ce_specversion", "1.0"}, {"content-type", "text/xml"}, {"ce_type", type}},
         "<vm/>"},
        {"not JSON", good, "deploy it, please"},
        {"half of a JSON", good, data.substr(0, 20)},
        {"an array", good, "[" + data + "]"},
        {"bytes", good, std::string("\xff\xfe\0\x80", 4)},
        {"nested without end", good, std::string(10'000, '[')},
        {"no service", good, R"({"pipeline":"rehearse"})"},
        {"service of another form", good, id(R"("a b")")},
        {"service without end", good, id('"' + std::string(129, 's') + '"')},
        {"structured without data",
         structured,
         fmt::format(R"({{"specversion":"1.0","type":"{}","id":"1","source":"x"}})", type)},
        {"too large", good, std::string(largest_body, 'x')},
    };
}

const Junk& junk_at(int number, bool requests) {
    static const std::vector<Junk> of_requests = junk_for(true);
    static const std::vector<Junk> of_states = junk_for(false);
    const std::vector<Junk>& kinds = requests ? of_requests : of_states;
    if (number < largest_each_topic) return kinds.back();
    return kinds[static_cast<std::size_t>(number) % (kinds.size() - 1)];
}

std::string key_of(const Junk& junk, int number) {
    return fmt::format("{} {}", junk.kind, number);
}

// Numbered by its key, so that no two are alike; spread over all partitions by it, too.
void publish_junk(Installation& installation, const std::string& name, int from, int to) {
    for (int number = from; number < to; ++number) {
        const Junk& junk = junk_at(number, name == "requests");
        installation.bus().publish({.topic = installation.topic(name),
                                    .key = key_of(junk, number),
                                    .body = junk.body,
                                    .headers = junk.headers});
    }
}

std::string place(const std::string& topic, int partition, std::int64_t offset) {
    return fmt::format("{}/{}/{}", topic, partition, offset);
}

// The places on topics that dead-letter names, with a reason each.
std::set<std::string> origins_told(Installation& installation, std::size_t wanted) {
    std::set<std::string> origins;
    std::size_t seen = 0;
    TopicReader reader(installation.bus(), installation.topic("dead-letter"));
    reader.read_until(
        [&] {
            for (; seen < reader.messages().size(); ++seen) {
                const auto letter = nlohmann::json::parse(reader.messages()[seen].message.body);
                if (letter.at("kind") != "unreadable") continue;
                if (letter.at("reason").get<std::string>().empty()) continue;
                origins.insert(place(letter.at("origin_topic"),
                                     letter.at("origin_partition"),
                                     letter.at("origin_offset")));
            }
            return origins.size() >= wanted;
        },
        40s);
    return origins;
}

// The junk that lies on a topic and is not among the places told; its keys begin with its kind.
std::string untold_junk(Installation& installation,
                        const std::string& name,
                        const std::set<std::string>& told) {
    std::set<std::string> kinds;
    for (const Junk& junk : junk_for(true)) kinds.insert(junk.kind);
    std::string untold;
    std::set<std::string> found;
    std::size_t seen = 0;
    TopicReader reader(installation.bus(), installation.topic(name));
    reader.read_until(
        [&] {
            for (; seen < reader.messages().size(); ++seen) {
                const Received& each = reader.messages()[seen];
                const std::string& key = each.message.key;
                if (kinds.count(key.substr(0, key.rfind(' '))) == 0) continue;
                found.insert(key);
                const auto at = place(each.message.topic, each.partition, each.offset);
                if (told.count(at) == 0) untold += fmt::format("{} ({})\n", at, key);
            }
            return found.size() == junk_each_topic;
        },
        20s);
    for (int number = 0; number < junk_each_topic; ++number)
        if (found.count(key_of(junk_at(number, name == "requests"), number)) == 0)
            untold += fmt::format("{} was never on {}\n", number, name);
    return untold;
}

TEST(SurvivesStrangers, TenThousandUnreadableMessagesOfTwentyKinds) {
    if (auto why = cannot_run(Installation::missing())) GTEST_SKIP() << *why;
    Installation installation;
    const std::unique_ptr<SlipwayProcess> processes[] = {installation.run(), installation.run()};
    ASSERT_EQ(junk_for(true).size(), 20U);

    constexpr int rounds = 10;
    for (int round = 0; round < rounds; ++round) {
        for (const char* name : {"requests", "service"})
            publish_junk(installation,
                         name,
                         junk_each_topic / rounds * round,
                         junk_each_topic / rounds * (round + 1));
        installation.ask(20);
    }
    EXPECT_EQ(installation.wait_until_ready(30s), "") << "nothing else is delayed";
    // Single faults are not enough.
    processes[0]->kill9();
    processes[0]->start();

    const std::size_t all = 2U * junk_each_topic;
    const auto counted = [&] { return installation.store().count_dead_letters("unreadable"); };
    EXPECT_TRUE(wait_until([&] { return counted() == 2 * junk_each_topic; }, 60s)) << counted();
    const std::set<std::string> told = origins_told(installation, all);
    EXPECT_EQ(told.size(), all);
    for (const char* name : {"requests", "service"})
        EXPECT_EQ(untold_junk(installation, name, told), "");
    EXPECT_EQ(counted(), 2 * junk_each_topic) << "one row per message, however often it was read";
    EXPECT_EQ(installation.problems(), "");
    for (const auto& process : processes) EXPECT_EQ(process->stop(), 0) << process->tail();
}

}  // namespace
}  // namespace slipway
