// slipway pipelines: the tables as they are compiled in.

#include "ops/slipway/pipelines_text.h"

#include <fmt/format.h>

#include "ops/slipway/command.h"

namespace slipway {

void add_pipelines_command(CLI::App& app, Context& context) {
    CLI::App* command = app.add_subcommand(
        "pipelines", "Print the pipelines: every state, its step, and what a failure does.");
    command->footer(
        "Example:\n"
        "  slipway pipelines --mermaid > pipelines.mmd   a state diagram");
    const auto form = std::make_shared<std::string>("text");
    command->add_flag("--markdown{markdown},--mermaid{mermaid}",
                      *form,
                      "As Markdown tables, or "
                      "as a Mermaid state diagram.");
    command->callback([&context, form] {
        context.action = [form] {
            fmt::print("{}",
                       *form == "markdown"  ? pipelines_as_markdown()
                       : *form == "mermaid" ? pipelines_as_mermaid()
                                            : pipelines_as_text());
            return Succeeded;
        };
    });
}

}  // namespace slipway
