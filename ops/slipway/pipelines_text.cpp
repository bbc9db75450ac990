#include "ops/slipway/pipelines_text.h"

#include <fmt/format.h>

#include "consumers/pipelines/pipelines.h"

namespace slipway {
namespace {

std::string_view words(IfItFails policy) {
    switch (policy) {
        case IfItFails::Retry:
            return "retry";
        case IfItFails::Continue:
            return "go on";
        case IfItFails::Park:
            return "park";
    }
    return "";
}

std::string_view words(Admission admission) {
    switch (admission) {
        case Admission::Begin:
            return "begin";
        case Admission::Start:
            return "start";
        case Admission::Interrupt:
            return "interrupt";
        case Admission::Queue:
            return "queue";
        case Admission::Reject:
            return "reject";
    }
    return "";
}

}  // namespace

std::string pipelines_as_markdown() {
    std::string text;
    for (const Pipeline* pipeline : pipelines()) {
        text += fmt::format("**{}** (topic `{}`, begins at `{}`{})\n\n",
                            pipeline->name,
                            pipeline->topic,
                            pipeline->starts_at,
                            pipeline->shows == Shows::Phases
                                ? "; its rows name phases, the published state stays"
                                : "");
        text += "| # | state when done | label | if it fails | what happens |\n";
        text += "|--:|---|---|---|---|\n";
        int number = 0;
        for (const Step& step : pipeline->steps)
            text += fmt::format("| {} | `{}` | {} | {} | {} |\n",
                                ++number,
                                step.state,
                                step.label,
                                words(step.if_it_fails),
                                step.what_happens);
        text += '\n';
    }
    text +=
        "| a request for | no VM yet | removed | ready | in the same pipeline | in another | "
        "parked |\n|---|---|---|---|---|---|---|\n";
    for (const Rule& rule : rules())
        text += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n",
                            rule.request,
                            words(rule.no_row),
                            words(rule.removed),
                            words(rule.ready),
                            words(rule.same),
                            words(rule.other),
                            words(rule.parked));
    return text;
}

std::string pipelines_as_text() {
    std::string text;
    for (const Pipeline* pipeline : pipelines()) {
        text += fmt::format(
            "{} (topic {}, begins at {})\n", pipeline->name, pipeline->topic, pipeline->starts_at);
        int number = 0;
        for (const Step& step : pipeline->steps)
            text += fmt::format("  {:>2}. {:<30} {:<26} {:<6} {}\n",
                                ++number,
                                step.state,
                                step.label,
                                words(step.if_it_fails),
                                step.what_happens);
        text += '\n';
    }
    return text;
}

std::string pipelines_as_mermaid() {
    std::string text = "stateDiagram-v2\n";
    for (const Pipeline* pipeline : pipelines()) {
        std::string at(pipeline->starts_at);
        text += fmt::format(
            "    state {} {{\n        [*] --> {}_{}\n", pipeline->name, pipeline->name, at);
        for (const Step& step : pipeline->steps) {
            text += fmt::format(
                "        {0}_{1} --> {0}_{2} : {3}\n", pipeline->name, at, step.state, step.label);
            if (step.if_it_fails == IfItFails::Park)
                text += fmt::format(
                    "        {0}_{1} --> {0}_{2} : failed\n", pipeline->name, at, state_parked);
            at = step.state;
        }
        text += fmt::format("        {}_{} --> [*]\n    }}\n", pipeline->name, at);
    }
    return text;
}

}  // namespace slipway
