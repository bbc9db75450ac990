#include "consumers/runtime/step.h"

namespace slipway {

std::size_t next_place(const Pipeline& pipeline, const Vm& vm) {
    const std::string_view at =
        pipeline.shows == Shows::Phases && !vm.phase.empty() ? vm.phase : vm.state;
    if (at == pipeline.starts_at) return 0;
    for (std::size_t i = 0; i < pipeline.steps.size(); ++i)
        if (pipeline.steps[i].state == at) return i + 1;
    return pipeline.steps.size();
}

Vm begin_run(const Vm& vm, const Pipeline& pipeline, const RequestRow& request, Time wake_at) {
    Vm next = vm;
    next.service_id = request.service_id;
    next.pipeline = pipeline.name;
    next.state = pipeline.starts_at;
    next.phase.clear();
    next.run = vm.run + 1;
    // A new row's version starts at epoch microseconds, so that a forgotten process can never match
    // a re-created row.
    next.version = vm.version == 0 ? request.at.time_since_epoch().count() : vm.version + 1;
    next.wake_at = wake_at;
    next.log_row = 0;
    next.failures = 0;
    next.answer.clear();
    next.last_error_action.clear();
    next.last_error.clear();
    next.target = request.payload;
    next.request_id = request.id;
    next.traceparent = request.traceparent;
    return next;
}

}  // namespace slipway
