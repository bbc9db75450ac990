// Wrong use explained: CLI11 says what it could not do, we say what may have been meant.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "consumers/runtime/config_keys.h"
#include "ops/slipway/command.h"

namespace slipway {
namespace {

// The sub-command that was understood, as far as one was.
const CLI::App& understood(const CLI::App& app) {
    const auto chosen = app.get_subcommands();
    return chosen.empty() ? app : understood(*chosen.back());
}

std::string name_of(const CLI::App& command) {
    const CLI::App* parent = command.get_parent();
    return parent == nullptr ? command.get_name() : name_of(*parent) + " " + command.get_name();
}

std::vector<std::string> options_of(const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::App* each = &command; each != nullptr; each = each->get_parent())
        for (const CLI::Option* option : each->get_options())
            for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    return names;
}

std::vector<std::string> commands_of(const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; }))
        if (!sub->get_group().empty()) names.push_back(sub->get_name());
    return names;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
    const std::vector<std::string_view> words(known.begin(), known.end());
    const auto near = nearest(word, words);
    return near ? fmt::format("; did you mean {}?", *near) : "";
}

std::string about(const CLI::App& command, const std::string& unknown) {
    if (unknown.starts_with("-"))
        return fmt::format(
            "there is no option {}{}", unknown, did_you_mean(unknown, options_of(command)));
    const auto commands = commands_of(command);
    if (!commands.empty())
        return fmt::format("there is no command {}{}", unknown, did_you_mean(unknown, commands));
    return fmt::format("{} is one argument too many", unknown);
}

}  // namespace

std::string what_is_wrong(const CLI::App& app, const CLI::ParseError& error) {
    const CLI::App& command = understood(app);
    const auto unknown = app.remaining(true);
    const auto commands = commands_of(command);
    std::string what = error.what();
    if (!unknown.empty())
        what = about(command, unknown.front());
    else if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !commands.empty())
        what = fmt::format("a command is missing: one of {}", fmt::join(commands, ", "));
    return fmt::format("{}\n    {} --help says more", what, name_of(command));
}

}  // namespace slipway
