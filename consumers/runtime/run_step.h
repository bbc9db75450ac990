#pragma once
// The one place that acts on a step's answer: it runs the next step of a VM and turns the answer
// into one change of the record. It saves nothing, publishes nothing and knows no thread.

#include <chrono>
#include <optional>

#include "consumers/runtime/step.h"
#include "consumers/runtime/world.h"
#include "schema/store.h"

namespace slipway {

struct Stepped {
    Change change;
    bool goes_on = false;  // the next step may run now
    bool tell = true;      // step-events hears of it: not of an unchanged answer, but every 15 s
};

Stepped run_step(const Pipeline& pipeline, const StepTimes& times, World& world, const Vm& vm);

// What a VM at rest does with the oldest request that waits for it.
Stepped start_queued(const Pipeline& pipeline,
                     const StepTimes& times,
                     const Vm& vm,
                     const RequestRow& request,
                     Time now);

// What is recorded when the database refused the record of an answer.
Stepped fail_step(const Pipeline& pipeline,
                  const StepTimes& times,
                  const Vm& vm,
                  std::string_view error,
                  Time now);

// 1 s doubling to 60 s, spread over the upper quarter by service, so that a thousand VMs that
// failed together do not come back together.
std::chrono::microseconds back_off(const StepTimes& times, const Vm& vm, int failures);

}  // namespace slipway
