// What each event type holds, in words. tests/topics/asyncapi_test.cpp holds this against what is
// really written.

#include "topics/asyncapi.h"

namespace slipway {

namespace {

using enum FieldKind;

constexpr EventField service_id{"service_id", Text, true, "The service this is about."};
constexpr EventField pipeline{"pipeline", Text, true, "The pipeline the VM is in."};
constexpr EventField run{"run", WholeNumber, true, "Which lifecycle of the service, from 1."};

EventDescription request() {
    return {"slipway.request",
            "A lifecycle request",
            "The last part of the type says what is wanted: slipway.request.deploy, "
            "slipway.request.terminate and so on. Further fields depend on it.",
            "Chosen by the sender; a request with a known id is not carried out twice.",
            {{"service_id",
              Text,
              true,
              "The service this is about. A whole number is taken for its digits."}}};
}

EventDescription state() {
    return {"slipway.state",
            "Where a VM stands",
            "The VM is now in this state. The group of the pipeline does the one next step.",
            "service_id/run/version",
            {service_id,
             pipeline,
             run,
             {"state", Text, true, "The published state."},
             {"version", WholeNumber, true, "Rises with every change; an older one is old news."}}};
}

std::vector<EventField> step_fields() {
    return {service_id,
            {"vmid", WholeNumber, false, "The VM's number in its cluster, once it has one."},
            pipeline,
            run,
            {"row", WholeNumber, true, "Its place in the log of this run."},
            {"number", WholeNumber, true, "The place of its step in the table, from 1."},
            {"label", Text, false, "What the step is called."},
            {"result", Text, false, "success, skip, waiting, error or lost."},
            {"text", Text, false, "Why it was skipped, waits or failed."},
            {"from", Text, false, "The state before."},
            {"to", Text, false, "The state after."},
            {"attempts", WholeNumber, true, "How often it gave this answer in a row."},
            {"duration_us", WholeNumber, true, "How long it took, in microseconds."},
            {"line", Text, false, "What the step had to say, for slipway.line."}};
}

EventDescription activity() {
    return {"slipway.activity",
            "What a customer is told",
            "At most one of each kind in a run.",
            "service_id/run/kind",
            {service_id,
             run,
             {"kind", Text, true, "What happened, in one word."},
             {"text", Text, true, "What happened, in one sentence."}}};
}

EventDescription letter() {
    return {"slipway.letter",
            "A letter is to be sent",
            "Says which one; what it holds is in the database alone. At most one of each kind in a "
            "run.",
            "service_id/run/kind",
            {service_id, run, {"kind", Text, true, "Its occasion: ready, password or restored."}}};
}

EventDescription dead_letter() {
    return {"slipway.dead_letter",
            "Something a person must look at",
            "A VM that was parked, a request that was rejected, a message nobody could read, or a "
            "letter that no mail server takes.",
            "The key",
            {{"key", Text, true, "Names the dead letter, also in the database."},
             {"kind", Text, true, "parked, unreadable, rejected or letter."},
             {"service_id", Text, false, "The service, if it is known."},
             {"reason", Text, true, "Why it is here."},
             {"origin_topic", Text, false, "Where the message stood."},
             {"origin_partition", WholeNumber, false, "Where the message stood."},
             {"origin_offset", WholeNumber, false, "Where the message stood."},
             {"raw_base64", Text, false, "Its first 64 KiB. A stranger may have written them."},
             {"raw_length", WholeNumber, false, "Its whole length in bytes."},
             {"raw_sha256", Text, false, "The SHA-256 of all of it."}}};
}

}  // namespace

const std::vector<EventDescription>& event_descriptions() {
    static const std::vector<EventDescription> descriptions = {
        request(),
        state(),
        {"slipway.step",
         "One attempt of a step",
         "Told when it begins to answer otherwise, and every 15 s while it goes on.",
         "Names the row of the log",
         step_fields()},
        {"slipway.line",
         "A live line",
         "One thing a step said while it ran.",
         "Names the row of the log and the line",
         step_fields()},
        activity(),
        letter(),
        dead_letter()};
    return descriptions;
}

}  // namespace slipway
