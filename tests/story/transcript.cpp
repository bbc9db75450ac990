#include "tests/story/transcript.h"

#include <fmt/format.h>

#include <algorithm>

#include "consumers/pipelines/pipelines.h"

namespace slipway {

std::string run_log(Store& store, const RunRow& run) {
    const Pipeline* pipeline = find_pipeline(run.pipeline);
    std::string text = fmt::format("--- {}: service={} run={} result={}{} ---\n",
                                   pipeline ? pipeline->title : run.pipeline,
                                   run.service_id,
                                   run.run,
                                   run.result,
                                   run.error.empty() ? "" : " (" + run.error + ")");
    std::optional<Time> began;
    for (const StepRow& row : store.steps(run.service_id, run.run)) {
        if (!began) began = row.began;
        text += fmt::format("  [{}] {:2}. {:<25} {}{} ({} -> {}){} [{:.2f}s]\n",
                            row.result == "error" ? '!' : '+',
                            row.number,
                            row.label,
                            row.result,
                            row.text.empty() ? "" : ": " + row.text,
                            row.from,
                            row.to,
                            row.attempts == 1 ? "" : fmt::format(" x{}", row.attempts),
                            static_cast<double>((row.ended - *began).count()) / 1e6);
    }
    return text;
}

std::string run_logs(Store& store, const std::string& service_id) {
    std::vector<RunRow> runs = store.runs(service_id, 100);
    std::sort(
        runs.begin(), runs.end(), [](const RunRow& a, const RunRow& b) { return a.run < b.run; });
    std::string text;
    for (const RunRow& run : runs) text += run_log(store, run);
    return text;
}

}  // namespace slipway
