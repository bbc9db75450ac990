// slipway topics: what the catalogue says, what the cluster has, and what travels.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "consumers/runtime/config_keys.h"
#include "ops/slipway/command.h"
#include "ops/slipway/follow.h"
#include "ops/slipway/open.h"
#include "topics/asyncapi.h"
#include "topics/catalogue.h"
#include "topics/event.h"

namespace slipway {
namespace {

constexpr std::chrono::seconds longest_answer{30};

struct TopicsOptions {
    std::string catalogue_file;
    int replicas = 3;
};

struct TailOptions {
    std::string topic;
    std::string key;
    bool from_start = false;
    std::int64_t count = 0;  // 0: without end
};

Catalogue catalogue_of(const Config& config, const TopicsOptions& options) {
    const auto file = options.catalogue_file.empty()
                          ? std::nullopt
                          : std::optional<std::filesystem::path>(options.catalogue_file);
    try {
        return load_catalogue(file, config.broker.topic_prefix);
    } catch (const std::runtime_error& error) {
        throw UsageError(error.what());
    }
}

bool is_embedded(const Config& config) {
    if (config.broker.kind != BrokerKind::Embedded) return false;
    fmt::print(
        "The embedded broker gets its topics from `slipway up`: nothing to create or check.\n");
    return true;
}

// How the cluster differs from the catalogue, and what to do about it, topic by topic.
int report_differences(const std::vector<TopicAsIs>& cluster,
                       const std::vector<TopicSpec>& wanted) {
    const auto differences = compare(wanted, cluster);
    bool harm = false;
    for (const TopicDifference& difference : differences) {
        harm = harm || !difference.cure.empty();
        fmt::print(
            "{}: {} is {}, should be {}\n    {}\n",
            difference.topic,
            difference.what,
            difference.is,
            difference.should_be,
            difference.cure.empty() ? "nothing to do: more of them do no harm" : difference.cure);
    }
    if (differences.empty())
        fmt::print("all {} topics are as the catalogue wants them\n", wanted.size());
    return harm ? CouldNot : Succeeded;
}

int check_topics(const Config& config, const TopicsOptions& options) {
    if (is_embedded(config)) return Succeeded;
    const Catalogue catalogue = catalogue_of(config, options);
    return report_differences(
        describe_topics(kafka_settings(config), catalogue.full_names(), longest_answer),
        topic_specs(catalogue, options.replicas));
}

// The cluster says that a topic is made before every broker lists it, and any of them may be asked.
std::vector<TopicAsIs> describe_once_listed(const KafkaSettings& kafka,
                                            const Catalogue& catalogue,
                                            std::size_t listed) {
    const auto deadline = std::chrono::steady_clock::now() + longest_answer;
    auto cluster = describe_topics(kafka, catalogue.full_names(), longest_answer);
    while (cluster.size() < listed && std::chrono::steady_clock::now() < deadline)
        cluster = describe_topics(kafka, catalogue.full_names(), longest_answer);
    return cluster;
}

int create_missing_topics(const Config& config, const TopicsOptions& options) {
    if (is_embedded(config)) return Succeeded;
    const Catalogue catalogue = catalogue_of(config, options);
    auto wanted = topic_specs(catalogue, options.replicas);
    const KafkaSettings kafka = kafka_settings(config);
    const auto refused = create_topics(kafka, wanted, longest_answer);
    for (const TopicRefused& topic : refused) {
        fmt::print("{}: could not be created: {}\n", topic.name, topic.why);
        std::erase_if(wanted, [&](const TopicSpec& spec) { return spec.name == topic.name; });
    }
    if (!refused.empty() && options.replicas > 1)
        fmt::print(
            "    if there are fewer than {} brokers, say how many:\n"
            "    slipway topics create --replicas 1\n",
            options.replicas);
    if (wanted.empty()) return CouldNot;
    const int compared =
        report_differences(describe_once_listed(kafka, catalogue, wanted.size()), wanted);
    return refused.empty() ? compared : CouldNot;
}

int describe_catalogue(const Config& config, const TopicsOptions& options) {
    const Catalogue catalogue = catalogue_of(config, options);
    for (const CatalogueTopic& topic : catalogue.topics)
        fmt::print(
            "{}\n    {}\n    key {}; {} partitions, {} embedded; replication {}; kept {}\n"
            "    written by {}; read by {}{}\n\n",
            catalogue.full_name(topic),
            topic.why,
            topic.key,
            topic.partitions,
            topic.embedded_partitions,
            topic.replication,
            duration_text(topic.retention),
            fmt::join(topic.writers, ", "),
            fmt::join(topic.readers, ", "),
            topic.group.empty() ? "" : fmt::format(" in group {}", topic.group));
    return Succeeded;
}

// The full name of a topic given with or without the prefix.
std::string full_name_of(const Catalogue& catalogue, const std::string& name) {
    std::vector<std::string_view> known;
    for (const CatalogueTopic& topic : catalogue.topics) {
        if (name == topic.name || name == catalogue.full_name(topic))
            return catalogue.full_name(topic);
        known.emplace_back(topic.name);
    }
    const auto near = nearest(name, known);
    throw UsageError(fmt::format("there is no topic \"{}\"; {}",
                                 name,
                                 near ? fmt::format("did you mean {}?", *near)
                                      : fmt::format("there are {}", fmt::join(known, ", "))));
}

std::string type_of(const Message& message) {
    for (const Header& header : message.headers)
        if (header.name == "ce_type") return header.value;
    return "-";
}

int tail_topic(const Config& config, const TopicsOptions& options, const TailOptions& tail) {
    const std::string topic = full_name_of(catalogue_of(config, options), tail.topic);
    std::int64_t shown = 0;
    follow_topic(config,
                 {.topic = topic, .begin = tail.from_start ? Begin::Earliest : Begin::Newest},
                 [&](const Received& received) {
                     if (!tail.key.empty() && received.message.key != tail.key) return Follow::GoOn;
                     fmt::print("{}/{} {} {} {}\n",
                                received.partition,
                                received.offset,
                                clean_text(received.message.key),
                                clean_text(type_of(received.message)),
                                clean_text(received.message.body));
                     return ++shown == tail.count ? Follow::Stop : Follow::GoOn;
                 });
    return Succeeded;
}

struct TopicsCommand {
    std::string name;
    std::string help;
    std::string example;
    int (*does)(const Config&, const TopicsOptions&);
};

void add(CLI::App* topics,
         Context& context,
         const std::shared_ptr<TopicsOptions>& options,
         const TopicsCommand& described) {
    CLI::App* command = topics->add_subcommand(described.name, described.help);
    command->footer("Example:\n  " + described.example);
    command->callback([&context, options, does = described.does] {
        context.action = [&context, options, does] {
            return does(load_config(context).config, *options);
        };
    });
}

void add_tail(CLI::App* topics, Context& context, const std::shared_ptr<TopicsOptions>& options) {
    CLI::App* command =
        topics->add_subcommand("tail", "Print messages as they come; Ctrl-C ends it.");
    command->footer(
        "A line is: partition/offset, key, type, body.\n"
        "Example:\n"
        "  slipway topics tail dead-letter --from-start");
    const auto tail = std::make_shared<TailOptions>();
    command->add_option("topic", tail->topic, "Its name, with or without the prefix.")->required();
    command->add_option("--key", tail->key, "Only messages with this key.");
    command->add_option("--count", tail->count, "End after so many messages.")
        ->check(CLI::Range(1, 1'000'000));
    command->add_flag("--from-start", tail->from_start, "Begin with the oldest message.");
    command->callback([&context, options, tail] {
        context.action = [&context, options, tail] {
            return tail_topic(load_config(context).config, *options, *tail);
        };
    });
}

int print_asyncapi(const Config& config, const TopicsOptions& options) {
    fmt::print("{}\n", asyncapi_document(catalogue_of(config, options), SLIPWAY_VERSION));
    return Succeeded;
}

}  // namespace

void add_topics_command(CLI::App& app, Context& context) {
    CLI::App* topics = app.add_subcommand(
        "topics", "Create, check and describe the topics, and look at what travels on them.");
    topics->require_subcommand(1);
    topics->footer(
        "Example:\n"
        "  slipway topics create              once per installation and new version; safe to "
        "repeat\n"
        "  slipway topics check               exit code 1 if the cluster differs, and how\n"
        "  slipway topics tail step-events    everything that happens, as it travels");
    const auto options = std::make_shared<TopicsOptions>();
    topics
        ->add_option("--catalogue", options->catalogue_file, "Another catalogue than topics.yaml.")
        ->type_name("FILE");
    topics->add_option("--replicas", options->replicas, "Brokers there are, if fewer than wanted.")
        ->check(CLI::Range(1, 1'000'000));

    const TopicsCommand commands[] = {
        {"create",
         "Create the topics that are missing.",
         "slipway topics create --replicas 1   on a cluster of one broker",
         create_missing_topics},
        {"check",
         "Say how the cluster differs from the catalogue.",
         "slipway topics check   exit code 1 if it differs, and how that is mended",
         check_topics},
        {"describe",
         "Print the catalogue: every topic and why it exists.",
         "slipway topics describe | less",
         describe_catalogue},
        {"asyncapi",
         "Print an AsyncAPI document of all that travels.",
         "slipway topics asyncapi > asyncapi.json",
         print_asyncapi},
    };
    for (const TopicsCommand& command : commands) add(topics, context, options, command);
    add_tail(topics, context, options);
}

}  // namespace slipway
